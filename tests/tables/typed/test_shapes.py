"""The shape that a config declares."""

from __future__ import annotations

from typing import Any

import pytest

from extend_source.tables.typed.shapes import ArrayShape, ObjectShape, ScalarShape, Shape, output_shape


def sketch(shape: Shape | None) -> Any:
    """A shape as plain data."""
    if isinstance(shape, ObjectShape):
        return {key: sketch(inner) for key, inner in shape.members.items()}
    if isinstance(shape, ArrayShape):
        return [sketch(shape.item)]
    return shape.kind.name if isinstance(shape, ScalarShape) else None


def of_field(schema: Any, **more: Any) -> Any:
    """What a schema makes of one field ``x``."""
    shape = output_shape({"schema": {"type": "object", "properties": {"x": schema}, **more}})
    return sketch(shape)["x"] if shape else None


MONEY = {"amount": "decimal", "iso_4217_currency_code": "text"}
SIGNATURE = {"printed_name": "text", "signature_date": "date", "is_signed": "bool", "title_or_role": "text"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["string", "null"]}, "text"),
        ({"type": "integer"}, "bigint"),
        ({"type": ["number", "null"]}, "double"),
        ({"type": ["integer", "number"]}, "double"),
        ({"type": "boolean"}, "bool"),
        ({"type": ["string", "null"], "extend:type": "date"}, "date"),
        ({"type": "object", "extend:type": "currency", "properties": {"amount": {"type": "number"}}}, MONEY),
        ({"type": "object", "extend:type": "signature"}, SIGNATURE),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text"),
        ({"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "null"}]}, {"a": "text"}),
        ({"type": "string", "enum": ["a", "b", None]}, "text"),
        ({"enum": ["a", None]}, "text"),
        ({"enum": [1, 2]}, "bigint"),
        ({"const": True}, "bool"),
        ({"enum": ["a", 1]}, "json"),
        ({"type": ["string", "number"]}, "json"),
        ({"type": ["object", "string"]}, "json"),
        ({"type": "object"}, "json"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "json"),
        ({"type": "array"}, "json"),
        ({"type": "array", "items": [{"type": "string"}]}, "json"),
        ({}, "json"),
        ({"type": "null"}, "json"),
        ({"type": 5, "extend:type": ["date"]}, "json"),
        ({"type": "array", "items": {"type": "string"}}, ["text"]),
        ({"items": {"properties": {"a": {"type": "integer"}}}}, [{"a": "bigint"}]),
        ({"type": "array", "items": {"type": "array", "items": {"type": "number"}}}, [["double"]]),
        (
            {
                "allOf": [
                    {"type": "object", "properties": {"a": {"type": "string"}}},
                    {"properties": {"b": {"type": "number"}}},
                ]
            },
            {"a": "text", "b": "double"},
        ),
        (
            {"anyOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"type": "number"}}}]},
            {"a": "json"},
        ),
    ],
)
def test_what_a_json_schema_declares(schema: Any, expected: Any) -> None:
    assert of_field(schema) == expected


def test_references_are_followed() -> None:
    definitions = {
        "party": {"type": "object", "properties": {"name": {"$ref": "#/$defs/name"}}},
        "name": {"type": "string"},
    }

    assert of_field({"$ref": "#/$defs/party"}, **{"$defs": definitions}) == {"name": "text"}


def test_what_refers_to_itself_ends_in_json() -> None:
    tree = {"type": "object", "properties": {"name": {"type": "string"}, "child": {"$ref": "#/$defs/tree"}}}

    assert of_field({"$ref": "#/$defs/tree"}, **{"$defs": {"tree": tree}}) == {"name": "text", "child": "json"}


def test_what_is_nested_very_deeply_is_json() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(400):
        schema = {"type": "array", "items": schema}

    shape, depth = of_field(schema), 0
    while isinstance(shape, list):
        (shape,), depth = shape, depth + 1

    assert (shape, depth) == ("json", 50)


def test_references_that_unfold_without_end_come_to_one() -> None:
    wide = {"type": "object", "properties": {f"p{number}": {"$ref": f"#/$defs/d{number}"} for number in range(10)}}
    definitions = {f"d{number}": wide for number in range(10)}

    assert of_field({"$ref": "#/$defs/d0"}, **{"$defs": definitions})["p1"]["p2"]["p0"] == "json"


@pytest.mark.case("3.9")
@pytest.mark.parametrize("is_array", [False, True])
def test_types_that_may_each_hold_all_others_are_unfolded_as_deeply_as_stays_small(is_array: bool) -> None:
    def holding(count: int) -> dict[str, Any]:
        names = [f"n{number}" for number in range(count)]
        held = {name: {"$ref": f"#/$defs/{name}"} for name in names}
        members = {name: {"type": "array", "items": ref} if is_array else ref for name, ref in held.items()}
        return {name: {"type": "object", "properties": {"id": {"type": "string"}, **members}} for name in names}

    def depth(shape: Any) -> int:
        inner = shape[0] if isinstance(shape, list) else shape
        return 1 + max(map(depth, inner.values())) if isinstance(inner, dict) else 0

    ten, three = (of_field({"$ref": "#/$defs/n0"}, **{"$defs": holding(count)}) for count in (10, 3))

    assert ten["id"] == "text"
    end = {"id": "text", **{f"n{number}": "json" for number in range(10)}}
    assert (ten["n1"] if is_array else ten["n1"]["n2"]) == (["json"] if is_array else end)
    assert (depth(ten), depth(three)) == (1 if is_array else 3, 3)
    assert ten["n0"] == (["json"] if is_array else "json")
    assert of_field({"$ref": "#/$defs/n0"}, **{"$defs": holding(10)}) == ten


@pytest.mark.case("3.9")
def test_a_type_that_holds_others_twice_at_each_of_many_levels_is_json_further_down() -> None:
    def level(number: int) -> dict[str, Any]:
        below = {"$ref": f"#/$defs/l{number + 1}"} if number < 40 else {"type": "string"}
        return {"type": "object", "properties": {"a": below, "b": below}}

    shape = of_field({"$ref": "#/$defs/l0"}, **{"$defs": {f"l{number}": level(number) for number in range(41)}})

    depth = 0
    while isinstance(shape, dict):
        assert shape["a"] == shape["b"]
        shape, depth = shape["b"], depth + 1
    assert (shape, depth) == ("json", 8)


@pytest.mark.case("3.9")
def test_choices_that_name_each_other_are_followed_once_each() -> None:
    names = [f"n{number}" for number in range(30)]
    choices = {name: {"anyOf": [{"$ref": f"#/$defs/{other}"} for other in names]} for name in names}
    choices["n29"] = {"type": "string"}

    assert of_field({"$ref": "#/$defs/n0"}, **{"$defs": choices}) == "text"


@pytest.mark.case("3.8")
@pytest.mark.parametrize(
    ("more", "is_open"),
    [
        ({"additionalProperties": {"type": "number"}}, True),
        ({"additionalProperties": True}, True),
        ({"additionalProperties": {}}, True),
        ({"patternProperties": {"^x-": {"type": "string"}}}, True),
        ({"unevaluatedProperties": {"type": "string"}}, True),
        ({"anyOf": [{"additionalProperties": True}, {"type": "null"}]}, True),
        ({"additionalProperties": False}, False),
        ({}, False),
    ],
)
def test_an_object_whose_schema_allows_more_members_is_open(more: dict[str, Any], is_open: bool) -> None:
    rates = {"type": "object", "properties": {"base": {"type": "string"}}, **more}

    shape = output_shape({"schema": {"type": "object", "properties": {"rates": rates}}})

    assert shape is not None
    assert not shape.is_open
    inner = shape.members["rates"]
    assert isinstance(inner, ObjectShape)
    assert (inner.is_open, list(inner.members)) == (is_open, ["base"])


def test_what_legacy_fields_declare() -> None:
    fields = [
        {"id": "1", "name": "number", "type": "string"},
        {"id": "2", "name": "total", "type": "currency"},
        {"id": "3", "name": "due", "type": "date"},
        {"id": "4", "name": "kind", "type": "enum", "enum": [{"value": "a"}]},
        {"id": "5", "name": "lines", "type": "array", "schema": [{"id": "6", "name": "price", "type": "number"}]},
        {"id": "7", "name": "vendor", "type": "object", "schema": [{"id": "8", "name": "name", "type": "string"}]},
        {"id": "9", "name": "signed", "type": "signature"},
        {"id": "10", "name": "number", "type": "boolean"},
        {"id": "11", "name": "tags", "type": "array"},
        {"id": "12", "name": "odd", "type": "of the future"},
        {"type": "string"},
    ]

    assert sketch(output_shape({"fields": fields})) == {
        "number": "text",
        "total": MONEY,
        "due": "date",
        "kind": "text",
        "lines": [{"price": "double"}],
        "vendor": {"name": "text"},
        "signed": SIGNATURE,
        "10": "bool",
        "tags": "json",
        "odd": "json",
    }


@pytest.mark.parametrize(
    "config", [{}, {"schema": {}}, {"schema": {"type": "array", "items": {}}}, {"fields": []}, {"fields": 5}]
)
def test_a_config_without_fields_has_no_shape(config: dict[str, Any]) -> None:
    assert output_shape(config) is None
