"""The shape that a processor's config declares for its output: objects, arrays and typed scalars.

Types come from the config alone, a JSON Schema with ``extend:type`` or a legacy list of fields (docs "Extraction:
schema", "Legacy output type"), never from values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from extend_source.tables.kinds import Kind
from extend_source.tables.schema_walking import (
    MAX_VISITED,
    JsonSchema,
    References,
    SchemaWalk,
    objects_in,
    text_or_none,
)
from extend_source.tables.typed import strict_kinds as kinds

MAX_DEPTH = 50
"""What is nested more deeply is JSON."""


ADDITIONAL = "*"
"""Stands in a path for the members that an object may have beside those that its schema names."""

_OPENING = ("additionalProperties", "patternProperties", "unevaluatedProperties")


@dataclass(frozen=True)
class ScalarShape:
    """A value of one column."""

    kind: Kind
    description: str | None = None


@dataclass(frozen=True)
class ObjectShape:
    """An object with declared members.

    Attributes:
        members: the members by key.
        aliases: other keys under which a member may stand: the ids of legacy fields.
        bare: the member that a scalar in the object's place is taken for; legacy amounts of money come without a
            currency.
        is_open: it may have other members, of any name.
    """

    members: dict[str, Shape]
    aliases: dict[str, str] = field(default_factory=dict)
    bare: str | None = None
    is_open: bool = False


@dataclass(frozen=True)
class ArrayShape:
    """An array of items of one shape."""

    item: Shape


Shape: TypeAlias = "ScalarShape | ObjectShape | ArrayShape"


class FieldAction(Protocol):
    """Says what privacy rules do to a field."""

    def __call__(self, path: tuple[str, ...], *, scalar: bool) -> str:
        """Return keep, hash, mask or drop for the object keys down to a field."""


_SCALARS: dict[str, Kind] = {
    "string": kinds.STRING,
    "integer": kinds.INTEGER,
    "number": kinds.NUMBER,
    "boolean": kinds.BOOLEAN,
}

_ANY = ScalarShape(kinds.ANY)

_JSON_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "integer", dict: "object", list: "array"}


def output_shape(config: dict[str, Any]) -> ObjectShape | None:
    """Read the shape of an extraction's output from the config of its run.

    Args:
        config: the API's config object.

    Returns:
        The shape; None where the config declares none.
    """
    schema, legacy = config.get("schema"), config.get("fields")
    shape: Shape | None = None
    if isinstance(schema, dict):
        shape = _Unfolding(schema).shape(schema, ())
    elif isinstance(legacy, list):
        shape = _legacy_object(legacy)
    return shape if isinstance(shape, ObjectShape) else None


def hidden_shape(shape: ObjectShape, hide: FieldAction) -> ObjectShape:
    """Give the shape of outputs in which some fields are hidden.

    Args:
        shape: the shape that the config declares.
        hide: says which fields, and how.

    Returns:
        The shape without fields that are dropped, and with text where another text stands for the value.
    """
    hidden = _hidden(shape, hide, ())
    return hidden if isinstance(hidden, ObjectShape) else ObjectShape({})


def _hidden(shape: Shape, hide: FieldAction, path: tuple[str, ...]) -> Shape | None:
    """The shape of a part; None: nothing is left of it."""
    if isinstance(shape, ObjectShape):
        inner = ((key, _hidden(member, hide, (*path, key))) for key, member in shape.members.items())
        members = {key: member for key, member in inner if member is not None}
        if not members and hide(path, scalar=False) == "drop":
            return None
        is_open = shape.is_open and hide((*path, ADDITIONAL), scalar=False) != "drop"
        return ObjectShape(members, shape.aliases, shape.bare if shape.bare in members else None, is_open)
    if isinstance(shape, ArrayShape):
        item = _hidden(shape.item, hide, path)
        return None if item is None else ArrayShape(item)
    action = hide(path, scalar=True)
    if action == "drop":
        return None
    # what may be an object stays JSON, as only the scalars in it are replaced
    return shape if action == "keep" or shape.kind is kinds.ANY else ScalarShape(kinds.STRING, shape.description)


class _Unfolding:
    """Follows one JSON Schema."""

    def __init__(self, root: JsonSchema) -> None:
        self._walk = SchemaWalk(root)
        self._nodes = 0

    def shape(self, schema: JsonSchema, seen: References, depth: int = 0) -> Shape:
        """Give the shape that a part of the schema declares; what it leaves open is JSON."""
        self._nodes += 1
        if self._nodes > MAX_VISITED or depth > MAX_DEPTH:
            return _ANY
        found = list(self._walk.variants(schema, seen))
        description = next(filter(None, (text_or_none(part.get("description")) for part, _ in found)), None)
        for special in (text_or_none(part.get("extend:type")) for part, _ in found):
            if special in _SPECIAL:
                return _SPECIAL[special](description)
        types = {name for part, _ in found for name in _declared_types(part)} - {"null"}
        if types == {"integer", "number"}:
            types = {"number"}
        only = types.pop() if len(types) == 1 else None
        if only == "object":
            return self._object(found, depth + 1) or ScalarShape(kinds.ANY, description)
        if only == "array":
            return self._array(found, depth + 1) or ScalarShape(kinds.ANY, description)
        return ScalarShape(_SCALARS.get(only or "", kinds.ANY), description)

    def _object(self, found: list[tuple[JsonSchema, References]], depth: int) -> ObjectShape | None:
        members: dict[str, list[tuple[JsonSchema, References]]] = {}
        for part, seen in found:
            properties = part.get("properties")
            for name, child in properties.items() if isinstance(properties, dict) else ():
                if isinstance(child, dict):
                    members.setdefault(name, []).append((child, seen))
        if not members:
            return None
        inner = {name: self._combined(children, depth) for name, children in members.items()}
        return ObjectShape(inner, is_open=any(map(_is_open, (part for part, _ in found))))

    def _array(self, found: list[tuple[JsonSchema, References]], depth: int) -> ArrayShape | None:
        items = [(part["items"], seen) for part, seen in found if isinstance(part.get("items"), dict)]
        return ArrayShape(self._combined(items, depth)) if items else None

    def _combined(self, children: list[tuple[JsonSchema, References]], depth: int) -> Shape:
        """The shape of what several variants describe: any of them may hold."""
        if len(children) == 1:
            return self.shape(*children[0], depth)
        seen = tuple(dict.fromkeys(reference for _, references in children for reference in references))
        return self.shape({"anyOf": [child for child, _ in children]}, seen, depth)


def _is_open(schema: JsonSchema) -> bool:
    """Tell whether a schema says of members that it does not name that there may be some."""
    return any(schema.get(keyword) is True or isinstance(schema.get(keyword), dict) for keyword in _OPENING)


def _declared_types(schema: JsonSchema) -> Iterator[str]:
    declared = schema.get("type")
    if isinstance(declared, (str, list)):
        yield from (name for name in ([declared] if isinstance(declared, str) else declared) if isinstance(name, str))
    elif "properties" in schema:
        yield "object"
    elif "items" in schema:
        yield "array"
    else:
        values = schema.get("enum")
        constants = [*(values if isinstance(values, list) else []), *([schema["const"]] if "const" in schema else [])]
        yield from (_JSON_TYPES.get(type(value), "number") for value in constants if value is not None)


def _date(description: str | None) -> Shape:
    return ScalarShape(kinds.DATE, description)


def _currency(description: str | None) -> Shape:
    code = ScalarShape(kinds.STRING, "The currency, ISO 4217.")
    return ObjectShape({"amount": ScalarShape(kinds.AMOUNT, description), "iso_4217_currency_code": code}, bare=None)


def _signature(description: str | None) -> Shape:
    return ObjectShape(
        {
            "printed_name": ScalarShape(kinds.STRING, description),
            "signature_date": ScalarShape(kinds.DATE, description),
            "is_signed": ScalarShape(kinds.BOOLEAN, description),
            "title_or_role": ScalarShape(kinds.STRING, description),
        }
    )


_SPECIAL: dict[Any, Callable[[str | None], Shape]] = {"date": _date, "currency": _currency, "signature": _signature}


def _legacy_object(fields: list[Any]) -> ObjectShape | None:
    members: dict[str, Shape] = {}
    aliases: dict[str, str] = {}
    for entry in objects_in(fields):
        name, field_id = text_or_none(entry.get("name")), text_or_none(entry.get("id"))
        key = name if name is not None and name not in members else field_id
        if key is None or key in members:
            continue
        members[key] = _legacy_field(entry)
        if field_id is not None:
            aliases.setdefault(field_id, key)
    return ObjectShape(members, aliases) if members else None


def _legacy_field(entry: dict[str, Any]) -> Shape:
    kind, description = text_or_none(entry.get("type")), text_or_none(entry.get("description"))
    inner = _legacy_object(entry["schema"]) if isinstance(entry.get("schema"), list) else None
    if kind == "array":
        return ArrayShape(inner) if inner else ScalarShape(kinds.ANY, description)
    if kind == "currency":
        shape = _currency(description)
        assert isinstance(shape, ObjectShape)
        return ObjectShape(shape.members, bare="amount")
    if kind in _SPECIAL:
        return _SPECIAL[kind](description)
    if inner is not None:
        return inner
    return ScalarShape(_SCALARS.get("string" if kind == "enum" else kind or "", kinds.ANY), description)
