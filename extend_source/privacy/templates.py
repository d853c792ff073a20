"""Paths and path templates as keys: ``line_items[0].sku`` and ``line_items[].sku`` are both two keys.

Array items are not counted: a rule holds for all of them.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from functools import lru_cache
from typing import TypeAlias

from extend_source.tables.paths import ROOT

Keys: TypeAlias = "tuple[str, ...]"
"""The object keys from a document down to a value."""


class Wildcard(Enum):
    """What stands for keys that are not named."""

    ONE = "*"
    ANY_NUMBER = "**"


Template: TypeAlias = "tuple[str | Wildcard, ...]"

_PART = re.compile(
    r"""
    (?P<dot>\.)? (?: (?P<plain>[^.\[\]"]+) | \[(?P<quoted>"(?:[^"\\]|\\.)*")\] )   # a key, or a quoted one
    | (?P<item>\[\d*\])
    """,
    re.VERBOSE | re.DOTALL,
)


def parse_template(text: str) -> Template:
    """Read a path template as users write it.

    Args:
        text: keys joined by dots; ``[]`` is passed over, ``*`` is one key, ``**`` any number of them, and keys that
            hold dots, brackets or quotes are quoted: ``["net.amount"]``.

    Returns:
        The keys and wildcards.

    Raises:
        ValueError: it is no path.
    """
    template: list[str | Wildcard] = []
    for key, is_quoted in _parts(text):
        if not is_quoted and "*" in key:
            if key not in ("*", "**"):
                raise ValueError("a star stands for whole keys")
            template.append(Wildcard(key))
        else:
            template.append(key)
    return tuple(template)


@lru_cache(maxsize=65_536)
def parse_path(text: str) -> Keys:
    """Read the path of a value as the API or the column ``path`` has it.

    Args:
        text: the path; one that breaks the grammar is taken apart at its dots.

    Returns:
        The keys.
    """
    try:
        return tuple(key for key, _ in _parts(text))
    except ValueError:
        return tuple(re.sub(r"\[\d+\]", "", text).split("."))


def _parts(text: str) -> list[tuple[str, bool]]:
    """The keys of a path, each with whether it was quoted."""
    parts: list[tuple[str, bool]] = []
    place = len(ROOT) if re.match(r"\$(?![^.\[])", text) else 0
    if not text:
        raise ValueError("it is empty")
    while place < len(text):
        match = _PART.match(text, place)
        if match is None:
            raise ValueError(f"it cannot be read from {text[place : place + 20]!r} on")
        plain, quoted = match["plain"], match["quoted"]
        if plain is not None and (match["dot"] is None) is not (place == 0):
            raise ValueError("keys are joined by single dots")
        if plain is not None:
            parts.append((plain, False))
        elif quoted is not None:
            parts.append((_unquoted(quoted), True))
        place = match.end()
    return parts


def _unquoted(text: str) -> str:
    key: str = json.loads(text)
    return key
