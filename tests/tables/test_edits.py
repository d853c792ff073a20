"""What reviewers changed."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.case("3.5")
def test_a_change_of_the_form_alone_is_told_from_a_change_of_the_value() -> None:
    before = {"a": "ACME", "b": 1, "c": "1/12/2024", "d": "2139", "e": 1234567890123456789012345678901234}
    after = {"a": " Acme", "b": Decimal("1.0"), "c": "11/2/2024", "d": "02139", "e": 1234567890123456789012345678901235}

    assert {row["path"]: row["change"] for row in edit_rows(reviewed_run(before, after))} == {
        "a": "formatted",
        "b": "formatted",
        "c": "changed",
        "d": "changed",
        "e": "changed",
    }


@pytest.mark.case("3.5")
def test_a_reported_edit_without_outputs_is_judged_alike() -> None:
    edits = {
        "a": {"originalValue": "1,200.00", "editedValue": "(1,200.00)"},
        "b": {"originalValue": "1,200.00", "editedValue": "1200.00"},
    }

    assert {row["path"]: row["change"] for row in edit_rows(run_of(edits=edits))} == {"a": "changed", "b": "formatted"}


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


LINES = [{"sku": f"sku {number}", "qty": number % 7, "price": number * 3} for number in range(20)]


@pytest.mark.case("3.6")
def test_a_removed_first_row_is_one_removed_row_and_all_others_are_right() -> None:
    assert edit_rows(reviewed_run({"lines": LINES}, {"lines": LINES[1:]})) == [
        {"path": f"lines[~0].{key}", "initial_path": f"lines[0].{key}", "initial_value": value, "change": "removed", "basis": "computed"}
        for key, value in (("sku", '"sku 0"'), ("qty", "0"), ("price", "0"))
    ]  # fmt: skip


@pytest.mark.case("3.6")
def test_an_added_first_row_is_one_added_row() -> None:
    rows = edit_rows(reviewed_run({"lines": LINES[1:]}, {"lines": LINES}))

    assert [(row["path"], row["change"]) for row in rows] == [
        ("lines[0].sku", "added"), ("lines[0].qty", "added"), ("lines[0].price", "added"),
    ]  # fmt: skip


@pytest.mark.case("3.6")
def test_rows_that_only_moved_have_no_edits() -> None:
    moved = LINES.copy()
    random.Random(7).shuffle(moved)

    assert edit_rows(reviewed_run({"lines": LINES, "tags": ["a", "b"]}, {"lines": moved, "tags": ["b", "a"]})) == []


@pytest.mark.case("3.6")
@pytest.mark.parametrize("key", ["lines[4].qty", "lines[5].qty"])
def test_a_reported_key_finds_its_value_whether_it_counts_rows_before_or_after_the_review(key: str) -> None:
    after = [*LINES[1:5], {**LINES[5], "qty": 99}, *LINES[6:]]
    edits = {key: {"originalValue": 5, "editedValue": 99}}
    run = reviewed_run({"lines": LINES}, {"lines": after}, edits)
    run["initialOutput"]["metadata"] = {f"lines[{n}].qty": {"ocrConfidence": n / 100} for n in range(20)}

    changed, *removed = edit_rows(run)

    assert changed == {
        "path": "lines[4].qty", "initial_path": "lines[5].qty", "reported_key": key, "original_value": "5",
        "edited_value": "99", "initial_value": "5", "reviewed_value": "99", "change": "changed", "basis": "both",
        "ocr_confidence_before": 0.05,
    }  # fmt: skip
    assert [(row["path"], row["change"]) for row in removed] == [
        ("lines[~0].sku", "removed"), ("lines[~0].qty", "removed"), ("lines[~0].price", "removed"),
    ]  # fmt: skip


@pytest.mark.case("3.6")
def test_a_reported_list_is_its_row_and_the_rows_in_it_are_theirs() -> None:
    edits = {"lines": {"originalValue": LINES[:2], "editedValue": LINES[1:2]}}

    rows = edit_rows(reviewed_run({"lines": LINES[:2]}, {"lines": LINES[1:2]}, edits))

    assert [(row["path"], row["change"], row["basis"]) for row in rows] == [
        ("lines", "changed", "both"),
        ("lines[~0].sku", "removed", "computed"),
        ("lines[~0].qty", "removed", "computed"),
        ("lines[~0].price", "removed", "computed"),
    ]


@pytest.mark.case("3.6")
def test_a_new_row_has_no_confidence_of_the_row_that_was_in_its_place() -> None:
    run = reviewed_run({"lines": LINES[1:3]}, {"lines": LINES[:3]})
    run["initialOutput"]["metadata"] = {"lines[0].sku": {"ocrConfidence": 0.5}}

    assert [row.get("ocr_confidence_before") for row in edit_rows(run)] == [None, None, None]


@pytest.mark.case("3.6")
def test_arrays_within_rows_are_compared_row_by_row_too() -> None:
    before = [{"items": [1, 2, 3]}, {"items": [4, 5, 6]}]

    assert [(row["path"], row["initial_path"]) for row in edit_rows(reviewed_run({"l": before}, {"l": [{"items": [5, 6]}]}))] == [
        ("l[~0].items[0]", "l[0].items[0]"),
        ("l[~0].items[1]", "l[0].items[1]"),
        ("l[~0].items[2]", "l[0].items[2]"),
        ("l[0].items[~0]", "l[1].items[0]"),
    ]  # fmt: skip
    assert [row["path"] for row in edit_rows(reviewed_run([1, 2, 3], [2, 3]))] == ["$[~0]"]


@pytest.mark.case("3.6")
def test_rows_of_legacy_fields_are_compared_alike() -> None:
    before, after = {"Lines": {"id": "f1", "value": LINES}}, {"Lines": {"id": "f1", "value": LINES[1:]}}
    run = run_of(
        config={"type": "EXTRACT", "fields": []}, output=after, initialOutput=before, reviewedOutput=after
    )  # fmt: skip

    assert [row["path"] for row in edit_rows(run)] == ["Lines[~0].sku", "Lines[~0].qty", "Lines[~0].price"]


@pytest.mark.slow
@given(st.lists(st.integers(0, 5), max_size=6), st.lists(st.integers(0, 5), max_size=6))
def test_what_is_said_of_rows_adds_up(before: list[int], after: list[int]) -> None:
    rows = edit_rows(reviewed_run({"l": before, "other": 1}, {"l": after, "other": 1}))

    changes = [row["change"] for row in rows if row["path"] != "l"]
    assert len(before) - changes.count("removed") == len(after) - changes.count("added")
    assert len({row["path"] for row in rows}) == len(rows)
    kept = [before[int(row.get("initial_path", row["path"])[2:-1])] for row in rows if row["change"] == "removed"]
    assert [row["initial_value"] for row in rows if row["change"] == "removed"] == [str(value) for value in kept]


@pytest.mark.case("3.7")
def test_of_thousands_of_touched_values_each_is_one_edit() -> None:
    before = [{f"f{field}": f"read {line} {field}" for field in range(5)} for line in range(2_000)]
    after = [{name: text.replace("read", "meant") for name, text in line.items()} for line in before]

    rows = edit_rows(reviewed_run({"lines": before}, {"lines": after}))

    assert [(row["path"], row["change"]) for row in rows] == [
        (f"lines[{line}].f{field}", "changed") for line in range(2_000) for field in range(5)
    ]
