"""The ledger where data is missing: dates, tables and partial loads; on every destination."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest

from extend_source.config.groups import GROUPS
from extend_source.reports.credits import credit_report
from extend_source.reports.models import create_models
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.warehouse import AnyWarehouse, Warehouse
from tests.reports.test_credit_models import file_of, run_of, select

pytestmark = pytest.mark.thorough

ALL_TIME = {"first_day": date(2020, 1, 1), "last_day": date(2025, 12, 31)}
NEEDED = ("processor_runs", "files", "processor_run_files", "credit_usage")


@pytest.fixture
def any_empty(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """An empty warehouse in front of the stand-in without runs, in each destination."""
    return make_warehouse(empty_server)


def noon(day: int, month: int = 11) -> datetime:
    return datetime(2025, month, day, 12, tzinfo=timezone.utc)


# ---- when


def dates(warehouse: AnyWarehouse) -> list[tuple[str, str, date]]:
    rows = select(warehouse, "select resource_id, dated_by, spent_on from credit_ledger")
    return sorted(rows)


def test_a_run_loaded_by_id_is_dated_by_its_first_file_and_once_listed_by_the_listing(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    files = [file_of("file_b", createdAt="2025-11-09T10:00:00Z"), file_of("file_a", createdAt="2025-11-08T10:00:00Z")]
    workspace.put_run(run_of("dpr_1", 1, files=files), created_at=noon(10))
    any_empty.sync(run_ids=["dpr_1"])

    by_id = dates(any_empty)
    any_empty.run("processor_run_summaries")

    files_alike = [("file_a", "created", date(2025, 11, 8)), ("file_b", "created", date(2025, 11, 9))]
    assert by_id == [("dpr_1", "files", date(2025, 11, 8)), *files_alike]
    assert any_empty.column("processor_runs", "created_at") == [None]
    assert dates(any_empty) == [("dpr_1", "created", date(2025, 11, 10)), *files_alike]


def test_a_file_without_a_date_is_dated_by_the_first_run_that_used_it(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    for number, day in enumerate((12, 10, 11)):
        workspace.put_run(run_of(f"dpr_{number}", 1, files=[file_of("file_1")]), created_at=noon(day))
    any_empty.sync()

    assert dates(any_empty)[-1] == ("file_1", "first_run", date(2025, 11, 10))


def test_what_has_no_date_at_all_counts_when_it_was_fetched_and_a_warning_says_so(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    workspace.put_run(run_of("dpr_1", 1, files=[file_of("file_1")]))
    workspace.put_run(run_of("dpr_2", 2))
    workspace.put_run(run_of("dpr_3", 2), created_at=noon(10))
    any_empty.sync(run_ids=["dpr_1", "dpr_2"])
    today = any_empty.rows("processor_runs")[0]["fetched_at"].date()

    figures = credit_report(any_empty.pipeline)

    assert dates(any_empty) == [(name, "fetched", today) for name in ("dpr_1", "dpr_2", "file_1")]
    assert "2 runs and 1 file have no creation date; they are counted on the day they were fetched." in figures.warnings
    assert figures.newest_run is None
    any_empty.sync()
    assert credit_report(any_empty.pipeline).newest_run == workspace.now  # of the listing


# ---- tables that have not landed


def test_the_report_does_without_the_tables_that_it_need_not_have(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    workspace.put_run(run_of("dpr_1", 6, files=[file_of("file_1", 3, 1)]), created_at=noon(10))
    any_empty.run(*NEEDED)

    figures = credit_report(any_empty.pipeline, **ALL_TIME)

    assert figures.warnings == [
        "Not loaded, so what they would say is missing:"
        " extraction_edits, extraction_fields, processor_run_summaries, sync_log.",
        "The newest run is from 2025-11-10: nothing has been spent since, or it has not been loaded.",
    ]
    assert [day.credits for day in figures.days] == [Decimal(1), Decimal(6)]
    [unit] = figures.unit_costs
    assert (unit.per_document, unit.per_page, unit.per_accepted_field) == (Decimal(6), Decimal(2), None)
    assert figures.last_sync == any_empty.rows("processor_runs")[0]["fetched_at"]


def test_views_that_do_without_tables_say_which_and_are_whole_once_made_again(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    workspace.put_run(run_of("dpr_1", 6, files=[file_of("file_1", 3, 1)]), created_at=noon(10))
    any_empty.run(*NEEDED)
    comparing = "select distinct comparison from credit_reconciliation order by 1"

    first = create_models(any_empty.pipeline)
    without_listing = any_empty.query(comparing)
    any_empty.run(objects=list(GROUPS))
    again = create_models(any_empty.pipeline)

    assert first.left_out == {
        "final_splits": ["splits"],
        "final_classifications": ["classifications"],
        "edits": ["extraction_edits"],
        "field_quality": ["extraction_fields"],
        "workflow_funnel": ["workflow_run_summaries"],
        "evaluation_trend": ["evaluation_set_run_metrics", "evaluation_set_runs"],
    }
    assert first.without == {
        "documents": [
            "classifications",
            *("processor_versions", "processors"),
            *("workflow_run_summaries", "workflow_runs", "workflow_step_runs", "workflows"),
        ],
        "credit_ledger": ["processor_run_summaries"],
        "credit_unit_costs": ["extraction_edits", "extraction_fields"],
        "credit_anomalies": ["sync_log"],
        "credit_reconciliation": ["processor_run_summaries"],
    }
    assert without_listing == [("ledger_with_files",), ("ledger_with_runs",)]
    assert again.without == {}
    assert any_empty.query(comparing) == [("ledger_with_files",), ("ledger_with_listing",), ("ledger_with_runs",)]


# ---- runs that were loaded into some tables only


def test_what_a_run_was_not_loaded_into_is_unknown_and_its_credits_are_its_own(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    for number, tables in enumerate([NEEDED, (), ("processor_runs", "files")]):
        files = [file_of(f"file_{number}", 4, 2)]
        workspace.put_run(run_of(f"dpr_{number}", number + 1, files=files), created_at=noon(10 + number))
        any_empty.run(*tables)

    ledger = select(any_empty, "select resource_id, credits, files, file_id, pages, run_id from credit_ledger")

    assert sorted(ledger) == [
        ("dpr_0", 1, 1, "file_0", 4, "dpr_0"),
        ("dpr_1", 2, 1, "file_1", 4, "dpr_1"),
        ("dpr_2", 3, None, None, None, "dpr_2"),
        ("file_0", 2, 1, "file_0", 4, "dpr_0"),
        ("file_1", 2, 1, "file_1", 4, "dpr_1"),
        ("file_2", 2, 1, "file_2", 4, None),
    ]


def test_a_run_that_has_no_files_has_none_and_one_loaded_without_some_tables_may_have_any(
    any_empty: AnyWarehouse,
) -> None:
    any_empty.server.workspace.put_run(run_of("dpr_1", 1))
    any_empty.sync()
    files = "select files from credit_ledger"

    found = [select(any_empty, files)]
    for text in ("standard,-file_pages", "standard,-processor_run_files", "files,processor_runs"):
        any_empty.execute(f"update processor_runs set loaded_tables = '{text}'")
        found.append(select(any_empty, files))

    assert found == [[(0,)], [(0,)], [(None,)], [(None,)]]


def test_no_model_compares_each_row_with_each_row_of_another_table(empty_warehouse: Warehouse) -> None:
    # DuckDB does where a LEFT JOIN has a condition on one side alone: a million rows then take for ever
    empty_warehouse.server.workspace.put_run(run_of("dpr_1", 5, files=[file_of("file_1", 1, 2)]), created_at=noon(10))
    empty_warehouse.sync()
    joins = {}
    for view in create_models(empty_warehouse.pipeline).views:
        ((_, plan),) = empty_warehouse.query(f"explain select * from {view}")
        joins[view] = set(re.findall(r"\w*(?:JOIN|PRODUCT)\b", plan))
    assert joins == {view: {"HASH_JOIN"} for view in joins}
    assert "credit_ledger" in joins


# ---- what the ledger is compared with


@pytest.mark.slow
@pytest.mark.core
def test_gaps_are_named_by_their_causes(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    for number in range(3):
        workspace.put_run(run_of(f"dpr_{number}", 5, files=[file_of(f"file_{number}", 1, 2)]), created_at=noon(10))
    any_empty.sync()
    any_empty.execute("update credit_usage set credits = 7 where resource_id in ('dpr_1', 'file_1')")
    any_empty.execute("update processor_runs set id = 'dpr_gone' where id = 'dpr_2'")
    any_empty.execute("update credit_usage set resource_id = 'dpr_ghost' where resource_id = 'dpr_2'")

    rows = select(
        any_empty,
        "select comparison, cause, things, ledger_credits, other_credits, gap from credit_reconciliation"
        " order by comparison, cause",
    )

    assert rows == [
        ("ledger_with_files", "equal", 2, 4, 4, 0),
        ("ledger_with_files", "figures_differ", 1, 7, 2, 5),
        ("ledger_with_listing", "equal", 2, 10, 10, 0),
        ("ledger_with_listing", "figures_differ", 1, 7, 5, 2),
        ("ledger_with_listing", "not_listed", 2, 10, None, 10),
        ("ledger_with_runs", "equal", 2, 10, 10, 0),
        ("ledger_with_runs", "figures_differ", 1, 7, 5, 2),
        ("ledger_with_runs", "ledger_only", 1, 5, None, 5),
        ("ledger_with_runs", "not_landed", 1, 5, None, 5),
    ]
    warnings = credit_report(any_empty.pipeline, **ALL_TIME).warnings
    assert "The ledger and the files differ by 5 credits in 1 row (figures_differ)." in warnings
    assert "The ledger and the runs differ by 5 credits in 1 row (ledger_only)." in warnings
    assert any(
        line.startswith("1 run of the listing, 5 credits as far as known, has not been loaded: ") for line in warnings
    )
