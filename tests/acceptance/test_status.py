"""The status says where a pipeline stands, and needs neither a key nor a request for it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from extend_source import TooManyErrors, extend_source
from extend_source.operations.status import DriftStatus, ErrorStatus, LoggedLoad, StatusResult, status
from extend_source.tables.kinds import to_timestamp
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

pytestmark = pytest.mark.thorough


def status_of(warehouse: AnyWarehouse) -> StatusResult:
    return status(warehouse.pipeline)


def runs_of_status(warehouse: AnyWarehouse, *statuses: str) -> list[str]:
    workspace = warehouse.server.workspace
    return [run_id for run_id in workspace.run_ids() if workspace.summary(run_id)["status"] in statuses]


def test_a_pipeline_that_has_never_run_has_nothing(any_warehouse: AnyWarehouse) -> None:
    result = status_of(any_warehouse)

    assert not result.has_run
    assert (result.scopes, result.last_loads, result.runs, result.errors, result.drift) == ([], [], {}, [], None)
    assert any_warehouse.tables() == set()


def test_a_status_of_a_file_that_does_not_exist_makes_none(warehouse: Warehouse) -> None:
    status_of(warehouse)

    assert not warehouse.database.exists()


@pytest.mark.slow
@pytest.mark.core
def test_the_status_tells_the_watermark_and_the_reconcile(any_warehouse: AnyWarehouse) -> None:
    before = datetime.now(timezone.utc)
    synced = any_warehouse.sync(processor_types=["EXTRACT", "CLASSIFY"], start_date="2020-01-31")

    (scope,) = status_of(any_warehouse).scopes

    workspace = any_warehouse.server.workspace
    newest = max(
        to_timestamp(summary["updatedAt"])
        for summary in map(workspace.summary, workspace.run_ids())
        if summary["type"] in ("EXTRACT", "CLASSIFY")
    )
    # each type is a listing of its own, and the watermark stays behind the second one
    assert scope.watermark == synced.watermark
    assert newest - timedelta(seconds=60) < scope.watermark <= newest
    assert scope.scope == {
        "base_url": any_warehouse.server.base_url,
        "api_version": "2025-04-21",
        "processor_types": ["CLASSIFY", "EXTRACT"],
    }
    assert scope.start == datetime(2020, 1, 31, tzinfo=timezone.utc)
    assert scope.reconciled_at is not None
    assert before <= scope.reconciled_at <= datetime.now(timezone.utc)
    assert scope.reconcile_due_at == scope.reconciled_at + timedelta(hours=24)


def test_no_reconcile_is_due_where_there_is_one_on_demand_only(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__EXTEND__RECONCILE_HOURS", "0")
    warehouse.sync()

    (scope,) = status_of(warehouse).scopes

    assert scope.reconciled_at is not None
    assert scope.reconcile_due_at is None


def test_each_choice_of_filters_has_a_watermark_the_one_synced_last_first(warehouse: Warehouse) -> None:
    for arguments in ({}, {"statuses": ["FAILED"]}, {"processor_types": ["SPLITTER"]}, {"statuses": ["FAILED"]}):
        warehouse.sync(**arguments)
    warehouse.sync(statuses=["PENDING"], max_requests=1)  # stopped before it has a watermark

    scopes = [scope.scope for scope in status_of(warehouse).scopes]

    deployment = {"base_url": warehouse.server.base_url, "api_version": "2025-04-21"}
    assert scopes == [
        deployment | {"statuses": ["FAILED"]},
        deployment | {"processor_types": ["SPLITTER"]},
        deployment,
    ]


def test_the_status_counts_landed_runs_by_status(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()

    result = status_of(any_warehouse)

    states = ("PROCESSED", "FAILED", "CANCELLED", "PROCESSING", "PENDING")
    assert result.runs == {state: len(ids) for state in states if (ids := runs_of_status(any_warehouse, state))}
    assert list(result.runs.values()) == sorted(result.runs.values(), reverse=True)
    assert result.in_flight == len(runs_of_status(any_warehouse, "PROCESSING", "PENDING"))


def test_the_last_five_loads_come_newest_first(any_warehouse: AnyWarehouse) -> None:
    ids = runs_of_status(any_warehouse, "PROCESSED")
    for _ in range(3):
        any_warehouse.sync(run_ids=ids[:2], refresh=True)
    any_warehouse.sync(run_ids=ids[:2], refresh=True, max_requests=1)
    last = any_warehouse.sync(package_runs=100)

    result = status_of(any_warehouse)

    loads = [(load.mode, load.runs_fetched, load.runs_pending, load.stopped_by) for load in result.last_loads]
    assert loads == [
        ("full", 20, 0, None),
        ("full", 100, 20, None),
        ("by_id", 1, 1, "max_requests"),
        ("by_id", 2, 0, None),
        ("by_id", 2, 0, None),
    ]
    newest = result.last_loads[0]
    (row,) = [row for row in any_warehouse.rows("sync_log") if row["load_id"] == newest.load_id]
    assert newest == LoggedLoad(**{name: row[name] for name in LoggedLoad.__dataclass_fields__})
    assert [load.load_id for load in result.last_loads[:2]] == last.load_ids[::-1]


def test_errors_are_counted_by_code_with_the_most_attempts(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync(run_ids=["dpr_nowhere", "dpr_else"])
    any_warehouse.sync(run_ids=["dpr_else"])

    assert status_of(any_warehouse).errors == [ErrorStatus("NotFound", 2, 2)]


def test_the_status_of_a_sync_with_too_many_errors_is_there(warehouse: Warehouse) -> None:
    with pytest.raises(TooManyErrors):
        warehouse.sync(run_ids=[f"dpr_{number}" for number in range(30)])

    result = status_of(warehouse)

    assert result.has_run
    assert result.errors == [ErrorStatus("NotFound", 30, 1)]


def test_deleted_runs_and_unnoticed_changes_are_told(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    workspace = any_warehouse.server.workspace
    ended = runs_of_status(any_warehouse, "PROCESSED")
    workspace.delete_run(ended[0])
    workspace.edit_run(ended[1], touch_updated_at=False)
    done = any_warehouse.sync(reconcile=True, review_window_days=5000, max_rechecks=5000)
    any_warehouse.sync()

    result = status_of(any_warehouse)

    (row,) = [row for row in any_warehouse.rows("sync_log") if row["runs_rechecked"]]
    assert result.gone == 1
    assert result.drift == DriftStatus(row["fetched_at"], done.rechecked, 1, 1 / done.rechecked)
    assert done.rechecked > 50


def test_unknown_keys_and_values_that_do_not_fit_are_told_by_object_and_path(any_warehouse: AnyWarehouse) -> None:
    workspace = any_warehouse.server.workspace
    payload = workspace.run_payload(runs_of_status(any_warehouse, "FAILED")[0])
    workspace.put_run({**payload, "novelty": 1, "metadata": {}})
    any_warehouse.sync()

    found = status_of(any_warehouse)
    assert found.unknown_keys == ["processor_run.novelty"]
    drift = any_warehouse.rows("schema_drift")
    assert found.misfits == sorted(f"{row['object']}.{row['path']}" for row in drift if row["path"] != "novelty")
    assert "extraction_claims_legacy.Date" in found.misfits


def test_a_pending_load_is_told_and_stays_pending(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.pipeline.extract(extend_source(run_ids=["dpr_nowhere"], **any_warehouse.settings()))

    result = status_of(any_warehouse)

    assert (result.pending_loads, result.has_run, result.last_loads) == (1, True, [])
    assert any_warehouse.pipeline.has_pending_data


def test_no_key_is_needed_and_nothing_is_sent(warehouse: Warehouse) -> None:
    warehouse.sync()
    warehouse.server.requests.reset()

    assert status_of(warehouse).has_run
    assert warehouse.server.requests.total == 0


def test_another_machine_sees_the_same(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    here, there = status_of(any_warehouse), status_of(any_warehouse.on_another_machine())

    def facts(result: StatusResult) -> dict[str, Any]:
        return {name: value for name, value in vars(result).items() if name != "at"}

    assert facts(there) == facts(here)


def test_a_status_changes_nothing(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    before, log = any_warehouse.snapshot(), any_warehouse.rows("sync_log")

    status_of(any_warehouse)

    assert (any_warehouse.snapshot(), any_warehouse.rows("sync_log")) == (before, log)
    assert any_warehouse.sync().mode == "incremental"
