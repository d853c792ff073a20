"""What reviewers changed."""

from __future__ import annotations

from typing import Any

from tests.tables.flat import flatten, run_of, without


def reviewed_run(before: Any, after: Any, edits: Any = None, **parts: Any) -> dict[str, Any]:
    initial, reviewed = {"value": before, "metadata": {}}, {"value": after, "metadata": {}}
    return run_of(
        reviewed=True, edited=True, edits=edits or {}, output=reviewed, initialOutput=initial, reviewedOutput=reviewed,
        **parts,
    )  # fmt: skip


def edit_rows(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [without(row, "run_id") for row in flatten(run)["extraction_edits"]]


def test_changed_added_and_removed_values_are_computed_from_the_outputs() -> None:
    run = reviewed_run({"a": 1, "b": 2, "same": 0}, {"a": 9, "c": "new", "same": 0})

    assert edit_rows(run) == [
        {"path": "a", "initial_value": "1", "reviewed_value": "9", "change": "changed", "basis": "computed"},
        {"path": "b", "initial_value": "2", "change": "removed", "basis": "computed"},
        {"path": "c", "reviewed_value": '"new"', "change": "added", "basis": "computed"},
    ]


def test_a_reported_edit_that_the_outputs_show_has_both_bases() -> None:
    edits = {"a": {"originalValue": 1, "editedValue": 9, "notes": "typo", "page": 2, "fieldType": "number"}}

    assert edit_rows(reviewed_run({"a": 1}, {"a": 9}, edits)) == [
        {
            "path": "a", "reported_key": "a", "original_value": "1", "edited_value": "9", "notes": "typo", "page": 2,
            "field_type": "number", "initial_value": "1", "reviewed_value": "9", "change": "changed", "basis": "both",
        }
    ]  # fmt: skip


def test_a_reported_edit_without_outputs_is_kept_as_reported() -> None:
    run = run_of(edits={"ghost": {"originalValue": None, "editedValue": "x"}})

    assert edit_rows(run) == [
        {"path": "ghost", "reported_key": "ghost", "edited_value": '"x"', "change": "added", "basis": "reported"}
    ]


def test_a_reported_key_of_an_odd_name_meets_its_path() -> None:
    run = reviewed_run({"net.amount": 1}, {"net.amount": 2}, {"net.amount": {"editedValue": 2}})

    assert [(row["path"], row["reported_key"], row["basis"]) for row in edit_rows(run)] == [
        ('["net.amount"]', "net.amount", "both")
    ]


def test_a_removed_array_item_is_removed_value_by_value() -> None:
    run = reviewed_run({"lines": [{"sku": "x"}, {"sku": "y"}]}, {"lines": [{"sku": "x"}]})

    assert edit_rows(run) == [
        {"path": "lines[1].sku", "initial_value": '"y"', "change": "removed", "basis": "computed"}
    ]


def test_an_edit_that_is_null_is_still_a_row() -> None:
    assert edit_rows(run_of(edits={"a": None})) == [{"path": "a", "reported_key": "a", "basis": "reported"}]


def test_legacy_edits_are_found_by_the_field_id_too() -> None:
    before, after = {"total": {"id": "f1", "value": 1}}, {"total": {"id": "f1", "value": 2}}
    run = run_of(
        config={"type": "EXTRACT", "fields": []}, edits={"f1": {"editedValue": 2}}, output=after, initialOutput=before,
        reviewedOutput=after,
    )  # fmt: skip

    assert [(row["path"], row["reported_key"], row["basis"]) for row in edit_rows(run)] == [("total", "f1", "both")]


def test_outputs_before_and_after_review_are_kept_only_where_they_differ_from_the_final_one() -> None:
    (run,) = flatten(reviewed_run({"a": 1}, {"a": 9}))["processor_runs"]

    assert run["initial_output"] == '{"value":{"a":1},"metadata":{}}'
    assert run["reviewed_output"] is None


def test_an_initial_output_that_python_holds_for_equal_is_kept() -> None:
    (run,) = flatten(run_of(output={"value": {"paid": True}}, initialOutput={"value": {"paid": 1}}))["processor_runs"]

    assert run["initial_output"] == '{"value":{"paid":1}}'


def test_a_change_of_the_form_alone_is_told_from_a_change_of_the_value() -> None:
    run = reviewed_run({"a": "ACME Ltd.", "b": 1, "c": "x"}, {"a": "Acme ltd", "b": "1.0", "c": "y"})

    assert {row["path"]: row["change"] for row in edit_rows(run)} == {
        "a": "formatted",
        "b": "formatted",
        "c": "changed",
    }


def test_the_confidence_before_the_edit_is_kept() -> None:
    run = reviewed_run(
        {"a": 1, "lines": [{"net.sum": 2}]}, {"a": 9, "lines": [{"net.sum": 3}]}, {"a": {"editedValue": 9}}
    )
    run["initialOutput"]["metadata"] = {
        "a": {"ocrConfidence": 0.5, "logprobsConfidence": None, "reviewAgentScore": 3},
        "lines[0].net.sum": {"ocrConfidence": 0.25, "logprobsConfidence": "high"},
    }

    assert [{name: value for name, value in row.items() if name.endswith("_before")} for row in edit_rows(run)] == [
        {"ocr_confidence_before": 0.5, "review_agent_score_before": 3.0},
        {"ocr_confidence_before": 0.25},
    ]


def test_the_confidence_of_a_legacy_field_before_its_edit_is_kept() -> None:
    run = run_of(
        config={"type": "EXTRACT", "fields": [{"name": "a", "type": "string"}]},
        output={"a": {"value": "y", "confidence": 1}},
        initialOutput={"a": {"value": "x", "confidence": 0.75}},
        reviewedOutput={"a": {"value": "y", "confidence": 1}},
    )

    assert [(row["path"], row["confidence_before"]) for row in edit_rows(run)] == [("a", 0.75)]


def test_a_reported_edit_has_the_confidence_before_it_also_without_a_reviewed_output() -> None:
    run = run_of(
        config={"type": "EXTRACT", "schema": {"type": "object"}},
        edits={"a": {"originalValue": 1, "editedValue": 2}},
        initialOutput={"value": {"a": 1}, "metadata": {"a": {"ocrConfidence": 0.5}}},
    )

    (row,) = edit_rows(run)
    assert (row["basis"], row["ocr_confidence_before"]) == ("reported", 0.5)
