"""The quality queries find on every destination what plain Python finds in the stand-in's own state."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlglot import exp

from extend_source import QualityReport, QueryResult, credit_report, quality_report
from extend_source.errors import UsageError
from extend_source.reports.catalogue import QUALITY_QUERIES
from extend_source.reports.queries import load_query, parsed
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.truth import Tables, expected_tables
from tests.acceptance.warehouse import AnyWarehouse, Warehouse
from tests.reports.expectations import EXPECTED, wilson

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def big_server() -> Iterator[SandboxServer]:
    """A stand-in with so many reviewed runs that every kind of confidence has its errors."""
    with SandboxServer(runs=500) as server:
        for number, name in enumerate(["Zebra", "apple", "Äpfel", "Banana"]):
            more = {"processorId": f"dp_case_{number}", "processorName": name}
            run = extraction(f"dpr_case_{number}", {"a": "x", "b": None}, reviewed={"a": "y"}, **more)
            server.workspace.put_run(run)
        yield server


@pytest.fixture(scope="module")
def big_tables(big_server: SandboxServer) -> Tables:
    """What the tables must hold once all of it is loaded."""
    return expected_tables(big_server.workspace, file_contents="none")


def report_of(warehouse: AnyWarehouse, *names: str) -> QualityReport:
    return quality_report(warehouse.pipeline, names or None)


def result_of(warehouse: AnyWarehouse, name: str) -> QueryResult:
    (result,) = report_of(warehouse, name).queries
    return result


def rows_of(warehouse: AnyWarehouse, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of the rows that a query finds."""
    result = result_of(warehouse, name)
    places = [list(result.columns).index(column) for column in columns or result.columns]
    return [tuple(row[place] for place in places) for row in result.rows]


def extraction(run_id: str, value: Any, *, reviewed: Any = None, metadata: Any = None, **more: Any) -> dict[str, Any]:
    """A processed extraction; with `reviewed`, a reviewer has made that of its value."""
    run: dict[str, Any] = {
        "id": run_id,
        "type": "EXTRACT",
        "status": "PROCESSED",
        "processorId": "dp_1",
        "processorVersionId": "dpv_1",
        "processorName": "Letters",
        "config": {"type": "EXTRACT", "schema": {"type": "object", "properties": {}}},
        "output": {"value": value, "metadata": metadata or {}},
        "reviewed": reviewed is not None,
        "edited": reviewed is not None and reviewed != value,
        "files": [],
        **more,
    }
    if reviewed is not None:
        final = {"value": reviewed, "metadata": metadata or {}}
        run |= {"initialOutput": run["output"], "reviewedOutput": final, "output": final, "edits": {}}
    return run


def judged(run_id: str, *cells: tuple[float, bool], kind: str = "ocrConfidence") -> dict[str, Any]:
    """A reviewed extraction of values with these confidences, of which a reviewer changed those that are not right."""
    names = [f"f{number}" for number in range(len(cells))]
    return extraction(
        run_id,
        dict.fromkeys(names, "read"),
        reviewed={name: "read" if is_right else "meant" for name, (_, is_right) in zip(names, cells, strict=True)},
        metadata={name: {kind: score} for name, (score, _) in zip(names, cells, strict=True)},
    )


def load(warehouse: AnyWarehouse, *runs: dict[str, Any]) -> AnyWarehouse:
    for run in runs:
        warehouse.server.workspace.put_run(run)
    warehouse.sync(file_contents="none")
    return warehouse


@pytest.fixture
def bare_warehouse(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """An empty warehouse in front of a stand-in without runs, in each destination."""
    return make_warehouse(empty_server)


def test_every_query_finds_what_plain_python_finds(
    big_server: SandboxServer, big_tables: Tables, make_warehouse: MakeWarehouse
) -> None:
    warehouse = make_warehouse(big_server)
    warehouse.sync(file_contents="none")

    report = report_of(warehouse)

    assert [result.name for result in report.queries] == list(QUALITY_QUERIES) == list(EXPECTED)
    for result in report.queries:
        expected = EXPECTED[result.name](big_tables)
        assert result.rows == expected, result.name
        assert (result.message, bool(expected)) == (None, True)
        assert {len(row) for row in result.rows} == {len(result.columns)}


def test_the_stand_in_has_enough_to_report_on(big_tables: Tables) -> None:
    by_kind = {kind: (errors >= 20, bins) for kind, _, errors, bins, _, _ in EXPECTED["confidence_auroc"](big_tables)}

    assert by_kind == {
        "confidence": (True, 10),
        "logprobs_confidence": (True, 10),
        "ocr_confidence": (True, 10),
        "review_agent_score": (True, 5),
    }
    assert {edit["change"] for edit in big_tables["extraction_edits"]} >= {"changed", "removed"}
    assert {row[-1] for row in EXPECTED["class_confusion"](big_tables)} == {True, False}


def test_a_field_is_filled_by_what_is_below_it(bare_warehouse: AnyWarehouse) -> None:
    load(
        bare_warehouse,
        extraction("dpr_1", {"a": "x", "o": {"p": 1, "q": None}, "l": [{"s": ""}, {"s": "y"}], "t": ["z", None]}),
        extraction("dpr_2", {"a": "", "o": {"p": None, "q": None}, "l": [], "t": []}),
        extraction("dpr_3", {"a": None, "o": None, "l": [{"s": False}], "t": None}),
        extraction("dpr_4", {}),
        extraction("dpr_5", {"a": "not read", "o": None}, status="FAILED"),
    )

    columns = ("field", "runs", "filled", "fill_rate", "cells", "cells_filled", "cell_fill_rate")
    assert rows_of(bare_warehouse, "field_fill_rate", *columns) == [
        ("o.q", 4, 0, 0.0, 2, 0, 0.0),
        ("a", 4, 1, 0.25, 3, 1, 0.3333),
        ("o", 4, 1, 0.25, None, None, None),
        ("o.p", 4, 1, 0.25, 2, 1, 0.5),
        ("t", 4, 1, 0.25, None, None, None),
        ("t[]", 4, 1, 0.25, 2, 1, 0.5),
        ("l", 4, 2, 0.5, None, None, None),
        ("l[].s", 4, 2, 0.5, 3, 2, 0.6667),
    ]


def test_confidences_are_averaged_where_they_are_known(bare_warehouse: AnyWarehouse) -> None:
    load(
        bare_warehouse,
        extraction("dpr_1", {"a": 1}, metadata={"a": {"ocrConfidence": 0.5, "reviewAgentScore": 2}}),
        extraction("dpr_2", {"a": 2}, metadata={"a": {"ocrConfidence": 0.25, "logprobsConfidence": None}}),
        extraction("dpr_3", {"a": 3}),
    )

    columns = ("ocr_avg", "ocr_min", "logprobs_avg", "logprobs_min", "review_agent_avg", "review_agent_min")
    assert rows_of(bare_warehouse, "field_fill_rate", *columns) == [(0.375, 0.25, None, None, 2.0, 2.0)]


@pytest.mark.slow
@pytest.mark.core
def test_a_value_is_wrong_where_a_reviewer_changed_added_or_removed_it(bare_warehouse: AnyWarehouse) -> None:
    load(
        bare_warehouse,
        extraction("dpr_1", {"a": 1, "b": 2, "l": [{"s": 1}]}, reviewed={"a": 9, "b": 2, "c": 3, "l": []}),
        extraction("dpr_2", {"a": 1, "b": None, "l": [{"s": 1}]}, reviewed={"a": 1, "b": None, "l": [{"s": 1}]}),
        extraction("dpr_3", {"a": 1, "b": 2, "c": 3}),
        extraction("dpr_4", {"a": 1}, reviewed={"a": 1}, status="FAILED"),
    )

    columns = ("field", "runs", "runs_reviewed", "share_reviewed", "cells", "wrong", "accuracy")
    assert rows_of(bare_warehouse, "field_accuracy", *columns) == [
        ("c", 3, 2, 0.6667, 1, 1, 0.0),
        ("a", 3, 2, 0.6667, 2, 1, 0.5),
        ("l[].s", 3, 2, 0.6667, 2, 1, 0.5),
        ("b", 3, 2, 0.6667, 2, 0, 1.0),
    ]
    assert rows_of(bare_warehouse, "field_accuracy", "accuracy_low", "accuracy_high") == [
        wilson(right, total) for right, total in ((0, 1), (1, 2), (1, 2), (2, 2))
    ]


def test_a_reported_edit_without_a_difference_is_no_error(bare_warehouse: AnyWarehouse) -> None:
    run = extraction("dpr_1", {"a": 1}, reviewed={"a": 1}, metadata={"a": {"ocrConfidence": 0.5}})
    load(bare_warehouse, {**run, "edits": {"a": {"originalValue": 1, "editedValue": 1, "notes": "looked at"}}})

    assert len(bare_warehouse.rows("extraction_edits")) == 1
    assert rows_of(bare_warehouse, "field_accuracy", "field", "cells", "wrong") == [("a", 1, 0)]
    assert rows_of(bare_warehouse, "confidence_reliability", "cells", "correct") == [(1, 1)]
    assert rows_of(bare_warehouse, "confidence_auroc", "cells", "errors") == [(1, 0)]


def test_a_change_of_formatting_only_is_no_error(bare_warehouse: AnyWarehouse) -> None:
    metadata = {name: {"ocrConfidence": score} for name, score in (("f0", 0.5), ("f1", 0.6))}
    before, after = {"f0": "ACME Ltd.", "f1": "x"}, {"f0": " Acme Ltd.", "f1": "y"}
    load(bare_warehouse, extraction("dpr_1", before, reviewed=after, metadata=metadata))

    assert rows_of(bare_warehouse, "field_accuracy", "field", "wrong") == [("f1", 1), ("f0", 0)]
    assert rows_of(bare_warehouse, "confidence_auroc", "errors") == [(1,)]
    assert rows_of(bare_warehouse, "confidence_reliability", "bin_low", "correct") == [(0.5, 1), (0.6, 0)]


def test_a_changed_value_is_judged_by_the_confidence_of_its_first_reading(bare_warehouse: AnyWarehouse) -> None:
    run = extraction("dpr_1", {"a": 1}, reviewed={"a": 2}, metadata={"a": {"ocrConfidence": 0.25}})
    final = {**run["output"], "metadata": {"a": {"ocrConfidence": 1}}}
    load(bare_warehouse, {**run, "output": final, "reviewedOutput": final})

    assert rows_of(bare_warehouse, "confidence_reliability", "bin_low", "correct") == [(0.2, 0)]


THRESHOLD = ("target", "reviewed", "threshold", "reviewed_above", "correct_above", "share_without_review", "verdict")


def runs_of(*cells: tuple[int, float, bool | None]) -> list[dict[str, Any]]:
    """Extractions of one field: so many, of this confidence, and whether the reviewer left it; None: not reviewed."""
    every = [(score, is_right) for count, score, is_right in cells for _ in range(count)]
    return [
        extraction(
            f"dpr_{number}",
            {"total": "read"},
            reviewed={True: {"total": "read"}, False: {"total": "meant"}, None: None}[is_right],
            metadata={"total": {"ocrConfidence": score}},
        )
        for number, (score, is_right) in enumerate(every)
    ]


@pytest.mark.slow
@pytest.mark.core
def test_a_threshold_is_the_lowest_confidence_from_which_values_were_right_that_often(
    bare_warehouse: AnyWarehouse,
) -> None:
    # at or above 0.29: 99 of 100 right, which is 94.55 % at least; at or above 0.9: 90 of 90, 95.91 %
    load(
        bare_warehouse, *runs_of((90, 0.9, True), (9, 0.29, True), (1, 0.29, False), (60, 0.95, None), (40, 0.1, None))
    )

    assert rows_of(bare_warehouse, "review_thresholds", "processor", "field", "kind", *THRESHOLD) == [
        ("Letters", "total", "ocr_confidence", 0.95, 100, 0.9, 90, 90, 0.75, "ok"),
        ("Letters", "total", "ocr_confidence", 0.98, 100, None, None, None, None, "not enough reviews"),
        ("Letters", "total", "ocr_confidence", 0.99, 100, None, None, None, None, "not enough reviews"),
    ]
    assert rows_of(bare_warehouse, "review_thresholds", "accuracy", "accuracy_low")[0] == (1.0, 0.9591)


def test_where_too_many_were_wrong_no_confidence_is_enough(bare_warehouse: AnyWarehouse) -> None:
    load(bare_warehouse, *runs_of((150, 0.99, True), (50, 0.99, False)))

    assert rows_of(bare_warehouse, "review_thresholds", "target", "threshold", "verdict") == [
        (0.95, None, "not reached"),
        (0.98, None, "not reached"),
        (0.99, None, "not enough reviews"),
    ]


def test_a_value_that_a_reviewer_removed_was_wrong(bare_warehouse: AnyWarehouse) -> None:
    metadata = {"total": {"ocrConfidence": 0.99}}
    removed = [extraction("dpr_x", {"total": "read", "b": 1}, reviewed={"b": 1}, metadata=metadata)]
    load(bare_warehouse, *runs_of((80, 0.99, True)), *removed)

    assert rows_of(bare_warehouse, "review_thresholds", *THRESHOLD)[0] == (
        0.95,
        81,
        None,
        None,
        None,
        None,
        "not reached",
    )


def test_a_confidence_on_a_bound_is_in_the_bin_above_it_and_odd_ones_in_the_nearest(
    bare_warehouse: AnyWarehouse,
) -> None:
    scores = (0, 0.1, 0.3, 0.6, 0.7, 0.7999, 0.9, 1, 1.5, -0.5)
    load(bare_warehouse, judged("dpr_1", *((score, True) for score in scores)))

    columns = ("kind", "bin_low", "bin_high", "cells", "correct", "mean_score")
    assert rows_of(bare_warehouse, "confidence_reliability", *columns) == [
        ("ocr_confidence", 0.0, 0.1, 2, 2, -0.25),
        ("ocr_confidence", 0.1, 0.2, 1, 1, 0.1),
        ("ocr_confidence", 0.3, 0.4, 1, 1, 0.3),
        ("ocr_confidence", 0.6, 0.7, 1, 1, 0.6),
        ("ocr_confidence", 0.7, 0.8, 2, 2, 0.75),
        ("ocr_confidence", 0.9, 1.0, 3, 3, 1.1333),
    ]


def test_scores_of_the_review_agent_are_bins_of_their_own(bare_warehouse: AnyWarehouse) -> None:
    metadata = {"a": {"reviewAgentScore": 5}, "b": {"reviewAgentScore": 1}, "c": {"reviewAgentScore": 5}}
    value = {"a": 1, "b": 2, "c": 3}
    load(bare_warehouse, extraction("dpr_1", value, reviewed={**value, "b": 0}, metadata=metadata))

    columns = ("kind", "bin_low", "bin_high", "cells", "correct")
    assert rows_of(bare_warehouse, "confidence_reliability", *columns) == [
        ("review_agent_score", 1.0, 1.0, 1, 0),
        ("review_agent_score", 5.0, 5.0, 2, 2),
    ]


def test_an_object_is_wrong_where_something_in_it_is(bare_warehouse: AnyWarehouse) -> None:
    metadata = {"o": {"ocrConfidence": 0.9}, "other": {"ocrConfidence": 0.8}}
    value = {"o": {"p": 1}, "other": {"p": 1}}
    load(bare_warehouse, extraction("dpr_1", value, reviewed={**value, "o": {"p": 2}}, metadata=metadata))

    assert rows_of(bare_warehouse, "confidence_reliability", "bin_low", "cells", "correct") == [
        (0.8, 1, 1),
        (0.9, 1, 0),
    ]


@pytest.mark.case("3.4")
def test_numbers_that_make_no_sense_do_not_count_and_all_others_are_reported(bare_warehouse: AnyWarehouse) -> None:
    scores = (0.5, 1699999999999, -1699999999999, 1e308, 95, 0.7)
    agent = {f"f{number}": {"reviewAgentScore": score} for number, score in enumerate((3, 1699999999999, -4))}
    ends = [(2, 4), (1, 2147483647), (-3, 2), (0, 2), (5, 4), (-(2**63), 2**63 - 1), (1, 1), (None, 2), (1, 10**6)]
    load(
        bare_warehouse,
        *(judged(f"dpr_{kind}", *((score, score < 0.6) for score in scores), kind=kind) for kind in KINDS),
        extraction("dpr_agent", dict.fromkeys(agent, "read"), reviewed=dict.fromkeys(agent, "read"), metadata=agent),
        {
            "id": "dpr_splits", "type": "SPLITTER", "status": "PROCESSED", "config": {"type": "SPLITTER"}, "files": [],
            "output": {"splits": [{"type": "letter", "startPage": first, "endPage": last} for first, last in ends]},
        },
    )  # fmt: skip

    assert [result.message for result in report_of(bare_warehouse).queries if result.message] == [
        "no processed runs with times yet", "no failed runs", "no reviewed classifications yet",
    ]  # fmt: skip
    assert rows_of(bare_warehouse, "split_sizes") == [(None, None, "letter", 9, 1, 3.0, 1000000, 6)]
    columns = ("kind", "bin_low", "cells", "correct", "mean_score")
    assert rows_of(bare_warehouse, "confidence_reliability", *columns) == [
        ("logprobs_confidence", 0.5, 1, 1, 0.5),
        ("logprobs_confidence", 0.7, 1, 0, 0.7),
        ("ocr_confidence", 0.5, 1, 1, 0.5),
        ("ocr_confidence", 0.7, 1, 0, 0.7),
        ("review_agent_score", 3.0, 1, 1, 3.0),
    ]
    assert rows_of(bare_warehouse, "confidence_auroc", "kind", "cells", "errors") == [
        ("logprobs_confidence", 2, 1), ("ocr_confidence", 2, 1), ("review_agent_score", 1, 0),
    ]  # fmt: skip
    columns = ("field", "ocr_avg", "ocr_min", "logprobs_avg", "review_agent_avg", "review_agent_min")
    assert sorted(rows_of(bare_warehouse, "field_fill_rate", *columns)) == [
        ("f0", 0.5, 0.5, 0.5, 3.0, 3.0),
        *((f"f{number}", None, None, None, None, None) for number in range(1, 5)),
        ("f5", 0.7, 0.7, 0.7, None, None),
    ]
    notes = {result.name: " ".join(result.notes) for result in report_of(bare_warehouse).queries}
    for name in ("field_fill_rate", "confidence_reliability", "confidence_auroc"):
        assert (
            "Confidences under -1 or over 2, and scores under 0 or over 10, make no sense and do not count."
            in notes[name]
        )
    assert (
        "A first page under 1, a last page before the first one or beyond 1,000,000 makes no sense."
        in notes["split_sizes"]
    )


KINDS = ("ocrConfidence", "logprobsConfidence")


@pytest.mark.case("3.4")
def test_page_counts_that_make_no_sense_do_not_end_the_credit_report(bare_warehouse: AnyWarehouse) -> None:
    for number, pages in enumerate((2**63 - 1, 2**63 - 1, -1, 4)):
        file = {"id": f"file_{number}", "type": "PDF", "metadata": {"pageCount": pages}, "createdAt": CREATED}
        run = extraction(f"dpr_{number}", {"a": 1}, usage={"credits": 2}, createdAt=CREATED)
        bare_warehouse.server.workspace.put_run({**run, "files": [file]})
    bare_warehouse.sync(file_contents="none")

    (costs,) = credit_report(bare_warehouse.pipeline).unit_costs

    assert (costs.per_page, costs.share_by_page) == (Decimal("0.5"), Decimal("0.25"))


CREATED = "2026-01-01T00:00:00Z"


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.case("3.6")
def test_a_reviewer_who_removes_the_first_of_20_rows_leaves_19_right(bare_warehouse: AnyWarehouse) -> None:
    lines = [{"sku": f"sku {number}", "qty": number % 7} for number in range(20)]
    metadata = {f"lines[{number}]": {"ocrConfidence": 0.5} for number in range(19)}
    metadata |= {"lines": {"logprobsConfidence": 0.5}}
    load(bare_warehouse, extraction("dpr_1", {"lines": lines}, reviewed={"lines": lines[1:]}, metadata=metadata))

    assert rows_of(bare_warehouse, "field_accuracy", "field", "cells", "wrong", "accuracy") == [
        ("lines[].qty", 20, 1, 0.95),
        ("lines[].sku", 20, 1, 0.95),
    ]
    # the rows that are left are right, the list that had one too many is not
    assert rows_of(bare_warehouse, "confidence_reliability", "kind", "cells", "correct") == [
        ("logprobs_confidence", 1, 0),
        ("ocr_confidence", 19, 19),
    ]
    found = bare_warehouse.rows("extraction_edits")
    assert [(row["path"], row["initial_path"], row["change"]) for row in found] == [
        ("lines[~0].qty", "lines[0].qty", "removed"),
        ("lines[~0].sku", "lines[0].sku", "removed"),
    ]


@pytest.mark.case("3.5")
def test_what_only_looks_like_formatting_is_wrong(bare_warehouse: AnyWarehouse) -> None:
    before = {
        "date": "1/12/2024",
        "dose": "1/2 tablet",
        "sum": "1,200.00",
        "zip": "2139",
        "id": 10**33 + 1,
        "name": "ACME",
        "net": "1,200.00",
    }
    after = {
        "date": "11/2/2024",
        "dose": "12 tablet",
        "sum": "(1,200.00)",
        "zip": "02139",
        "id": 10**33 + 2,
        "name": "Acme ",
        "net": "1200.00",
    }
    load(bare_warehouse, extraction("dpr_1", before, reviewed=after))

    assert rows_of(bare_warehouse, "field_accuracy", "field", "wrong") == [
        ("date", 1), ("dose", 1), ("id", 1), ("sum", 1), ("zip", 1), ("name", 0), ("net", 0),
    ]  # fmt: skip


@pytest.mark.case("3.7")
def test_thousands_of_touched_values_in_one_run_are_reported(bare_warehouse: AnyWarehouse) -> None:
    before = [{f"f{field}": f"read {line} {field}" for field in range(5)} for line in range(2_000)]
    after = [{name: text.replace("read", "meant") for name, text in line.items()} for line in before]
    metadata = {f"lines[{line}]": {"ocrConfidence": 0.5} for line in range(2_000)}
    metadata |= {f"lines[{line}].f0": {"ocrConfidence": 0.9} for line in range(2_000)}
    load(bare_warehouse, extraction("dpr_1", {"lines": before}, reviewed={"lines": after}, metadata=metadata))

    assert rows_of(bare_warehouse, "field_accuracy", "field", "cells", "wrong") == [
        (f"lines[].f{field}", 2_000, 2_000) for field in range(5)
    ]
    assert rows_of(bare_warehouse, "confidence_auroc", "cells", "errors") == [(4_000, 4_000)]
    assert rows_of(bare_warehouse, "confidence_reliability", "bin_low", "cells", "correct") == [
        (0.5, 2_000, 0),
        (0.9, 2_000, 0),
    ]


@pytest.mark.case("3.8")
def test_thousands_of_fields_that_no_two_runs_share_are_reported(bare_warehouse: AnyWarehouse) -> None:
    values = [{"totals": {f"item {run} {field}": field for field in range(40)}} for run in range(100)]
    load(bare_warehouse, *(extraction(f"dpr_{run}", value, reviewed=value) for run, value in enumerate(values)))

    rates = rows_of(bare_warehouse, "field_fill_rate", "runs", "filled", "cells", "cells_filled")
    accuracies = rows_of(bare_warehouse, "field_accuracy", "cells", "wrong")

    assert (rates, accuracies) == ([(100, 1, 1, 1)] * 4_000, [(1, 0)] * 4_000)


@pytest.mark.case("3.7")
@pytest.mark.parametrize("name", QUALITY_QUERIES)
def test_tables_are_joined_by_equal_values_alone(name: str) -> None:
    """Whatever else joins rows of two tables compares each with each, which grows with the square."""
    tree = parsed(load_query("quality", name).sql)

    for select in tree.find_all(exp.Select):
        conditions = [join.args.get("on") for join in select.args.get("joins") or ()]
        assert all(conditions), f"{name} joins without a condition"
        where = select.args.get("where")
        for condition in [*conditions, *([where.this] if where else [])]:
            for part in condition.flatten() if isinstance(condition, exp.And) else [condition]:
                tables = {column.table for column in part.find_all(exp.Column)}
                assert len(tables) < 2 or isinstance(part, exp.EQ), f"{name}: {part.sql()}"


@pytest.mark.case("3.7")
def test_a_field_is_filled_by_what_is_far_below_it_and_odd_names_are_told_apart(bare_warehouse: AnyWarehouse) -> None:
    deep: Any = 1
    for _ in range(30):
        deep = {"d": [deep]}
    load(
        bare_warehouse,
        extraction(
            "dpr_1",
            {**deep, "d2": None, "a.b": {"c": "x"}, "a": None},
            metadata={"d": {"ocrConfidence": 0.5}, "a.b": {"ocrConfidence": 0.5}},
        ),
    )

    filled = dict(rows_of(bare_warehouse, "field_fill_rate", "field", "filled"))
    assert (filled["d"], filled["d2"], filled['["a.b"]'], filled['["a.b"].c'], filled["a"]) == (1, 0, 1, 1, 0)


@pytest.mark.case("3.6")
def test_a_dataset_of_an_earlier_version_gets_the_new_column_and_its_rows_anew(any_warehouse: AnyWarehouse) -> None:
    lines = [{"sku": f"sku {number}"} for number in range(3)]
    any_warehouse.server.workspace.put_run(extraction("dpr_1", {"lines": lines}, reviewed={"lines": lines[1:]}))
    any_warehouse.sync(run_ids=["dpr_1"])
    edits, versions = (f"{any_warehouse.dataset}.{name}" for name in ("extraction_edits", "_dlt_version"))
    any_warehouse.execute(f"alter table {edits} drop column initial_path")
    any_warehouse.execute(f"update {edits} set path = 'lines[2].sku'")
    any_warehouse.execute(f"delete from {versions}")
    later = any_warehouse.on_another_machine()

    assert rows_of(later, "field_accuracy", "field", "cells", "wrong") == [("lines[].sku", 3, 1)]
    later.sync(run_ids=["dpr_1"], refresh=True)

    assert [(row["path"], row["initial_path"]) for row in later.rows("extraction_edits")] == [
        ("lines[~0].sku", "lines[0].sku")
    ]


AUROC_CASES = {
    "no errors": ([(0.1 * number, True) for number in range(10)], (10, 0, 10, None, "not enough errors")),
    "19 errors": ([(0.5, False)] * 19 + [(0.9, True)] * 30, (49, 19, 2, None, "not enough errors")),
    "nothing but errors": ([(0.04 * number, False) for number in range(25)], (25, 25, 10, None, "nothing but errors")),
    "one bin, all tied": ([(0.95, False)] * 20 + [(0.95, True)] * 30, (50, 20, 1, 0.5, "degenerate")),
    "two bins": ([(0.5, False)] * 20 + [(0.95, True)] * 30, (50, 20, 2, 1.0, "degenerate")),
    "told apart": ([(0.2, False)] * 20 + [(0.5, True), (0.9, True)], (22, 20, 3, 1.0, "ok")),
    "the wrong way round": ([(0.9, False)] * 20 + [(0.5, True), (0.2, True)], (22, 20, 3, 0.0, "ok")),
    # of 20 x 4 pairs, 20 are won, 20 tied and 40 lost
    "ties": ([(0.5, False)] * 20 + [(0.9, True), (0.5, True), (0.1, True), (0.1, True)], (24, 20, 3, 0.375, "ok")),
}


AUROC_PAIRS = list(zip(*[iter(AUROC_CASES)] * 2, strict=True))


@pytest.mark.parametrize("names", AUROC_PAIRS, ids=" & ".join)
def test_the_auroc_says_when_it_says_nothing(bare_warehouse: AnyWarehouse, names: tuple[str, str]) -> None:
    kinds = ("logprobsConfidence", "ocrConfidence")
    load(
        bare_warehouse,
        *(judged(kind, *AUROC_CASES[name][0], kind=kind) for name, kind in zip(names, kinds, strict=True)),
    )

    found = rows_of(bare_warehouse, "confidence_auroc", "cells", "errors", "bins", "auroc", "verdict")

    assert found == [AUROC_CASES[name][1] for name in names]


def test_what_is_unknown_stays_unknown(bare_warehouse: AnyWarehouse) -> None:
    nobody = {"processorId": None, "processorVersionId": None, "processorName": None}
    load(
        bare_warehouse,
        extraction("dpr_1", {"a": 1}, reviewed={"a": 2}, **nobody),
        extraction("dpr_2", {}, status="FAILED", **nobody),
        {"id": "dpr_3", "type": "SPLITTER", "status": "PROCESSED", "config": {"type": "SPLITTER"}, "files": [],
         "output": {"splits": [{"type": None, "startPage": 1}, {"type": "letter", "startPage": 2, "endPage": 4}]}},
    )  # fmt: skip

    names = ("processor_id", "processor", "processor_version_id", "field", "fill_rate")
    assert rows_of(bare_warehouse, "field_fill_rate", *names) == [(None, None, None, "a", 1.0)]
    names = ("processor_id", "processor", "failure_reason", "runs", "share_of_failures", "share_of_runs")
    assert rows_of(bare_warehouse, "failure_reasons", *names) == [(None, None, None, 1, 1.0, 0.3333)]
    assert rows_of(bare_warehouse, "split_sizes") == [
        (None, None, "letter", 1, 3, 3.0, 3, 0),
        (None, None, None, 1, None, None, None, 1),
    ]
    assert result_of(bare_warehouse, "confidence_auroc").rows == []
    # the splitter's run reports no review at all, so that it is not known to be unreviewed
    assert result_of(bare_warehouse, "slowest_processors").message == "no processed runs with times yet"


def test_runs_loaded_by_id_have_no_times_and_are_no_slow_ones(any_warehouse: AnyWarehouse) -> None:
    ids = any_warehouse.server.workspace.run_ids()
    any_warehouse.sync(run_ids=ids, file_contents="none")

    result = result_of(any_warehouse, "slowest_processors")
    last_seen = rows_of(any_warehouse, "failure_reasons", "last_seen_at")

    assert (result.rows, result.message) == ([], "no processed runs with times yet")
    assert set(last_seen) == {(None,)}


NOTHING = {
    "field_fill_rate": "no processed extraction runs yet",
    "field_accuracy": "no reviewed extraction runs yet",
    "confidence_reliability": "no reviewed runs with confidences yet",
    "confidence_auroc": "no reviewed runs with confidences yet",
    "review_thresholds": "no reviewed runs with confidences yet",
    "slowest_processors": "no processed runs with times yet",
    "failure_reasons": "no failed runs",
    "class_confusion": "no reviewed classifications yet",
    "split_sizes": "no splits yet",
}


def test_a_dataset_without_runs_says_what_there_is_none_of(bare_warehouse: AnyWarehouse) -> None:
    bare_warehouse.sync()

    report = report_of(bare_warehouse)

    assert {result.name: result.message for result in report.queries} == NOTHING
    assert [result.rows for result in report.queries] == [[]] * len(NOTHING)


def test_a_pipeline_that_has_never_run_has_not_loaded_the_tables(bare_warehouse: AnyWarehouse) -> None:
    messages = {result.name: result.message for result in report_of(bare_warehouse).queries}

    assert messages.keys() == NOTHING.keys()
    assert messages["field_fill_rate"] == "not loaded yet: extraction_fields, processor_runs"
    assert messages["slowest_processors"] == "not loaded yet: processor_runs"


def test_a_report_on_a_file_that_does_not_exist_makes_none(warehouse: Warehouse) -> None:
    report_of(warehouse)

    assert not warehouse.database.exists()


def test_a_table_that_was_not_loaded_is_named_and_is_no_perfect_accuracy(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.run("processor_runs", "extraction_fields")

    report = report_of(any_warehouse, "field_fill_rate", "field_accuracy", "failure_reasons")

    assert [result.message for result in report.queries] == [None, "not loaded yet: extraction_edits", None]


@pytest.mark.slow
@pytest.mark.core
def test_runs_loaded_without_a_table_are_left_out_where_it_is_read(bare_warehouse: AnyWarehouse) -> None:
    workspace = bare_warehouse.server.workspace
    workspace.put_run(extraction("dpr_1", {"a": 1}, reviewed={"a": 2}))
    bare_warehouse.run("processor_runs", "extraction_fields", run_ids=["dpr_1"])
    workspace.put_run(extraction("dpr_2", {"a": 1}, reviewed={"a": 1}))
    bare_warehouse.run(run_ids=["dpr_2"])

    accuracy, rates = report_of(bare_warehouse, "field_accuracy", "field_fill_rate").queries

    assert rows_of(bare_warehouse, "field_accuracy", "field", "runs", "cells", "wrong") == [("a", 1, 1, 0)]
    assert accuracy.notes[-1] == "1 run was loaded without extraction_edits and left out."
    assert rows_of(bare_warehouse, "field_fill_rate", "field", "runs") == [("a", 2)]
    assert not any("left out" in note for note in rates.notes)


def test_a_query_that_does_not_exist_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match="There is no quality query 'nonsense'"):
        quality_report(warehouse.pipeline, ["field_accuracy", "nonsense"])
