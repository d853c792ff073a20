"""Configs as rows: scalar options, classes, page ranges and the fields of extraction schemas."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tables.flat import flatten, run_of, without


def tables_of(config: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return flatten(run_of(config["type"], config=config))


def fields_of(schema: dict[str, Any]) -> list[tuple[Any, ...]]:
    rows = tables_of({"type": "EXTRACT", "schema": schema})["run_config_fields"]
    return [(row["path"], row["value_type"], row["extend_type"], row["nullable"]) for row in rows]


def test_scalar_options_are_columns() -> None:
    config = {
        "type": "EXTRACT",
        "extractionRules": "Be exact.",
        "advancedOptions": {"citationsEnabled": True, "reviewAgent": {"enabled": False}, "fixedPageLimit": 30.0},
        "parser": {"blockOptions": {"tables": {"agentic": {"enabled": True}}}, "advancedOptions": {"verticalGroupingThreshold": 1}},
    }  # fmt: skip

    (row,) = tables_of(config)["run_configs"]

    assert without(row, "config_id", "config") == {
        "processor_type": "EXTRACT", "rules": "Be exact.", "advanced_citations_enabled": True,
        "advanced_review_agent_enabled": False, "advanced_fixed_page_limit": 30,
        "parser_tables_agentic_enabled": True, "parser_advanced_vertical_grouping_threshold": 1.0,
    }  # fmt: skip


def test_an_option_of_tomorrow_is_reported_and_stays_in_the_config() -> None:
    tables = tables_of({"type": "EXTRACT", "parser": {"advancedOptions": {"turbo": True}}})

    assert tables["run_configs"][0]["config"] == '{"parser":{"advancedOptions":{"turbo":true}},"type":"EXTRACT"}'
    assert [(row["object"], row["path"]) for row in tables["schema_drift"]] == [
        ("config", "parser.advancedOptions.turbo")
    ]


def test_page_ranges_of_all_places_are_rows() -> None:
    config = {
        "type": "EXTRACT",
        "advancedOptions": {"pageRanges": [{"start": 1, "end": 3}, {"start": 7}], "excelSheetRanges": [{"start": 0, "end": 1}]},
        "parser": {"advancedOptions": {"pageRanges": [{"end": 9}]}},
    }  # fmt: skip

    rows = tables_of(config)["run_config_page_ranges"]

    assert [(row["scope"], row["position"], row["range_start"], row["range_end"]) for row in rows] == [
        ("advanced", 0, 1, 3), ("advanced", 1, 7, None), ("parser", 0, None, 9), ("excel_sheets", 0, 0, 1),
    ]  # fmt: skip


def test_classes_of_splitters_are_rows_too() -> None:
    config = {"type": "SPLITTER", "splitClassifications": [{"id": "a", "type": "Invoice", "description": "d"}]}

    (row,) = tables_of(config)["run_config_classifications"]

    assert (row["position"], row["id"], row["type"], row["description"]) == (0, "a", "Invoice", "d")


def test_a_json_schema_is_walked_through_objects_arrays_and_references() -> None:
    schema = {
        "type": "object",
        "properties": {
            "total": {"type": ["number", "null"]},
            "due": {"anyOf": [{"type": "string", "extend:type": "date"}, {"type": "null"}]},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        },
        "$defs": {"line": {"type": "object", "properties": {"sku": {"type": "string"}, "a.b": {"enum": ["x", None]}}}},
    }

    assert fields_of(schema) == [
        ("total", "number", None, True),
        ("due", "string", "date", True),
        ("lines", "array", None, False),
        ("lines[]", "object", None, False),
        ("lines[].sku", "string", None, False),
        ('lines[]["a.b"]', None, None, True),
    ]


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    }

    assert fields_of(schema) == [("next", "object", None, False)]


@pytest.mark.case("3.9")
def test_types_that_may_each_hold_all_others_have_a_bounded_number_of_fields() -> None:
    names = [f"n{number}" for number in range(10)]
    held = {name: {"$ref": f"#/$defs/{name}"} for name in names}
    definitions = {name: {"type": "object", "properties": held} for name in names}

    fields = fields_of({"properties": {"x": {"$ref": "#/$defs/n0"}}, "$defs": definitions})

    paths = [path for path, *_ in fields]
    assert len(paths) == len(set(paths)) == 1 + 10 + 9 * 10 + 9 * 8 * 10
    assert max(path.count(".") for path in paths) == 3
    assert paths[:6] == ["x", "x.n0", "x.n1", "x.n1.n0", "x.n1.n1", "x.n1.n2"]
    assert {kind for _, kind, *_ in fields} == {"object"}


@pytest.mark.case("3.9")
def test_a_schema_without_references_has_all_its_fields() -> None:
    schema = {"properties": {f"f{number}": {"type": "string"} for number in range(6000)}}

    assert len(fields_of(schema)) == 6000


def test_a_dangling_reference_and_odd_schemas_do_no_harm() -> None:
    schema = {"properties": {"a": {"$ref": "#/nowhere"}, "b": True, "c": {"type": 7, "items": []}}}

    assert fields_of(schema) == [("a", None, None, False), ("c", None, None, False)]


def test_legacy_fields_are_walked_through_arrays_and_objects() -> None:
    fields = [
        {"id": "1", "name": "due", "type": "date", "description": "When"},
        {"id": "2", "name": "lines", "type": "array", "schema": [{"id": "3", "name": "sku", "type": "string"}]},
        {"id": "4", "name": "party", "type": "object", "schema": [{"id": "5", "name": "kind", "type": "enum", "enum": [{"value": "a"}]}]},
    ]  # fmt: skip

    rows = tables_of({"type": "EXTRACT", "fields": fields})["run_config_fields"]

    assert [
        (row["path"], row["field_id"], row["value_type"], row["extend_type"], row["enum_values"]) for row in rows
    ] == [
        ("due", "1", "date", "date", None),
        ("lines", "2", "array", None, None),
        ("lines[].sku", "3", "string", None, None),
        ("party", "4", "object", None, None),
        ("party.kind", "5", "enum", None, '[{"value":"a"}]'),
    ]


def test_a_signed_url_in_a_schema_is_cut_off_in_every_row_made_of_it() -> None:
    link = "https://files.example/a.pdf?X-Amz-Signature=abc"
    schema = {"type": "object", "properties": {"total": {"type": "string", "description": link, "enum": [link]}}}

    tables = tables_of({"type": "EXTRACT", "schema": schema, "extractionRules": link})

    (field,) = tables["run_config_fields"]
    assert field["description"] == "https://files.example/a.pdf?[redacted]"
    assert field["enum_values"] == '["https://files.example/a.pdf?[redacted]"]'
    assert "X-Amz-Signature" not in str(tables["run_configs"])
