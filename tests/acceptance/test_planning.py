"""A plan says what the sync will do, and does nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extend_source import SyncUnderWay, extend_source
from extend_source.errors import AccessRefused, InvalidSetting
from extend_source.ingest.progress import SyncProgress
from extend_source.operations.plan import PlanResult, plan
from extend_source.pipeline.lock import only_sync
from extend_source.sandbox import SandboxServer
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

pytestmark = pytest.mark.thorough


def plan_of(warehouse: AnyWarehouse, **arguments: Any) -> PlanResult:
    return plan(warehouse.pipeline, **warehouse.settings(**arguments))


def runs_of_status(warehouse: AnyWarehouse, *statuses: str) -> list[str]:
    workspace = warehouse.server.workspace
    return [run_id for run_id in workspace.run_ids() if workspace.summary(run_id)["status"] in statuses]


def files_in(folder: Path) -> dict[str, bytes]:
    """The files of a folder but for those of the lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".lock", ".pid"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.core
def test_a_first_plan_counts_every_run_and_fetches_and_writes_nothing(warehouse: Warehouse) -> None:
    result = plan_of(warehouse)

    assert result == PlanResult(
        mode="full",
        listed=120,
        known=0,
        to_fetch={"listed": 120},
        listing_requests=1,
        file_backlog=None,
        requests=121,
        minutes=None,
        loads=1,
        pending_loads=0,
        watermark=None,
        stopped_by=None,
        stops_at=None,
        destination=f"duckdb duckdb:///{warehouse.database}",
        dataset="extend",
        groups={"runs": 121, "parsing": 0},
    )
    assert result.runs == 120
    assert warehouse.server.requests.counts == {"list_runs": 1}
    assert not warehouse.database.exists()


def test_a_first_plan_on_a_server_makes_no_table(any_warehouse: AnyWarehouse) -> None:
    assert plan_of(any_warehouse).to_fetch == {"listed": 120}
    assert any_warehouse.tables() == set()


def nothing(warehouse: AnyWarehouse) -> dict[str, Any]:
    return {}


def a_landed_sync(warehouse: AnyWarehouse) -> dict[str, Any]:
    warehouse.sync()
    return {}


def changes_since(warehouse: AnyWarehouse) -> dict[str, Any]:
    warehouse.sync()
    workspace = warehouse.server.workspace
    workspace.advance(60)
    for run_id in runs_of_status(warehouse, "FAILED")[:3]:
        workspace.touch_run(run_id)
    workspace.add_run(status="PROCESSED")
    return {}


def a_reconcile_of_changes(warehouse: AnyWarehouse) -> dict[str, Any]:
    changes_since(warehouse)
    workspace = warehouse.server.workspace
    workspace.delete_run(runs_of_status(warehouse, "PROCESSED")[0])
    return {"reconcile": True, "review_window_days": 5000, "max_rechecks": 7}


def ids_partly_there(warehouse: AnyWarehouse) -> dict[str, Any]:
    ids = runs_of_status(warehouse, "PROCESSED")[:5]
    warehouse.sync(run_ids=ids[:2])
    return {"run_ids": ids}


def another_choice_of_runs(warehouse: AnyWarehouse) -> dict[str, Any]:
    warehouse.sync(processor_types=["CLASSIFY"])
    return {"statuses": ["FAILED", "CANCELLED"]}


SITUATIONS = [nothing, a_landed_sync, changes_since, a_reconcile_of_changes, ids_partly_there, another_choice_of_runs]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_the_sync_does_what_the_plan_says(
    any_warehouse: AnyWarehouse, situation: Callable[[AnyWarehouse], dict[str, Any]]
) -> None:
    arguments = situation(any_warehouse)

    planned = plan_of(any_warehouse, **arguments)
    done = any_warehouse.sync(**arguments)

    assert (planned.mode, planned.listed, planned.known) == (done.mode, done.listed, done.known)
    assert planned.runs == done.fetched + done.failed + done.gone
    assert planned.to_fetch.get("recheck", 0) == done.rechecked
    assert (planned.requests, planned.loads) == (sum(done.requests.values()), len(done.load_ids))


def test_the_runs_to_fetch_are_told_by_reason(warehouse: Warehouse) -> None:
    warehouse.sync()
    warehouse.sync(run_ids=["dpr_nowhere", "dpr_in_trouble"])
    warehouse.execute("update fetch_errors set status_code = 500 where id = 'dpr_in_trouble'")
    workspace = warehouse.server.workspace
    in_flight, ended = runs_of_status(warehouse, "PENDING", "PROCESSING"), runs_of_status(warehouse, "PROCESSED")
    for run_id in (in_flight[0], *ended[:2]):
        workspace.delete_run(run_id)
    workspace.touch_run(ended[2])
    changes = {"reconcile": True, "review_window_days": 5000, "max_rechecks": 6}

    assert plan_of(warehouse, **changes).to_fetch == {
        "listed": 1,
        "in_flight": 1,
        "failed": 1,
        "vanished": 2,
        "recheck": 6,
    }
    assert plan_of(warehouse, run_ids=[ended[3], "dpr_new"]).to_fetch == {"asked": 1}


def test_a_plan_leaves_the_pipeline_and_the_destination_as_they_are(warehouse: Warehouse) -> None:
    warehouse.sync()
    before, notes = warehouse.snapshot(), files_in(warehouse.pipelines)
    warehouse.server.workspace.add_run()

    plan_of(warehouse)

    assert warehouse.snapshot() == before
    assert files_in(warehouse.pipelines) == notes
    assert warehouse.pipeline.is_active
    assert warehouse.sync().mode == "incremental"


def test_a_machine_that_has_never_synced_plans_with_the_watermark_of_the_destination(
    any_warehouse: AnyWarehouse,
) -> None:
    watermark = any_warehouse.sync().watermark

    result = plan_of(any_warehouse.on_another_machine())

    assert (result.mode, result.known, result.runs, result.watermark) == ("incremental", 120, 0, watermark)
    assert watermark is not None


def test_a_pending_load_is_told_and_stays_pending(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.pipeline.extract(extend_source(run_ids=["dpr_nowhere"], **any_warehouse.settings()))

    result = plan_of(any_warehouse)

    assert (result.pending_loads, result.to_fetch) == (1, {"listed": 120})
    assert any_warehouse.pipeline.has_pending_data


def test_a_plan_works_where_a_loop_is_running_as_in_a_notebook(warehouse: Warehouse) -> None:
    async def cell() -> PlanResult:
        return plan_of(warehouse)

    assert asyncio.run(cell()).runs == 120


def test_the_time_follows_from_the_request_budget(warehouse: Warehouse) -> None:
    assert plan_of(warehouse, requests_per_second=10).minutes == 0.202  # 121 requests


@pytest.mark.parametrize(
    ("limits", "loads"),
    [
        ({"package_runs": 120}, 1),
        ({"package_runs": 50}, 3),
        ({"requests_per_second": 50, "package_minutes": 0.02}, 2),  # 60 runs a load
    ],
)
def test_the_loads_follow_from_their_limits(warehouse: Warehouse, limits: dict[str, Any], loads: int) -> None:
    assert plan_of(warehouse, **limits).loads == loads


def test_a_limit_that_will_end_the_sync_early_is_told(warehouse: Warehouse) -> None:
    assert plan_of(warehouse, max_requests=120).stops_at == "max_requests"
    assert plan_of(warehouse, max_requests=121).stops_at is None
    assert plan_of(warehouse, max_seconds=12.0, requests_per_second=10).stops_at == "max_seconds"
    assert plan_of(warehouse, max_seconds=12.2, requests_per_second=10).stops_at is None


def test_a_listing_that_is_stopped_is_told(warehouse: Warehouse) -> None:
    statuses = ["PROCESSED", "FAILED", "CANCELLED"]  # a listing each

    result = plan_of(warehouse, statuses=statuses, max_requests=2)

    assert (result.stopped_by, result.listing_requests) == ("max_requests", 1)
    assert result.to_fetch == {"listed": len(runs_of_status(warehouse, "PROCESSED"))}


def test_a_plan_stops_when_it_is_asked_to(warehouse: Warehouse) -> None:
    progress = SyncProgress(stop_requested=True)

    assert plan_of(warehouse, statuses=["PROCESSED", "FAILED"], progress=progress).stopped_by == "request"
    assert warehouse.server.requests.counts == {}


def test_a_plan_sends_no_more_requests_than_it_may_whatever_is_answered(tmp_path: Path) -> None:
    with SandboxServer(runs=5, faults=["5xx:1@list"]) as server:
        result = plan_of(Warehouse(server, tmp_path), max_requests=1)

        assert (result.stopped_by, server.requests.total) == ("max_requests", 1)


def test_files_that_landed_without_text_are_counted_where_text_is_fetched(warehouse: Warehouse) -> None:
    warehouse.sync()

    result = plan_of(warehouse, file_contents="fetch")

    backlog = warehouse.count("files") - warehouse.count("file_contents")
    assert (result.file_backlog, result.requests) == (backlog, 1 + backlog)
    assert sum(warehouse.sync(file_contents="fetch").requests.values()) == 1 + backlog


def test_a_pipeline_that_is_being_synced_into_a_file_is_left_alone(any_warehouse: AnyWarehouse) -> None:
    with only_sync(any_warehouse.pipeline):
        if isinstance(any_warehouse, Warehouse):
            with pytest.raises(SyncUnderWay):
                plan_of(any_warehouse)
        else:
            assert plan_of(any_warehouse).runs == 120


def test_a_plan_is_refused_where_the_sync_would_be(server: SandboxServer, tmp_path: Path) -> None:
    import dlt

    named_like_its_file = dlt.pipeline("same", destination="duckdb", dataset_name="same")

    with pytest.raises(InvalidSetting, match="DuckDB cannot tell the dataset 'same' from its file"):
        plan(named_like_its_file, api_key=server.api_key, base_url=server.base_url)
    assert not Path("same.duckdb").exists()


def test_a_refused_key_ends_a_plan_as_it_ends_a_sync(warehouse: Warehouse) -> None:
    with pytest.raises(AccessRefused):
        plan_of(warehouse, api_key="sk_wrong")
