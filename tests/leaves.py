"""Walks a payload's leaves and looks for them in tables: the judge of losslessness."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from extend_source.tables.kinds import to_timestamp

SECRET_KEYS = frozenset({"presignedUrl", "downloadUrl", "imageUrl", "outputUrl"})


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a JSON value with its place; null says nothing, and secrets are left out."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in SECRET_KEYS:
                yield from leaves(item, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{where}[{index}]")
    elif value is not None:
        yield where, value


def canonical(value: Any) -> tuple[str, Any]:
    """Make values comparable that mean the same: 30 and 30.0, a time and its text."""
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, (int, float, Decimal)):
        return "number", Decimal(str(value)).normalize()
    if isinstance(value, datetime):
        return "time", value.timestamp()
    return "text", value


def values_in(cells: Iterable[Any]) -> set[tuple[str, Any]]:
    """Collect everything that some cells of tables hold, the inside of JSON cells included."""
    found: set[tuple[str, Any]] = set()
    for cell in cells:
        if cell is None:
            continue
        found.add(canonical(cell))
        if (isinstance(cell, str) and cell[:1] in '{["') or (isinstance(cell, str) and cell[:1].isdigit()):
            try:
                inside = json.loads(cell, parse_float=Decimal)
            except (ValueError, InvalidOperation):  # a digest such as 133e4685... begins like a number
                continue
            found.update(canonical(leaf) for _, leaf in leaves(inside))
    return found


def missing_leaves(payload: Any, cells: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return the leaves of a payload that no cell holds, with their places."""
    found = values_in(cells)
    return [(place, leaf) for place, leaf in leaves(payload) if not _is_in(leaf, found)]


def _is_in(leaf: Any, found: set[tuple[str, Any]]) -> bool:
    if canonical(leaf) in found:
        return True
    # numbers of a user's document are kept digit by digit, as text
    if isinstance(leaf, (int, float, Decimal)) and not isinstance(leaf, bool):
        return any(kind == "text" and _same_number(text, leaf) for kind, text in found)
    if isinstance(leaf, bool):
        return ("text", "true" if leaf else "false") in found
    try:
        return canonical(to_timestamp(leaf)) in found
    except ValueError:
        return False


def _same_number(text: str, number: Any) -> bool:
    try:
        return Decimal(text) == Decimal(str(number))
    except ArithmeticError:
        return False
