"""What changes without a trace in the listing is found by the reconcile: silent edits, late bills, deleted runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from extend_source.config.settings import ExtendSettings
from extend_source.sandbox import Options, SandboxServer, Workspace
from extend_source.sandbox.requests_log import LoggedRequest
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import (
    fetched,
    garble,
    ids_with_status,
    last_log,
    log,
    make_open_warehouse,
    moment_of,
    put_small_runs,
    small_run,
)
from tests.acceptance.truth import assert_holds, assert_summaries, expected_tables
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse

ENDED = ("PROCESSED", "FAILED", "CANCELLED")
ALL_DAYS = 365


@pytest.fixture(autouse=True)
def as_on_a_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have syncs be quiet where they may."""
    monkeypatch.setattr(AnyWarehouse, "quiet_log_minutes", ExtendSettings.quiet_log_minutes)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A stand-in with 24 runs of the last half year, all of which have ended, on pages of 10."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    with SandboxServer(workspaces=[Workspace(runs=24, now=now)], options=Options(largest_page=10)) as server:
        server.workspace.advance(3600)
        yield server


@pytest.fixture
def loaded(any_warehouse: AnyWarehouse) -> AnyWarehouse:
    """A warehouse that holds the runs as they are."""
    any_warehouse.sync()
    any_warehouse.server.requests.reset()
    return any_warehouse


def requests(warehouse: AnyWarehouse, **arguments: Any) -> tuple[int, list[str]]:
    """Sync, and say how many listing requests that took and which runs were fetched."""
    warehouse.server.requests.reset()
    warehouse.sync(**arguments)
    return warehouse.server.requests.counts["list_runs"], sorted(fetched(warehouse.server))


def tombstones(warehouse: AnyWarehouse) -> list[str]:
    """The ids of the runs that are known to be gone."""
    return warehouse.column("tombstones", "id")


# ---- silent edits


@pytest.mark.slow
@pytest.mark.core
def test_silent_edits_are_found_by_the_reconcile_and_the_drift_rate_is_the_truth(loaded: AnyWarehouse) -> None:
    workspace = loaded.server.workspace
    edited = ids_with_status(workspace, "PROCESSED")[::5]
    for run_id in edited:
        workspace.edit_run(run_id, touch_updated_at=False)

    ordinary = requests(loaded)
    reconcile = requests(loaded, reconcile=True, review_window_days=ALL_DAYS)

    assert len(edited) == 5
    assert ordinary == (1, [])
    assert reconcile == (3, sorted(workspace.run_ids()))
    columns = ("mode", "runs_rechecked", "runs_drifted", "drift_rate", "runs_fetched", "runs_changed")
    assert last_log(loaded, *columns) == ("reconcile", 24, 5, pytest.approx(5 / 24), 24, 5)
    assert_holds(loaded)
    assert_summaries(loaded)


def test_the_drift_rate_of_each_load_is_that_of_its_own_rechecks(loaded: AnyWarehouse) -> None:
    workspace = loaded.server.workspace
    edited = ids_with_status(workspace, "PROCESSED")[::5]
    for run_id in edited:
        workspace.edit_run(run_id, touch_updated_at=False)

    result = loaded.sync(reconcile=True, review_window_days=ALL_DAYS, package_runs=10)

    rows = log(loaded, "runs_rechecked", "runs_drifted", "drift_rate")[1:]
    assert [row[0] for row in rows] == [10, 10, 4]
    assert [row[2] for row in rows] == [pytest.approx(drifted / rechecked) for rechecked, drifted, _ in rows]
    assert sum(row[1] for row in rows) == 5
    assert (result.rechecked, result.drifted, len(result.load_ids)) == (24, 5, 3)
    assert_holds(loaded)


def test_without_an_edit_the_drift_rate_is_zero_and_without_a_recheck_unknown(loaded: AnyWarehouse) -> None:
    loaded.sync(reconcile=True, review_window_days=ALL_DAYS)
    assert last_log(loaded, "runs_rechecked", "runs_drifted", "drift_rate", "runs_changed") == (24, 0, 0.0, 0)

    loaded.sync(reconcile=True, review_window_days=0)
    assert last_log(loaded, "runs_rechecked", "runs_drifted", "drift_rate") == (0, 0, None)


def test_an_edit_that_the_listing_shows_is_no_drift(loaded: AnyWarehouse) -> None:
    workspace = loaded.server.workspace
    shown, silent = ids_with_status(workspace, "PROCESSED")[:2]
    workspace.edit_run(shown)
    workspace.edit_run(silent, touch_updated_at=False)

    loaded.sync(reconcile=True, review_window_days=ALL_DAYS)

    columns = ("runs_fetched", "runs_changed", "runs_rechecked", "runs_drifted")
    assert last_log(loaded, *columns) == (24, 2, 23, 1)
    assert_holds(loaded)


def test_those_fetched_longest_ago_are_rechecked_first_until_all_have_had_their_turn(loaded: AnyWarehouse) -> None:
    workspace = loaded.server.workspace
    everyone = sorted(workspace.run_ids())
    recent = everyone[::6]
    loaded.sync(run_ids=recent, refresh=True)

    turns = [requests(loaded, reconcile=True, review_window_days=ALL_DAYS, max_rechecks=12)[1] for _ in range(3)]

    assert [len(turn) for turn in turns] == [12, 12, 12]
    assert sorted(turns[0] + turns[1]) == everyone
    assert set(recent) <= set(turns[1])
    assert turns[2] == turns[0]


def test_runs_older_than_the_review_window_are_not_rechecked(loaded: AnyWarehouse) -> None:
    workspace = loaded.server.workspace
    for run_id in ids_with_status(workspace, "PROCESSED"):
        workspace.edit_run(run_id, touch_updated_at=False)
    window = datetime.now(timezone.utc) - timedelta(days=60)
    young = sorted(run_id for run_id in workspace.run_ids() if moment_of(workspace, run_id) >= window)

    sent = [
        requests(loaded, reconcile=True, review_window_days=days, max_rechecks=most)
        for days, most in ((0, 1000), (60, 0), (60, 1000))
    ]

    assert 4 < len(young) < 20
    assert sent == [(3, []), (3, []), (3, young)]


def test_a_reconcile_is_due_by_itself_when_the_last_one_is_long_ago(loaded: AnyWarehouse) -> None:
    ((_, position),) = loaded.pipeline.state["sources"]["extend"]["positions"].items()
    (edited,) = ids_with_status(loaded.server.workspace, "PROCESSED")[:1]
    loaded.server.workspace.edit_run(edited, touch_updated_at=False)
    with loaded.pipeline.managed_state() as state:
        yesterday = datetime.now(timezone.utc) - timedelta(hours=24, seconds=1)
        ((scope, _),) = state["sources"]["extend"]["positions"].items()
        state["sources"]["extend"]["positions"][scope]["reconciled_at"] = yesterday.isoformat()

    switched_off = requests(loaded, reconcile_hours=0, review_window_days=ALL_DAYS)
    not_due = requests(loaded, reconcile_hours=25, review_window_days=ALL_DAYS)
    due = requests(loaded, review_window_days=ALL_DAYS)
    done = requests(loaded, review_window_days=ALL_DAYS)

    assert position["reconciled_at"] is not None
    assert [switched_off, not_due, done] == [(1, [])] * 3
    assert due == (3, sorted(loaded.server.workspace.run_ids()))
    assert_holds(loaded)


# ---- late bills


def test_credits_that_are_settled_late_are_found_by_the_listing(loaded: AnyWarehouse) -> None:
    workspace = loaded.server.workspace
    by_age = sorted(ids_with_status(workspace, *ENDED), key=lambda run_id: moment_of(workspace, run_id))
    oldest, newest = by_age[0], by_age[-1]
    workspace.settle_credits(oldest, "7.25")
    workspace.settle_credits(newest, "8.5")

    ordinary = requests(loaded)
    reconcile = requests(loaded, reconcile=True, review_window_days=0)

    assert ordinary == (1, [newest])
    assert reconcile == (3, [oldest])
    assert_holds(loaded)
    assert_summaries(loaded)
    ledger = {row["resource_id"]: row["credits"] for row in loaded.rows("credit_usage")}
    assert (ledger[oldest], ledger[newest]) == (Decimal("7.25"), Decimal("8.5"))


# ---- deleted runs


@pytest.mark.core
def test_deleted_runs_become_tombstones_and_their_rows_stay(loaded: AnyWarehouse) -> None:
    workspace = loaded.server.workspace
    before = expected_tables(workspace)
    gone = sorted(workspace.run_ids()[3:12:4])
    for run_id in gone:
        workspace.delete_run(run_id)

    ordinary = requests(loaded)
    nothing_noticed = tombstones(loaded)
    reconcile = requests(loaded, reconcile=True, review_window_days=0)
    noticed = loaded.rows("tombstones")
    again = requests(loaded, reconcile=True, review_window_days=ALL_DAYS)

    assert (ordinary, nothing_noticed) == ((1, []), [])
    assert reconcile == (3, gone)
    assert [(row["id"], row["reason"], row["workspace_id"]) for row in noticed] == [
        (run_id, "not_found", None) for run_id in gone
    ]
    assert again == (3, sorted(workspace.run_ids()))  # rechecked, but those that are gone
    assert loaded.rows("tombstones") == noticed
    assert [gone for (gone,) in log(loaded, "runs_gone") if gone] == [3]
    assert_holds(loaded, earlier=before)
    assert loaded.rows("fetch_errors") == []
    assert len(loaded.rows("processor_run_summaries")) == 24


@pytest.mark.parametrize("how", ["unchanged", "changed", "by id"])
def test_a_run_that_comes_back_loses_its_tombstone(loaded: AnyWarehouse, how: str) -> None:
    workspace = loaded.server.workspace
    gone = ids_with_status(workspace, "PROCESSED")[-2:]
    for run_id in gone:
        workspace.delete_run(run_id)
    loaded.sync(reconcile=True, review_window_days=0)
    before = tombstones(loaded)
    back = gone[0]
    workspace.restore_run(back)
    if how == "changed":
        workspace.edit_run(back)

    if how == "by id":
        sent = requests(loaded, run_ids=[back], refresh=True)
    else:
        sent = requests(loaded, reconcile=True, review_window_days=0)

    assert before == sorted(gone)
    assert sent == {"unchanged": (3, []), "changed": (3, [back]), "by id": (0, [back])}[how]
    assert tombstones(loaded) == [gone[1]]


def test_a_run_that_is_deleted_between_the_listing_and_its_get_is_a_tombstone_and_no_error(
    server: SandboxServer, any_warehouse: AnyWarehouse
) -> None:
    workspace = server.workspace
    fleeting = workspace.add_run(status="PROCESSED")

    def delete(request: LoggedRequest) -> None:
        if request.route == "get_run" and fleeting in workspace.runs:
            workspace.delete_run(fleeting)

    server.before_each_request = delete
    result = any_warehouse.sync()
    server.before_each_request = None
    later = [requests(any_warehouse), requests(any_warehouse, reconcile=True, review_window_days=0)]

    assert (result.gone, result.failed, result.complete) == (1, 0, True)
    assert tombstones(any_warehouse) == [fleeting]
    assert later == [(1, []), (3, [])]
    assert any_warehouse.rows("fetch_errors") == []
    assert_holds(any_warehouse)


def test_a_run_in_flight_that_is_deleted_is_a_tombstone_and_not_asked_for_again(
    server: SandboxServer, any_warehouse: AnyWarehouse
) -> None:
    workspace = server.workspace
    run_id = workspace.add_run(created_at=workspace.now - timedelta(days=2))
    any_warehouse.sync()
    before = expected_tables(workspace)
    workspace.delete_run(run_id)

    sent = [requests(any_warehouse) for _ in range(2)]

    assert sent == [(1, [run_id]), (1, [])]
    assert tombstones(any_warehouse) == [run_id]
    assert any_warehouse.rows("fetch_errors") == []
    assert_holds(any_warehouse, earlier=before)


def test_an_id_that_was_never_seen_is_an_error_and_one_that_was_is_a_tombstone(loaded: AnyWarehouse) -> None:
    workspace = loaded.server.workspace
    landed = workspace.run_ids()[0]
    loaded.run("processor_run_summaries", "sync_log")  # a run that was listed and not fetched
    listed = workspace.add_run(status="PROCESSED")
    loaded.run("processor_run_summaries", "sync_log")
    for run_id in (landed, listed):
        workspace.delete_run(run_id)

    result = loaded.sync(run_ids=[landed, listed, "dpr_nowhere"], refresh=True)

    assert (result.gone, result.failed, result.complete) == (2, 1, False)
    assert tombstones(loaded) == sorted([landed, listed])
    assert [(row["id"], row["status_code"]) for row in loaded.rows("fetch_errors")] == [("dpr_nowhere", 404)]
    assert loaded.column("processor_runs", "id").count(landed) == 1


def test_a_run_that_failed_and_is_then_deleted_is_no_error_any_longer(
    server: SandboxServer, any_warehouse: AnyWarehouse
) -> None:
    odd = server.workspace.put_run({"id": "dpr_odd", "status": "PROCESSED", "type": "EXTRACT"})
    garble(server, odd)
    first = any_warehouse.sync()
    errors = any_warehouse.column("fetch_errors", "id")
    server.instead = None
    server.workspace.delete_run(odd)

    second = any_warehouse.sync()

    assert (first.failed, errors) == (1, [odd])
    assert (second.gone, second.failed) == (1, 0)
    assert any_warehouse.rows("fetch_errors") == []
    assert tombstones(any_warehouse) == [odd]
    assert_holds(any_warehouse)


def test_a_narrower_sync_does_not_take_runs_that_it_cannot_see_for_deleted(loaded: AnyWarehouse) -> None:
    workspace = loaded.server.workspace
    gone = ids_with_status(workspace, "PROCESSED")[-1]
    kind = workspace.summary(gone)["type"]
    other = next(each for each in ("EXTRACT", "CLASSIFY") if each != kind)
    workspace.delete_run(gone)
    narrow = {"reconcile": True, "review_window_days": 0}

    blind = [
        requests(loaded, processor_types=[other], **narrow)[1],
        requests(loaded, statuses=["FAILED"], **narrow)[1],
        requests(loaded, start_date=workspace.now - timedelta(minutes=30), **narrow)[1],
    ]
    seeing = requests(loaded, processor_types=[kind], statuses=["PROCESSED"], **narrow)[1]

    assert blind == [[], [], []]
    assert seeing == [gone]
    assert tombstones(loaded) == [gone]


def test_workspaces_in_one_dataset_do_not_bury_each_others_runs(make_warehouse: MakeWarehouse) -> None:
    now = datetime.now(timezone.utc).replace(microsecond=0)
    workspaces = [Workspace(seed, 8, workspace_id=name, now=now) for seed, name in ((1, "ws_a"), (2, "ws_b"))]
    for workspace in workspaces:
        workspace.advance(3600)
    first, second = workspaces
    with SandboxServer(workspaces=workspaces, options=Options()) as server:
        warehouse = make_warehouse(server)
        key = {"api_key": "sk_sandbox_org", "reconcile": True, "review_window_days": ALL_DAYS}
        warehouse.sync(**key, workspace_id="ws_a")
        warehouse.sync(**key, workspace_id="ws_b")
        gone = second.run_ids()[0]
        second.delete_run(gone)

        sent = {name: requests(warehouse, **key, workspace_id=name)[1] for name in ("ws_a", "ws_b")}

        assert sent == {"ws_a": sorted(first.run_ids()), "ws_b": sorted([*second.run_ids(), gone])}
        assert [(row["id"], row["workspace_id"]) for row in warehouse.rows("tombstones")] == [(gone, "ws_b")]
        owners = {row["id"]: row["workspace_id"] for row in warehouse.rows("processor_runs")}
        assert owners == dict.fromkeys(first.run_ids(), "ws_a") | dict.fromkeys([*second.run_ids(), gone], "ws_b")


def test_a_run_that_moves_to_another_workspace_is_found_there(make_warehouse: MakeWarehouse) -> None:
    workspaces = [Workspace(runs=0, workspace_id=name) for name in ("ws_a", "ws_b")]
    with SandboxServer(workspaces=workspaces) as server:
        warehouse = make_warehouse(server)
        key = {"api_key": "sk_sandbox_org", "reconcile": True}
        moving, *_ = put_small_runs(workspaces[0], 2)
        warehouse.sync(**key, workspace_id="ws_a")
        workspaces[0].delete_run(moving)
        warehouse.sync(**key, workspace_id="ws_a")
        gone = tombstones(warehouse)
        workspaces[1].put_run(small_run(moving))

        warehouse.sync(**key, workspace_id="ws_b")
        warehouse.sync(**key, workspace_id="ws_a")

        assert gone == [moving]
        assert tombstones(warehouse) == []
        owners = {row["id"]: row["workspace_id"] for row in warehouse.rows("processor_runs")}
        assert owners[moving] == "ws_b"
