"""The destination says what has landed: state that is lost, damaged or wrong costs a listing and no GET."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import dlt
import pytest

from extend_source import sync
from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import (
    back_up,
    change_runs,
    drop_dataset,
    fetched,
    ids_with_status,
    last_log,
    make_open_warehouse,
    put_small_runs,
    reopen,
    set_back,
    small_run,
)
from tests.acceptance.truth import assert_holds, assert_summaries
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse

LATER = datetime(2099, 1, 1, tzinfo=timezone.utc)

GARBAGE: list[Any] = [
    [["watermark"]],
    {"{scope}": "2026-01-01T00:00:00Z"},
    {"{scope}": {"watermark": "2099-01-01T00:00:00Z", "load_id": "{load}"}},
    {"{scope}": {"watermark": "2026-02-02T09:00:00Z", "load_id": "1700000000.1"}},
]
"""What may be in the place of the positions; {scope} and {load} stand for the right key and the right load. More of it
is in tests/test_state.py."""


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A stand-in with 20 runs, all of which have ended."""
    with SandboxServer(runs=20) as server:
        server.workspace.advance(3600)
        yield server


@pytest.fixture
def rested(any_warehouse: AnyWarehouse) -> AnyWarehouse:
    """A warehouse that holds the runs as they are."""
    any_warehouse.sync()
    return any_warehouse


def test_a_pipeline_of_another_name_fetches_nothing_that_has_landed(rested: AnyWarehouse) -> None:
    other = dlt.pipeline(
        "another",
        destination=rested.pipeline.destination,
        dataset_name=rested.dataset,
        pipelines_dir=str(rested.folder / "another"),
    )

    results = [sync(other, **rested.settings()) for _ in range(2)]

    assert [(result.known, result.fetched, result.restored) for result in results] == [(20, 0, 0)] * 2


def change_two(warehouse: AnyWarehouse) -> list[str]:
    """Change two runs, and forget the requests so far; return the ids of the two."""
    changed = ids_with_status(warehouse.server.workspace, "PROCESSED")[:2]
    change_runs(warehouse.server.workspace, changed)
    warehouse.server.requests.reset()
    return sorted(changed)


def assert_fetched(warehouse: AnyWarehouse, run_ids: list[str]) -> None:
    """Assert that some runs were asked for, once each, and no others, and that all is as it should be."""
    __tracebackhide__ = True
    assert sorted(fetched(warehouse.server)) == run_ids
    assert_holds(warehouse)
    assert_summaries(warehouse)
    assert warehouse.rows("fetch_errors") == []


def write_positions(warehouse: AnyWarehouse, positions: Any) -> None:
    """Put something in the place of the positions in the local state."""
    with warehouse.pipeline.managed_state() as state:
        state["sources"]["extend"]["positions"] = positions


def positions_of(warehouse: AnyWarehouse) -> dict[str, Any]:
    """The positions in the local state."""
    positions: dict[str, Any] = warehouse.pipeline.state["sources"]["extend"]["positions"]
    return positions


# ---- lost


@pytest.mark.slow
@pytest.mark.core
def test_another_machine_fetches_what_has_changed_and_nothing_else(rested: AnyWarehouse) -> None:
    changed = change_two(rested)

    other = rested.on_another_machine()
    other.sync()

    assert_fetched(other, changed)
    assert last_log(other, "mode") == ("incremental",)  # dlt has brought the state from the destination


@pytest.mark.parametrize("everywhere", [False, True], ids=["local", "everywhere"])
def test_state_that_is_lost_costs_a_listing(rested: AnyWarehouse, everywhere: bool) -> None:
    changed = change_two(rested)
    shutil.rmtree(rested.pipelines)
    if everywhere:
        rested.execute("delete from _dlt_pipeline_state")
    reopen(rested)

    rested.sync()

    assert_fetched(rested, changed)
    assert last_log(rested, "mode") == ("full" if everywhere else "incremental",)


def test_a_machine_that_was_away_for_a_while_carries_on_from_the_others_work(rested: AnyWarehouse) -> None:
    """Its own state is older than the destination's, and so is its watermark."""
    first = change_two(rested)
    other = rested.on_another_machine()
    other.sync()
    assert_fetched(other, first)
    second = ids_with_status(rested.server.workspace, "PROCESSED")[5:7]
    change_runs(rested.server.workspace, second)
    rested.server.requests.reset()

    rested.sync()

    assert_fetched(rested, sorted(second))


# ---- damaged


def test_damaged_state_is_not_used_and_mended(rested: AnyWarehouse) -> None:
    ((scope, position),) = positions_of(rested).items()

    for garbage in GARBAGE:
        changed = change_two(rested)
        write_positions(rested, _filled_in(garbage, scope, position["load_id"]))
        result = rested.sync()

        assert sorted(fetched(rested.server)) == changed, garbage
        assert (result.mode, result.listed) == ("full", 20), garbage
        assert result.watermark == rested.server.workspace.now, garbage
        assert positions_of(rested)[scope]["watermark"] == result.watermark.isoformat().replace("+00:00", "Z"), garbage

    assert_holds(rested)
    assert_summaries(rested)


@pytest.mark.parametrize("garbage", [["positions"], None], ids=["list", "null"])
def test_a_source_state_of_another_kind_is_not_used_and_mended(rested: AnyWarehouse, garbage: Any) -> None:
    changed = change_two(rested)
    with rested.pipeline.managed_state() as state:
        state["sources"]["extend"] = garbage

    rested.sync()

    assert_fetched(rested, changed)
    assert len(positions_of(rested)) == 1


def test_damaged_state_that_the_destination_hands_on_is_not_used_and_mended(rested: AnyWarehouse) -> None:
    write_positions(rested, {"?": [LATER.isoformat()]})
    rested.pipeline.run([{"x": 1}], table_name="something_else")  # takes the state to the destination
    changed = change_two(rested)

    other = rested.on_another_machine()
    other.pipeline.sync_destination()
    assert positions_of(other) == {"?": [LATER.isoformat()]}
    other.sync()

    assert_fetched(other, changed)
    assert last_log(other, "mode") == ("full",)


# ---- from the future


def test_a_run_of_the_future_does_not_hide_what_changes_today(rested: AnyWarehouse) -> None:
    workspace = rested.server.workspace
    workspace.put_run(small_run("dpr_2099"), created_at=LATER)
    change_runs(workspace, ids_with_status(workspace, "PROCESSED")[:1])
    rested.sync()
    watermark = last_log(rested, "watermark_after")
    changed = change_two(rested)

    rested.sync()

    assert watermark == (workspace.now - timedelta(seconds=60),)
    assert_fetched(rested, changed)
    assert rested.column("processor_runs", "updated_at").count(LATER) == 1


def test_a_first_load_of_nothing_but_runs_of_the_future_is_followed_by_full_listings(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    warehouse = make_warehouse(empty_server)
    empty_server.workspace.put_run(small_run("dpr_2099"), created_at=LATER)
    warehouse.sync()
    new = put_small_runs(empty_server.workspace, 2)
    empty_server.requests.reset()

    warehouse.sync()

    assert_fetched(warehouse, new)
    assert last_log(warehouse, "mode", "watermark_after") == ("full", empty_server.workspace.now)


def test_a_clock_of_the_server_that_is_ahead_by_a_few_minutes_is_believed(make_warehouse: MakeWarehouse) -> None:
    ahead = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(minutes=5)
    with SandboxServer(workspaces=[Workspace(runs=0, now=ahead)]) as server:
        warehouse = make_warehouse(server)
        put_small_runs(server.workspace, 3)

        results = [warehouse.sync(), warehouse.sync()]

        assert [result.mode for result in results] == ["full", "incremental"]
        assert results[0].watermark == results[1].watermark == server.workspace.now


# ---- the destination is lost, or an earlier one


def test_a_destination_that_is_gone_is_filled_again(rested: AnyWarehouse) -> None:
    changed = change_two(rested)
    assert changed
    drop_dataset(rested)

    rested.sync()

    assert_fetched(rested, sorted(rested.server.workspace.run_ids()))
    assert last_log(rested, "mode") == ("full",)


def test_a_destination_that_is_gone_while_the_pipeline_lives_is_filled_again_by_id(rested: AnyWarehouse) -> None:
    some = sorted(rested.server.workspace.run_ids()[:3])
    drop_dataset(rested)
    rested.server.requests.reset()

    rested.sync(run_ids=some)

    assert sorted(fetched(rested.server)) == some
    assert_holds(rested, run_ids=some, listed=False)


@pytest.mark.parametrize("place", ["same machine", "another machine"])
def test_a_destination_that_was_set_back_gets_what_it_lacks(rested: AnyWarehouse, place: str) -> None:
    back_up(rested)
    workspace = rested.server.workspace
    lacking = change_two(rested)
    new = workspace.add_run(status="PROCESSED")
    rested.sync()
    assert_fetched(rested, sorted([*lacking, new]))
    set_back(rested)
    rested.server.requests.reset()

    warehouse = rested if place == "same machine" else rested.on_another_machine()
    warehouse.sync()

    assert_fetched(warehouse, sorted([*lacking, new]))


def _filled_in(garbage: Any, scope: str, load_id: str) -> Any:
    if isinstance(garbage, dict):
        return {key.replace("{scope}", scope): _filled_in(value, scope, load_id) for key, value in garbage.items()}
    if isinstance(garbage, list):
        return [_filled_in(value, scope, load_id) for value in garbage]
    return load_id if garbage == "{load}" else garbage
