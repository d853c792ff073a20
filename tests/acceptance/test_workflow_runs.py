"""A workflow run brings its runs whole: they are not fetched again, and land as if each had been fetched alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from extend_source import PlanResult, SyncResult, erase, plan, rebuild
from extend_source.api import CURRENT_VERSION
from extend_source.config.groups import DEFAULT_GROUPS, GROUPS
from extend_source.config.settings import API_VERSION
from extend_source.sandbox import SandboxServer, Workspace
from extend_source.sandbox.generation_2026.kinds import KINDS, run_id
from extend_source.sandbox.workflows import (
    REVIEWER,
    add_workflow_run,
    delete_workflow_run,
    review_workflow_run,
    workflow_runs,
)
from extend_source.tables import FETCHED_TABLES, PARSED_TABLES, TABLES
from tests.acceptance.scenes import OpenWarehouse

CHILDREN = ("splitter", "classifier", "invoices", "contracts")
ENDED, OTHERS = 5, 3
ALONE = ["runs", "parsing"]
OF_RUNS = sorted(name for name in (FETCHED_TABLES | PARSED_TABLES) - {"raw_payloads"} if name in TABLES)
OF_CONFIGS = [name for name in OF_RUNS if name.startswith("run_config")]
"""Processors and workflows bring configs that no run had."""


def fill(workspace: Workspace) -> None:
    """Five workflow runs that have ended, one that moves, and three runs of no workflow."""
    for number in range(ENDED):
        add_workflow_run(workspace, processors=CHILDREN, status="NEEDS_REVIEW" if number == 0 else None)
    add_workflow_run(workspace, processors=("invoices",), status="PROCESSING")
    for _ in range(OTHERS):
        workspace.add_run(processor="claims", status="PROCESSED")


@dataclass
class World:
    """A stand-in with workflow runs, and two warehouses: of all objects, and of runs fetched one by one.

    Attributes:
        server: the stand-in.
        whole: the warehouse of all.
        alone: the warehouse of runs.
        planned: what a plan said before the first sync of all.
        first: that sync.
        second: the next one.
        by_id: the first sync of runs.
        settings: of each sync.
    """

    server: SandboxServer
    whole: OpenWarehouse
    alone: OpenWarehouse
    planned: PlanResult
    first: SyncResult
    second: SyncResult
    by_id: SyncResult
    settings: dict[str, object]


@pytest.fixture(scope="module", params=[API_VERSION, CURRENT_VERSION])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with SandboxServer(runs=0) as server:
        fill(server.workspace)
        version = {"api_version": request.param, "parse_output": "words"}
        settings = {**version, "objects": list(DEFAULT_GROUPS)}
        whole, alone = (OpenWarehouse(server, tmp_path_factory.mktemp(name)) for name in ("whole", "alone"))
        whole.quiet_log_minutes = 60.0
        with whole.kept_open(), alone.kept_open():
            planned = plan(whole.pipeline, **whole.settings(**settings))
            first, second = whole.sync(**settings), whole.sync(**settings)
            yield World(server, whole, alone, planned, first, second, alone.sync(**version, objects=ALONE), settings)


def gets(result: SyncResult) -> dict[str, int]:
    """The GETs of runs."""
    return {name: number for name, number in result.requests.items() if name.startswith("get_") and "_run" in name}


@pytest.mark.slow
def test_one_request_brings_a_workflow_run_and_all_its_runs(world: World) -> None:
    alone = gets(world.by_id)
    assert gets(world.first)["get_workflow_run"] == ENDED
    # beside those of no workflow, the run of the one that moves
    own = sum(number for name, number in gets(world.first).items() if name not in ("get_workflow_run", "get_parse_run"))
    assert own == OTHERS + 1
    assert sum(number for name, number in alone.items() if name != "get_parse_run") == ENDED * 4 + OTHERS + 1
    assert world.first.fetched == world.by_id.fetched == ENDED * 4 + OTHERS + 1


def test_what_lands_is_what_fetching_each_run_alone_would_land(world: World) -> None:
    whole, alone = world.whole.snapshot(), world.alone.snapshot()
    assert [name for name in OF_RUNS if name not in OF_CONFIGS and whole[name] != alone[name]] == []
    assert [name for name in OF_CONFIGS if not all(row in whole[name] for row in alone[name])] == []
    assert len(whole["processor_runs"]) == ENDED * 4 + OTHERS + 1


def test_each_step_names_the_run_that_it_has_made(world: World) -> None:
    runs = {row["id"] for row in world.whole.rows("processor_runs")} | {
        row["id"] for row in world.whole.rows("parse_runs")
    }
    named = [row["result_id"] for row in world.whole.rows("workflow_step_runs") if row["result_id"]]
    ended = [run for run in workflow_runs(world.server.workspace) if run.has_ended]
    assert len(named) >= ENDED * 4
    assert set(named) <= runs
    assert sorted(world.whole.column("workflow_runs", "id")) == sorted(run.id for run in ended)
    assert len(world.whole.rows("workflow_run_summaries")) == ENDED + 1


def test_a_plan_says_exactly_what_a_first_load_sends(world: World) -> None:
    assert world.planned.requests == sum(world.first.requests.values())
    assert sum(world.planned.groups.values()) == world.planned.requests
    assert list(world.planned.groups) == [name for name in GROUPS if name in DEFAULT_GROUPS]


def test_an_idle_sync_is_quiet_and_costs_at_most_six_requests(world: World) -> None:
    # the one that moves keeps the first ones from being quiet
    assert sum(world.second.requests.values()) <= 6
    assert world.second.fetched == 0 or world.second.mode == "incremental"


def test_a_workflow_run_has_no_line_in_the_ledger(world: World) -> None:
    kinds = {row["resource_type"] for row in world.whole.rows("credit_usage")}
    assert kinds <= {"processor_run", "parse_run", "file"}
    whole, alone = world.whole.snapshot(), world.alone.snapshot()
    assert whole["credit_usage"] == alone["credit_usage"]


def test_reviewers_are_nowhere_in_the_dataset(world: World) -> None:
    assert [cell for cell in world.whole.cells() if REVIEWER in str(cell)] == []


def test_nothing_lacks_rows_and_a_reconcile_fetches_nothing_again(world: World) -> None:
    settled = world.whole.sync(reconcile=True, max_rechecks=0, **world.settings)
    assert gets(settled).get("get_workflow_run", 0) == 0
    assert settled.restored == 0
    assert settled.fetched == 0


@pytest.mark.slow
def test_a_workflow_that_was_erased_does_not_come_back_with_its_runs(world: World, tmp_path: Path) -> None:
    warehouse = OpenWarehouse(world.server, tmp_path)
    warehouse.sync(keep_raw=True, **world.settings)
    (workflow_id, *_) = warehouse.column("workflow_runs", "workflow_id")
    ids = [row["id"] for row in warehouse.rows("workflow_runs") if row["workflow_id"] == workflow_id]
    erase(warehouse.pipeline, run_ids=[workflow_id])

    rebuild(warehouse.pipeline)
    warehouse.sync(run_ids=ids, refresh=True, **world.settings)

    assert workflow_id not in warehouse.column("workflows", "id")


@pytest.mark.slow
def test_after_a_limit_workflow_runs_still_bring_their_runs(world: World, tmp_path: Path) -> None:
    warehouse = OpenWarehouse(world.server, tmp_path)
    first = warehouse.sync(max_requests=14, **world.settings)
    second = warehouse.sync(**world.settings)

    assert (first.stopped_by, second.left) == ("max_requests", 0)
    for name in (name for name in world.first.requests if name.startswith("get_")):
        assert first.requests.get(name, 0) + second.requests.get(name, 0) == world.first.requests[name], name


def test_an_erased_run_does_not_come_back_with_its_workflow_run(world: World) -> None:
    run = next(run for run in workflow_runs(world.server.workspace) if run.has_ended)
    erased = child_id(world, run.runs[2].id)
    erase(world.whole.pipeline, run_ids=[erased])

    review_workflow_run(world.server.workspace, run.id, "PROCESSED")
    result = world.whole.sync(**world.settings)

    assert gets(result) == {"get_workflow_run": 1}
    assert erased not in world.whole.column("processor_runs", "id")
    assert erased not in world.whole.column("credit_usage", "resource_id")
    assert {row["id"]: row["status"] for row in world.whole.rows("workflow_runs")}[run.id] == "PROCESSED"


def test_a_workflow_run_that_is_gone_is_noted_and_its_runs_stay(world: World) -> None:
    run = [run for run in workflow_runs(world.server.workspace) if run.has_ended][-1]
    before = world.whole.column("processor_runs", "id")
    delete_workflow_run(world.server.workspace, run.id)

    world.whole.sync(reconcile=True, max_rechecks=0, **world.settings)

    assert [row["resource_type"] for row in world.whole.rows("tombstones") if row["id"] == run.id] == ["workflow_run"]
    assert world.whole.column("processor_runs", "id") == before


@pytest.mark.slow
def test_a_workflow_run_can_be_named_by_its_id(world: World, tmp_path: Path) -> None:
    run = next(run for run in workflow_runs(world.server.workspace) if run.has_ended)
    warehouse = OpenWarehouse(world.server, tmp_path)

    result = warehouse.sync(run_ids=[run.id], **world.settings)

    assert result.requests == {"get_workflow_run": 1}
    assert warehouse.column("workflow_runs", "id") == [run.id]
    assert len(warehouse.rows("processor_runs")) == len(run.runs)


@pytest.mark.thorough
@pytest.mark.parametrize("version", [API_VERSION, CURRENT_VERSION])
def test_workflow_runs_of_four_runs_each_take_a_request_each(version: str, tmp_path: Path) -> None:
    with SandboxServer(runs=0) as server:
        for _ in range(250):
            add_workflow_run(server.workspace, processors=("classifier",) * 4)
        whole, alone = OpenWarehouse(server, tmp_path / "w"), OpenWarehouse(server, tmp_path / "a")
        for warehouse in (whole, alone):
            warehouse.folder.mkdir(exist_ok=True)
        settings = {"api_version": version}
        result = whole.sync(objects=["runs", "workflows", "parsing"], **settings)
        # on a busy machine some attempts find their connection closed, and are repeated: what was answered counts
        answered = [entry.path for entry in server.requests.of("get_workflow_run") if entry.status == 200]
        alone.sync(objects=ALONE, **settings)
        assert gets(result).keys() == {"get_workflow_run"}
        assert len(answered) == len(set(answered)) == 250
        assert result.fetched == 1000
        mine, theirs = whole.snapshot(), alone.snapshot()
        assert [name for name in OF_RUNS if name not in OF_CONFIGS and mine[name] != theirs[name]] == []


def child_id(world: World, old_id: str) -> str:
    """The id of a run in the version of the API that the world speaks."""
    if world.settings["api_version"] == API_VERSION:
        return old_id
    kind = next(kind for kind in KINDS if kind.type == world.server.workspace.runs[old_id].payload["type"])
    return run_id(kind, old_id, same_suffix=True)
