"""How a body differs from its type, told without a value of it: keys, JSON types, and members of enums."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from extend_source.api.shapes.files import Types
from extend_source.text.json_codec import json_type

HIDDEN_KEY = "(a key that is not shown)"
HIDDEN_VALUE = "(not shown)"

_SCALARS = {"string": ("string",), "number": ("integer", "number"), "boolean": ("boolean",), "time": ("string",)}
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)")

# What the API itself would call a key or a member, and no id, number or text of a user
_KEY = re.compile(r"[A-Za-z][a-z]{0,15}(?:[A-Z][a-z]{0,15}|_[a-z]{1,16}){0,5}")
_MEMBER = re.compile(r"[A-Z]{2,16}(?:_[A-Z]{1,16}){0,4}|[a-z]{2,16}(?:_[a-z]{1,16}){0,4}")

Part = tuple[str, Any, str]
"""A type, the value that should have it, and where it stands."""


class Difference(NamedTuple):
    """One way in which a body differs from its type.

    Attributes:
        path: where, with ``[]`` for the items of arrays and ``*`` for keys that are the user's own.
        what: ``unknown key``, ``missing key``, ``other type`` or ``unknown value``.
        detail: the JSON type that came, or the value if it can only be a member of an enum.
    """

    path: str
    what: str
    detail: str = ""


def differences(types: Types, expected: str, value: Any) -> set[Difference]:
    """Compare a body with its type.

    Args:
        types: the types of its version.
        expected: its own type.
        value: the decoded body.

    Returns:
        The differences; empty where it is as expected. Nothing in them is a value of the body but members of enums.
    """
    found: set[Difference] = set()
    left: list[Part] = [(expected, value, "")]
    while left:  # blocks may nest deeper than calls can
        kind, part, path = left.pop()
        for each in _compared(types, kind, part, path):
            if isinstance(each, Difference):
                found.add(each)
            else:
                left.append(each)
    return found


def _compared(types: Types, kind: str, value: Any, path: str) -> Iterator[Difference | Part]:
    """Compare one value; yield its differences and the parts that are still to be compared."""
    if kind == "any":
        return
    if kind.startswith("'"):
        yield from _member([kind.strip("'")], value, path)
    elif kind.endswith("[]"):
        yield from _items(kind[:-2], value, path)
    elif kind.startswith("{"):
        yield from _values(kind[1:-1], value, path)
    elif kind in _SCALARS:
        yield from _scalar(kind, value, path)
    else:
        named = types[kind]
        yield from _member(named, value, path) if isinstance(named, list) else _object(named, value, path)


def _member(members: list[str], value: Any, path: str) -> Iterator[Difference | Part]:
    if not isinstance(value, str):
        yield _other_type("string", value, path)
    elif value not in members:
        is_shown = _MEMBER.fullmatch(value) and not _is_below_users_key(path)
        yield Difference(path, "unknown value", value if is_shown else HIDDEN_VALUE)


def _scalar(kind: str, value: Any, path: str) -> Iterator[Difference | Part]:
    if json_type(value) not in _SCALARS[kind]:
        yield _other_type(kind, value, path)
    elif kind == "time" and not _TIME.fullmatch(value):
        yield Difference(path, "other type", "time expected, another text came")


def _items(kind: str, value: Any, path: str) -> Iterator[Difference | Part]:
    if not isinstance(value, list):
        yield _other_type("array", value, path)
        return
    for item in value:
        yield kind, item, f"{path}[]"


def _values(kind: str, value: Any, path: str) -> Iterator[Difference | Part]:
    if not isinstance(value, dict):
        yield _other_type("object", value, path)
        return
    for item in value.values():
        if item is not None:
            yield kind, item, _below(path, "*")


def _object(fields: dict[str, str], value: Any, path: str) -> Iterator[Difference | Part]:
    if not isinstance(value, dict):
        yield _other_type("object", value, path)
    elif "by" in fields:
        yield from _variant(fields, value, path)
    elif "with" in fields:
        yield fields["with" if _has_schema(value) else "without"], value, path
    else:
        yield from _fields(fields, value, path)


def _variant(variants: dict[str, str], value: dict[str, Any], path: str) -> Iterator[Difference | Part]:
    tag = variants["by"]
    chosen = value.get(tag)
    if chosen is None and "else" in variants:
        return
    if tag not in value:
        yield Difference(_below(path, tag), "missing key")
    elif isinstance(chosen, str) and chosen in variants.keys() - {"by", "else"}:
        yield variants[chosen], value, path
    else:
        yield from _member([], chosen, _below(path, tag))


def _has_schema(output: dict[str, Any]) -> bool:
    """Tell an extraction by a schema from a legacy one, whose fields may be called ``value`` and ``metadata``, too."""
    metadata = output.get("metadata")
    is_field = isinstance(metadata, dict) and {"id", "type", "value"} <= metadata.keys()
    return "value" in output and isinstance(metadata, dict) and not is_field


def _fields(fields: dict[str, str], value: dict[str, Any], path: str) -> Iterator[Difference | Part]:
    for key, part in value.items():
        if key in fields and key != "*":
            yield fields[key], part, _below(path, key)
        elif f"{key}?" in fields:
            if part is not None and part != {}:
                yield fields[f"{key}?"], part, _below(path, key)
        else:
            is_shown = "*" not in fields and _KEY.fullmatch(key) and not _is_below_users_key(path)
            shown = key if is_shown else HIDDEN_KEY
            yield Difference(_below(path, shown), "unknown key", json_type(part))
    for key in fields:
        if key != "*" and not key.endswith("?") and key not in value:
            yield Difference(_below(path, key), "missing key")


def _is_below_users_key(path: str) -> bool:
    """Tell whether a part stands below a key of the user's: there, what the API nests otherwise may be theirs."""
    return "*" in path.split(".")


def _other_type(expected: str, value: Any, path: str) -> Difference:
    return Difference(path, "other type", f"{expected} expected, {json_type(value)} came")


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
