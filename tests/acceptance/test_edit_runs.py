"""Edit runs, form detection runs and edit templates: what a sync loads of them, in both versions of the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from extend_source import SyncResult, erase
from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION
from extend_source.sandbox import SandboxServer, Workspace
from extend_source.sandbox.generation_2026.edit_runs import EDIT_RUNS, EDIT_TEMPLATES, FORM_DETECTION_RUNS
from tests.acceptance.scenes import OpenWarehouse

SETTINGS: dict[str, Any] = {"api_version": CURRENT_VERSION, "objects": ["edits"]}
OLDER: dict[str, Any] = {"api_version": API_VERSION, "objects": ["edits"]}


@dataclass
class World:
    """A stand-in with its own edit runs, and a dataset of them.

    Attributes:
        server: the stand-in.
        warehouse: the dataset.
        first: the first sync.
        idle: the next one, with nothing new.
    """

    server: SandboxServer
    warehouse: OpenWarehouse
    first: SyncResult
    idle: SyncResult

    @property
    def workspace(self) -> Workspace:
        return self.server.workspace


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with SandboxServer(runs=30) as server:
        start_a_form_detection_run(server.workspace)
        warehouse = OpenWarehouse(server, tmp_path_factory.mktemp("edits"))
        warehouse.quiet_log_minutes = 60.0
        yield World(server, warehouse, warehouse.sync(**SETTINGS), warehouse.sync(**SETTINGS))


def start_a_form_detection_run(workspace: Workspace) -> None:
    """Have an edit run tell what the form detection run has cost that it has started; the others are named by none."""
    run, detection = edit_run(workspace, "PROCESSED"), next(FORM_DETECTION_RUNS.ids(workspace))
    line = {"object": "form_detection_run", "id": detection, "credits": 2}
    run["usage"]["breakdown"].append(line)
    run["usage"]["totalCredits"] = 4


def edit_run(workspace: Workspace, status: str) -> dict[str, Any]:
    """The first edit run in some state, as the stand-in serves it."""
    payloads = [kept.payload for kept in EDIT_RUNS.objects(workspace).values()]
    return next(payload for payload in payloads if payload["status"] == status)


def older_id(run_id: str) -> str:
    return "edit_run" + run_id.removeprefix("edr")


def ended(workspace: Workspace) -> list[dict[str, Any]]:
    return [kept.payload for kept in EDIT_RUNS.objects(workspace).values() if kept.payload["status"] != "PROCESSING"]


@pytest.mark.slow
def test_each_edit_run_that_has_ended_takes_one_request_and_the_others_are_listed(world: World) -> None:
    runs = ended(world.workspace)
    assert world.first.requests == {
        "list_edit_runs": 1,
        "list_edit_templates": 1,
        "get_edit_run": len(runs),
        "get_form_detection_run": 1,
        "get_edit_template": 2,
    }
    assert sorted(world.warehouse.column("edit_runs", "id")) == sorted(run["id"] for run in runs)
    assert len(world.warehouse.rows("edit_run_summaries")) == len(runs) + 1
    assert sorted(world.warehouse.column("edit_templates", "id")) == sorted(EDIT_TEMPLATES.ids(world.workspace))


def test_an_idle_sync_takes_the_request_for_the_list(world: World) -> None:
    # the edit run that moves is no reason to ask for more
    assert world.idle.requests == {"list_edit_runs": 1}


def test_what_was_filled_in_is_a_row_for_each_value(world: World) -> None:
    run = edit_run(world.workspace, "PROCESSED")
    rows = [row for row in world.warehouse.rows("edit_run_values") if row["edit_run_id"] == run["id"]]
    assert {row["path"]: row["value_text"] for row in rows} == {
        "full_name": run["output"]["filledValues"]["full_name"],
        "is_resident": str(run["output"]["filledValues"]["is_resident"]).lower(),
    }


def test_a_form_detection_run_is_known_by_the_cost_of_the_edit_run_that_has_started_it(world: World) -> None:
    (row,) = world.warehouse.rows("form_detection_runs")
    assert row["id"] == next(FORM_DETECTION_RUNS.ids(world.workspace))
    assert row["unmatched_input_paths"] == '["is_resident"]'


def test_the_ledger_has_what_each_run_has_cost_itself(world: World) -> None:
    costs = {row["resource_id"]: row["credits"] for row in world.warehouse.rows("credit_usage")}
    paid = [run["id"] for run in ended(world.workspace) if run["status"] == "PROCESSED"]
    assert costs == dict.fromkeys([*paid, next(FORM_DETECTION_RUNS.ids(world.workspace))], 2)


def test_no_link_is_in_the_dataset(world: World) -> None:
    links = ("presignedUrl", "downloadUrl", "X-Amz-Signature=")
    assert [cell for cell in world.warehouse.cells() if any(link in str(cell) for link in links)] == []


def test_one_that_ends_is_fetched_once_and_a_changed_template_again(world: World) -> None:
    moving = edit_run(world.workspace, "PROCESSING")
    template = EDIT_TEMPLATES.find(world.workspace, next(EDIT_TEMPLATES.ids(world.workspace))).payload
    now = world.workspace.now
    EDIT_RUNS.put(world.workspace, {**moving, "status": "FAILED", "failureReason": "OUT_OF_CREDITS"}, updated_at=now)
    changed = {**template, "name": "Renamed", "updatedAt": now.isoformat()}
    EDIT_TEMPLATES.put(world.workspace, changed, updated_at=now)

    result = world.warehouse.sync(**SETTINGS, definitions_minutes=0)

    assert (result.requests["get_edit_run"], result.requests["get_edit_template"]) == (1, 1)
    reasons = {row["id"]: row["failure_reason"] for row in world.warehouse.rows("edit_runs")}
    assert reasons[moving["id"]] == "OUT_OF_CREDITS"
    assert {row["id"]: row["name"] for row in world.warehouse.rows("edit_templates")}[template["id"]] == "Renamed"


def test_a_form_detection_run_can_be_named_by_its_id(world: World) -> None:
    *_, named = FORM_DETECTION_RUNS.ids(world.workspace)

    result = world.warehouse.sync(run_ids=[named], **SETTINGS)

    assert result.requests == {"get_form_detection_run": 1}
    assert named in world.warehouse.column("form_detection_runs", "id")


def test_a_file_is_erased_with_its_edit_runs_and_none_comes_back(world: World) -> None:
    run = next(run for run in ended(world.workspace) if run["output"] and run["usage"]["totalCredits"] == 2)
    edited = run["output"]["editedFile"]["id"]

    erasure = erase(world.warehouse.pipeline, file_ids=[edited])
    world.warehouse.sync(reconcile=True, refresh=True, **SETTINGS)

    assert (erasure.others, erasure.files_left) == ({"edit_run": 1}, [run["file"]["id"]])
    for table, column in (("edit_runs", "id"), ("edit_run_values", "edit_run_id"), ("edit_run_summaries", "id")):
        assert run["id"] not in world.warehouse.column(table, column)


@pytest.mark.slow
def test_an_erased_file_is_in_no_template_any_longer(tmp_path: Path) -> None:
    with SandboxServer(runs=8) as server:
        warehouse = OpenWarehouse(server, tmp_path)
        template = next(EDIT_TEMPLATES.ids(server.workspace))
        file = {"object": "file", "id": "file_secret", "name": "Ada Reyes.pdf"}
        EDIT_TEMPLATES.put(server.workspace, {**EDIT_TEMPLATES.find(server.workspace, template).payload, "file": file})
        warehouse.sync(keep_raw=True, **SETTINGS)

        erasure = erase(warehouse.pipeline, file_ids=["file_secret"])
        erased = [cell for cell in warehouse.cells() if "Ada Reyes" in str(cell)]
        warehouse.sync(keep_raw=True, refresh=True, **SETTINGS)

        assert (erasure.payloads, erased) == (1, [])
        assert [cell for cell in warehouse.cells() if "Ada Reyes" in str(cell)] == []
        assert template in warehouse.column("edit_templates", "id")


@pytest.mark.slow
def test_a_form_detection_run_that_a_sync_had_no_request_left_for_is_fetched_by_the_next(tmp_path: Path) -> None:
    with SandboxServer(runs=30) as server:
        start_a_form_detection_run(server.workspace)
        warehouse = OpenWarehouse(server, tmp_path)
        warehouse.sync(max_requests=2 + len(ended(server.workspace)) + 2, **SETTINGS)
        before = warehouse.rows("form_detection_runs")
        result = warehouse.sync(**SETTINGS)

        assert before == []
        assert result.requests["get_form_detection_run"] == 1
        assert warehouse.column("form_detection_runs", "id") == [next(FORM_DETECTION_RUNS.ids(server.workspace))]


@pytest.mark.slow
def test_in_2025_edit_runs_are_loaded_by_id_and_again_until_they_have_ended(tmp_path: Path) -> None:
    with SandboxServer(runs=30) as server:
        warehouse, workspace = OpenWarehouse(server, tmp_path), server.workspace
        done, moving = edit_run(workspace, "PROCESSED"), edit_run(workspace, "PROCESSING")
        ids = [older_id(done["id"]), older_id(moving["id"])]

        first = warehouse.sync(run_ids=ids, **OLDER)
        rows = {row["id"]: row for row in warehouse.rows("edit_runs")}
        EDIT_RUNS.put(workspace, {**moving, "status": "FAILED", "failureReason": "OUT_OF_CREDITS"})
        second, third = warehouse.sync(**OLDER), warehouse.sync(**OLDER)

        assert first.requests == {"get_edit_run": 2}
        assert [rows[each]["status"] for each in ids] == ["PROCESSED", "PROCESSING"]
        assert rows[ids[0]]["file_id"] == done["file"]["id"]
        assert rows[ids[0]]["edited_file_id"] == done["output"]["editedFile"]["id"]
        assert (second.requests, third.requests) == ({"get_edit_run": 1}, {})
        assert {row["id"]: row["failure_reason"] for row in warehouse.rows("edit_runs")}[ids[1]] == "OUT_OF_CREDITS"
        assert warehouse.rows("edit_run_summaries") == []
