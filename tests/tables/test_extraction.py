"""Extraction outputs as rows: paths, types, metadata, citations, both output shapes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.tables.flat import flatten, run_of, without

RUN = ("run_id",)


def schema_run(value: Any, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    return run_of(output={"value": value, "metadata": metadata or {}})


def legacy_run(output: dict[str, Any]) -> dict[str, Any]:
    return run_of(config={"type": "EXTRACT", "fields": [{"name": "total", "type": "number"}]}, output=output)


def paths(run: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    rows = flatten(run)["extraction_fields"]
    return {row["path"]: (row["value_type"], row["value_text"]) for row in rows}


def test_nested_values_get_paths_templates_and_row_indexes() -> None:
    rows = flatten(schema_run({"vendor": {"name": "A"}, "lines": [{"sku": "x"}, {"sku": "y"}]}))["extraction_fields"]

    assert [
        (row["path"], row["path_template"], row["field"], row["parent_path"], row["row_index"], row["value_text"])
        for row in rows
    ] == [
        ("vendor.name", "vendor.name", "name", "vendor", None, "A"),
        ("lines[0].sku", "lines[].sku", "sku", "lines[0]", 0, "x"),
        ("lines[1].sku", "lines[].sku", "sku", "lines[1]", 1, "y"),
    ]


def test_arrays_of_arrays_keep_every_index() -> None:
    assert paths(schema_run({"m": [[1, 2], [3]]})) == {
        "m[0][0]": ("integer", "1"),
        "m[0][1]": ("integer", "2"),
        "m[1][0]": ("integer", "3"),
    }


def test_keys_that_could_be_misread_are_quoted_and_stay_apart() -> None:
    value = {"a.b": 1, "a": {"b": 2}, "x[0]": 3, "x": [4], "": 5, 'say "hi"': 6, "Net Amount": 7, "netAmount": 8,
             "net_amount": 9, "Größe": 10, "Total": 11, "total": 12}  # fmt: skip

    assert {path: text for path, (_, text) in paths(schema_run(value)).items()} == {
        '["a.b"]': "1", "a.b": "2", '["x[0]"]': "3", "x[0]": "4", '[""]': "5", '["say \\"hi\\""]': "6",
        "Net Amount": "7", "netAmount": "8", "net_amount": "9", "Größe": "10", "Total": "11", "total": "12",
    }  # fmt: skip


def test_metadata_of_an_odd_key_is_found_and_its_key_kept() -> None:
    rows = flatten(schema_run({"net.amount": 5}, {"net.amount": {"ocrConfidence": 0.5}}))["extraction_fields"]

    assert [(row["path"], row["metadata_key"], row["ocr_confidence"]) for row in rows] == [
        ('["net.amount"]', "net.amount", 0.5)
    ]


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        ("ABC", ("string", "ABC", None, None, None)),
        ("2026-01-31", ("string", "2026-01-31", None, None, date(2026, 1, 31))),
        ("2026-13-31", ("string", "2026-13-31", None, None, None)),
        (Decimal("1.10"), ("number", "1.10", 1.1, None, None)),
        (Decimal("1E-7"), ("number", "0.0000001", 1e-7, None, None)),
        (Decimal("1E+400"), ("number", "1E+400", None, None, None)),
        (10**30, ("integer", "1" + "0" * 30, 1e30, None, None)),
        (True, ("boolean", "true", None, True, None)),
        (None, ("null", None, None, None, None)),
        ({}, ("object", None, None, None, None)),
        ([], ("array", None, None, None, None)),
    ],
)
def test_a_value_lands_exactly_and_typed(value: Any, columns: tuple[Any, ...]) -> None:
    (row,) = flatten(schema_run({"field": value}))["extraction_fields"]

    names = ("value_type", "value_text", "value_number", "value_boolean", "value_date")
    assert tuple(row[name] for name in names) == columns


def test_a_missing_confidence_stays_null_and_no_citations_differ_from_unknown() -> None:
    metadata = {"a": {"ocrConfidence": None, "citations": []}, "b": {}}

    rows = flatten(schema_run({"a": 1, "b": 2, "c": 3}, metadata))["extraction_fields"]

    assert [(row["path"], row["ocr_confidence"], row["citation_count"]) for row in rows] == [
        ("a", None, 0),
        ("b", None, None),
        ("c", None, None),
    ]


def test_metadata_of_arrays_and_items_has_rows_of_its_own() -> None:
    metadata = {"lines": {"reviewAgentScore": 4}, "lines[0]": {"reviewAgentScore": 5}}

    rows = flatten(schema_run({"lines": [{"sku": "x"}]}, metadata))["extraction_fields"]

    assert [(row["path"], row["value_type"], row["review_agent_score"]) for row in rows] == [
        ("lines", "array", 4.0),
        ("lines[0]", "object", 5.0),
        ("lines[0].sku", "string", None),
    ]


def test_metadata_of_a_path_without_a_value_is_kept_as_absent() -> None:
    (row,) = flatten(schema_run({}, {"lines[0].sku": {"ocrConfidence": 0.25}}))["extraction_fields"][1:]

    assert (row["path"], row["path_template"], row["field"]) == ("lines[0].sku", "lines[].sku", "sku")
    assert (row["value_type"], row["ocr_confidence"]) == ("absent", 0.25)


def test_citations_land_with_the_box_around_their_polygon() -> None:
    citation = {
        "page": 2,
        "referenceText": "Total: 5",
        "pageWidth": 612,
        "pageHeight": 792.5,
        "polygon": [{"x": 10, "y": 20}, {"x": 30.5, "y": 20}, {"x": 30.5, "y": 44}, {"x": 10, "y": 44}],
    }

    (row,) = flatten(schema_run({"total": 5}, {"total": {"citations": [citation]}}))["extraction_citations"]

    assert without(row, *RUN) == {
        "path": "total",
        "position": 0,
        "page": 2,
        "reference_text": "Total: 5",
        "page_width": 612.0,
        "page_height": 792.5,
        "polygon": '[{"x":10,"y":20},{"x":30.5,"y":20},{"x":30.5,"y":44},{"x":10,"y":44}]',
        "box_left": 10.0,
        "box_top": 20.0,
        "box_right": 30.5,
        "box_bottom": 44.0,
    }


def test_insights_land_with_their_path() -> None:
    metadata = {"total": {"insights": [{"type": "reasoning", "content": "It says so."}]}}

    (row,) = flatten(schema_run({"total": 5}, metadata))["output_insights"]

    assert without(row, *RUN) == {
        "stage": "final", "path": "total", "position": 0, "type": "reasoning", "content": "It says so."
    }  # fmt: skip


def test_legacy_fields_land_with_their_confidence_type_and_boxes() -> None:
    result = {
        "id": "f1",
        "type": "number",
        "value": Decimal("12.50"),
        "confidence": 0.9,
        "insights": [],
        "references": [
            {"id": "r1", "fieldName": "total", "page": 3,
             "boundingBoxes": [{"left": 1, "top": 2, "right": 3, "bottom": 4}, {"left": 5, "top": 6, "right": 7, "bottom": 8}]}
        ],
    }  # fmt: skip

    tables = flatten(legacy_run({"total": result}))

    (field,) = tables["extraction_fields"]
    assert without(field, *RUN) == {
        "path": "total", "path_template": "total", "field": "total", "position": 0, "value_type": "number",
        "value_text": "12.50", "value_number": 12.5, "confidence": 0.9, "citation_count": 1, "field_id": "f1",
        "field_type": "number",
    }  # fmt: skip
    assert [
        (row["position"], row["reference_id"], row["page"], row["box_left"], row["box_bottom"])
        for row in tables["extraction_citations"]
    ] == [(0, "r1", 3, 1.0, 4.0), (1, "r1", 3, 5.0, 8.0)]


def test_a_legacy_box_of_another_shape_stays_in_the_reference_row() -> None:
    result = {"value": 1, "references": [{"id": "r1", "boundingBoxes": [{"left": "far"}]}]}

    (row,) = flatten(legacy_run({"total": result}))["extraction_citations"]

    assert row["extra"] == '{"boundingBoxes":[{"left":"far"}]}'


def test_legacy_fields_named_value_and_metadata_are_fields() -> None:
    run = legacy_run({"value": {"type": "string", "value": "x"}, "metadata": {"type": "string", "value": "y"}})

    tables = flatten(run)

    assert [(row["path"], row["value_text"]) for row in tables["extraction_fields"]] == [
        ("value", "x"),
        ("metadata", "y"),
    ]
    assert tables["processor_runs"][0]["output_format"] == "fields"


def test_legacy_arrays_are_walked_below_the_field_that_has_the_confidence() -> None:
    result = {"type": "array", "value": [{"sku": "x"}], "confidence": 0.5}

    rows = flatten(legacy_run({"lines": result}))["extraction_fields"]

    assert [(row["path"], row["value_type"], row["confidence"]) for row in rows] == [
        ("lines", "array", 0.5),
        ("lines[0].sku", "string", None),
    ]


def test_a_legacy_field_without_a_value_is_absent_and_differs_from_null() -> None:
    rows = flatten(legacy_run({"a": {"id": "1"}, "b": {"id": "2", "value": None}}))["extraction_fields"]

    assert [(row["path"], row["value_type"], row["field_id"]) for row in rows] == [
        ("a", "absent", "1"),
        ("b", "null", "2"),
    ]


@pytest.mark.parametrize("output", [None, {}])
@pytest.mark.parametrize("status", ["PENDING", "FAILED", "CANCELLED"])
def test_a_run_without_output_has_no_values_and_no_output_format(status: str, output: Any) -> None:
    tables = flatten(run_of(status=status, output=output))

    assert tables["extraction_fields"] == []
    assert tables["processor_runs"][0]["output_format"] is None


def test_an_absent_output_is_no_output() -> None:
    run = run_of(status="PENDING")
    del run["output"]

    assert flatten(run)["extraction_fields"] == []


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ("just text", {"$": ("string", "just text")}),
        ([1, {"a": 2}], {"$[0]": ("integer", "1"), "$[1].a": ("integer", "2")}),
        ({}, {"$": ("object", None)}),
    ],
)
def test_a_document_that_is_no_object_starts_at_the_root(value: Any, rows: dict[str, Any]) -> None:
    assert paths(schema_run(value)) == rows


def test_deep_nesting_is_walked_without_end_of_stack() -> None:
    value: Any = "core"
    for _ in range(900):
        value = [value]

    assert paths(schema_run({"deep": value})) == {"deep" + "[0]" * 900: ("string", "core")}
