"""A sync asks for what it needs and nothing else: requests are counted where they arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from extend_source.sandbox import Options, SandboxServer, Workspace
from extend_source.sandbox.requests_log import LoggedRequest
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import (
    change_runs,
    fetched,
    ids_with_status,
    last_log,
    log,
    make_open_warehouse,
    moment_of,
    put_small_runs,
    small_run,
)
from tests.acceptance.truth import assert_holds, assert_summaries
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse

PAGE = 25


@pytest.fixture
def paged_server() -> Iterator[SandboxServer]:
    """A stand-in without any runs, whose listing has pages of 25."""
    with SandboxServer(runs=0, options=Options(largest_page=PAGE)) as server:
        yield server


@pytest.fixture
def rested_server() -> Iterator[SandboxServer]:
    """A stand-in with 50 runs of every kind, all of which have ended."""
    with SandboxServer(runs=50, options=Options(largest_page=PAGE)) as server:
        server.workspace.advance(3600)
        yield server


def counts(warehouse: AnyWarehouse, **arguments: Any) -> dict[str, int]:
    """Sync, and say how many requests of each kind that took."""
    warehouse.server.requests.reset()
    warehouse.sync(**arguments)
    return dict(warehouse.server.requests.counts)


# ---- nothing changed


@pytest.mark.parametrize(("history", "pages"), [(40, 2), (300, 12)])
def test_without_a_change_a_sync_is_one_request_whatever_the_history(
    paged_server: SandboxServer, make_warehouse: MakeWarehouse, history: int, pages: int
) -> None:
    warehouse = make_warehouse(paged_server)
    put_small_runs(paged_server.workspace, history)

    first, second = counts(warehouse), counts(warehouse)

    assert first == {"list_runs": pages, "get_run": history}
    assert second == {"list_runs": 1}
    assert log(warehouse, "mode", "runs_listed", "runs_known", "runs_fetched", "requests") == [
        ("full", history, 0, history, pages + history),
        ("incremental", PAGE, PAGE, 0, 1),
    ]
    assert_holds(warehouse)
    assert_summaries(warehouse)


def test_runs_of_every_kind_that_have_not_changed_are_not_fetched_again(
    rested_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    warehouse = make_warehouse(rested_server)

    first, second, reconcile = counts(warehouse), counts(warehouse), counts(warehouse, reconcile=True)

    assert first == {"list_runs": 2, "get_run": 50}
    assert second == {"list_runs": 1}
    assert reconcile == {"list_runs": 2}  # all of them are older than the review window
    assert_holds(warehouse)
    assert_summaries(warehouse)


# ---- k runs changed


@pytest.mark.core
def test_each_changed_run_is_fetched_once_and_no_other(
    rested_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    workspace, warehouse = rested_server.workspace, make_warehouse(rested_server)
    warehouse.sync()
    touched, edited, billed, *_ = reversed(ids_with_status(workspace, "PROCESSED"))
    workspace.advance(60)
    workspace.touch_run(touched)
    workspace.edit_run(edited)
    workspace.settle_credits(billed, "123.5")  # the listing shows other credits at the old time
    new = [workspace.add_run(status=status) for status in ("PROCESSED", "FAILED", "PENDING")]

    sent = counts(warehouse)

    assert sorted(fetched(rested_server)) == sorted([touched, edited, billed, *new])
    assert sent == {"list_runs": 1, "get_run": 6}
    assert_holds(warehouse)
    assert_summaries(warehouse)


def test_a_run_whose_status_alone_differs_is_fetched(
    paged_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    workspace, warehouse = paged_server.workspace, make_warehouse(paged_server)
    ids = put_small_runs(workspace, 3)
    warehouse.sync()
    workspace.put_run(small_run(ids[1], status="FAILED"), updated_at=moment_of(workspace, ids[1]))

    sent = counts(warehouse)

    assert (sent, fetched(paged_server)) == ({"list_runs": 1, "get_run": 1}, [ids[1]])
    assert warehouse.column("processor_runs", "status") == ["PROCESSED", "FAILED", "PROCESSED"]


# ---- the first load


def test_a_first_load_is_a_get_for_each_run_and_a_listing_for_each_thousand(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    warehouse = make_warehouse(empty_server)
    ids = put_small_runs(empty_server.workspace, 1001)

    sent = counts(warehouse)

    assert sent == {"list_runs": 2, "get_run": 1001}
    assert sorted(fetched(empty_server)) == ids
    assert warehouse.column("processor_runs", "id") == ids
    assert_summaries(warehouse)


def test_the_newest_runs_are_fetched_first(paged_server: SandboxServer, make_warehouse: MakeWarehouse) -> None:
    warehouse = make_warehouse(paged_server)
    ids = put_small_runs(paged_server.workspace, 60)

    warehouse.sync(max_concurrency=1)

    assert fetched(paged_server) == ids[::-1]


# ---- scopes


def test_a_sync_of_some_runs_does_not_hide_the_others_from_a_sync_of_all(
    rested_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    workspace, warehouse = rested_server.workspace, make_warehouse(rested_server)
    classified = [run_id for run_id in workspace.run_ids() if workspace.summary(run_id)["type"] == "CLASSIFY"]

    first = counts(warehouse, processor_types=["CLASSIFY"])
    second = counts(warehouse)
    again = [counts(warehouse, processor_types=["CLASSIFY"]), counts(warehouse)]

    assert 0 < len(classified) < PAGE
    assert first == {"list_runs": 1, "get_run": len(classified)}
    assert second == {"list_runs": 2, "get_run": 50 - len(classified)}
    assert again == [{"list_runs": 1}, {"list_runs": 1}]
    assert [mode for (mode,) in log(warehouse, "mode")] == ["full", "full", "incremental", "incremental"]
    assert_holds(warehouse)


def test_a_sync_of_fewer_tables_has_a_watermark_of_its_own(
    rested_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    workspace, warehouse = rested_server.workspace, make_warehouse(rested_server)
    few = ("processor_runs", "sync_log", "processor_run_summaries")
    warehouse.run(*few)
    rested_server.requests.reset()

    warehouse.run(*few)
    unchanged = dict(rested_server.requests.counts)
    everything = counts(warehouse)
    change_runs(workspace, ids_with_status(workspace, "PROCESSED")[:2])
    changed = counts(warehouse)

    assert unchanged == {"list_runs": 1}
    assert everything == {"list_runs": 2, "get_run": 50}
    assert changed == {"list_runs": 1, "get_run": 2}
    assert_holds(warehouse)


def test_an_earlier_start_date_finds_what_a_later_one_left_out(
    paged_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    workspace, warehouse = paged_server.workspace, make_warehouse(paged_server)
    ids = put_small_runs(workspace, 100)
    late, early = (workspace.now - timedelta(hours=hours) for hours in (29, 59))

    sent = [counts(warehouse, start_date=start) for start in (late, early, late, None)]

    assert sent == [
        {"list_runs": 2, "get_run": 30},
        {"list_runs": 3, "get_run": 30},  # the second page ends at hour 49, the third below hour 59
        {"list_runs": 1},  # what is wanted now had been covered before
        {"list_runs": 4, "get_run": 40},
    ]
    assert warehouse.column("processor_runs", "id") == ids
    assert_summaries(warehouse)


def test_a_run_in_flight_below_the_scan_is_asked_for_until_it_has_ended(
    paged_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    workspace, warehouse = paged_server.workspace, make_warehouse(paged_server)
    slow = workspace.add_run(created_at=workspace.now - timedelta(days=10))
    put_small_runs(workspace, 60)
    workspace.add_run(created_at=workspace.now + timedelta(hours=1))  # in flight as well; the scan shows it unchanged
    warehouse.sync()

    pending = counts(warehouse)
    workspace.advance(1)  # it ended days ago, as the listing tells on a page that no scan reaches
    ended = counts(warehouse)
    rested = counts(warehouse)

    assert pending == ended == {"list_runs": 1, "get_run": 1}
    assert rested == {"list_runs": 1}
    assert workspace.now - moment_of(workspace, slow) > timedelta(days=9)
    assert workspace.summary(slow)["status"] == "PROCESSED"
    (row,) = [row for row in warehouse.rows("processor_runs") if row["id"] == slow]
    assert row["status"] == "PROCESSED"


# ---- several listings for several values of a filter


def test_each_value_of_a_filter_has_a_listing_and_all_share_one_watermark(
    rested_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    workspace, warehouse = rested_server.workspace, make_warehouse(rested_server)
    chosen = [workspace.processor(name).id for name in ("invoices", "claims", "classifier")]
    wanted = [
        run_id
        for run_id in ids_with_status(workspace, "PROCESSED", "FAILED")
        if workspace.summary(run_id)["processorId"] in chosen
    ]
    arguments = {"processor_ids": chosen, "statuses": ["PROCESSED", "FAILED"]}

    first, second = counts(warehouse, **arguments), counts(warehouse, **arguments)

    assert first == {"list_runs": 6, "get_run": len(wanted)}
    assert second == {"list_runs": 6}
    assert_holds(warehouse, run_ids=wanted)
    # of the listings that began later a little is taken off: how long they began after the first one
    newest = max(moment_of(workspace, run_id) for run_id in wanted)
    (watermark,) = last_log(warehouse, "watermark_after")
    assert newest - timedelta(seconds=10) < watermark <= newest


def test_a_change_between_two_listings_is_not_below_the_watermark(
    paged_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    workspace, warehouse = paged_server.workspace, make_warehouse(paged_server)
    first, second = (workspace.processor(name) for name in ("invoices", "claims"))
    overlooked = workspace.add_run(processor="invoices", status="PROCESSED")
    put_small_runs(workspace, 30)
    listings: list[LoggedRequest] = []

    def change_after_the_first_listing(request: LoggedRequest) -> None:
        if request.route == "list_runs":
            listings.append(request)
        if len(listings) == 2:
            listings.append(request)
            workspace.advance(0.01)
            workspace.touch_run(overlooked)
            workspace.advance(0.01)
            workspace.add_run(processor="claims", status="PROCESSED")
            time.sleep(0.05)  # more than the twenty milliseconds that have passed by the stand-in's clock

    warehouse.sync(processor_ids=[first.id, second.id], lookback=0, reconcile_hours=0)
    paged_server.before_each_request = change_after_the_first_listing
    warehouse.sync(processor_ids=[first.id, second.id], lookback=0, reconcile_hours=0)
    paged_server.before_each_request = None
    paged_server.requests.reset()
    # a new run of the first processor hides nothing either
    warehouse.sync(processor_ids=[first.id, second.id], lookback=0, reconcile_hours=0)

    assert overlooked in fetched(paged_server)
    moved = {row["id"]: row["updated_at"] for row in warehouse.rows("processor_runs")}
    assert moved[overlooked] == moment_of(workspace, overlooked)


def test_workspaces_of_the_same_server_have_watermarks_of_their_own(make_warehouse: MakeWarehouse) -> None:
    workspaces = [Workspace(1, 12, workspace_id="ws_a"), Workspace(2, 9, workspace_id="ws_b")]
    for workspace in workspaces:
        workspace.advance(3600)
    with SandboxServer(workspaces=workspaces) as server:
        warehouse = make_warehouse(server)

        sent = [
            counts(warehouse, api_key="sk_sandbox_org", workspace_id=workspace_id)
            for workspace_id in ("ws_a", "ws_b", "ws_a", "ws_b")
        ]

    assert sent == [{"list_runs": 1, "get_run": 12}, {"list_runs": 1, "get_run": 9}, {"list_runs": 1}, {"list_runs": 1}]
