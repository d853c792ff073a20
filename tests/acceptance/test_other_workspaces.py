"""A key of another workspace is refused, also where no runs are listed: nothing of it lands, and nothing is taken for gone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION
from extend_source.errors import AnotherWorkspace
from extend_source.sandbox import SandboxServer, Workspace
from extend_source.sandbox.workflows import add_workflow_run, delete_processor
from tests.acceptance.scenes import OpenWarehouse

CASES = [
    (API_VERSION, ["processors"]),
    (API_VERSION, ["workflows"]),
    (CURRENT_VERSION, ["processors"]),
    (CURRENT_VERSION, ["workflows"]),
    (CURRENT_VERSION, ["parsing"]),
]


def another_workspace() -> Workspace:
    workspace = Workspace(seed=99, runs=0)
    add_workflow_run(workspace)
    return workspace


def an_empty_workspace() -> Workspace:
    workspace = Workspace(seed=98, runs=0)
    workspace.processors.clear()
    return workspace


@pytest.mark.slow
@pytest.mark.parametrize(("version", "objects"), CASES)
def test_without_runs_to_go_by_the_other_objects_tell(version: str, objects: list[str], tmp_path: Path) -> None:
    with SandboxServer(runs=0) as server, SandboxServer(workspaces=[another_workspace()]) as other:
        add_workflow_run(server.workspace)
        warehouse = OpenWarehouse(server, tmp_path)
        settings = {"api_version": version, "objects": objects, "definitions_minutes": 0}
        warehouse.sync(**settings)
        before = warehouse.snapshot()

        for reconcile in (False, True):
            with pytest.raises(AnotherWorkspace, match="None of the objects listed has landed in this dataset"):
                warehouse.sync(
                    base_url=other.base_url, api_key=other.api_key, reconcile=reconcile, max_rechecks=0, **settings
                )

        assert warehouse.snapshot() == before
        assert warehouse.rows("tombstones") == []
        assert warehouse.sync(**settings).complete


def test_an_empty_workspace_is_refused_unless_all_is_refreshed(tmp_path: Path) -> None:
    with SandboxServer(runs=0) as server, SandboxServer(workspaces=[an_empty_workspace()]) as empty:
        warehouse = OpenWarehouse(server, tmp_path)
        warehouse.sync(objects=["processors"])
        there = {"base_url": empty.base_url, "api_key": empty.api_key}

        with pytest.raises(AnotherWorkspace, match="The lists have nothing, but objects of them have landed"):
            warehouse.sync(objects=["processors"], reconcile=True, **there)
        assert warehouse.rows("tombstones") == []

        warehouse.sync(objects=["processors"], refresh=True, **there)
        assert Counter(warehouse.column("tombstones", "resource_type")) == {"processor": 7, "processor_version": 15}


def test_a_list_in_which_all_is_new_is_of_the_same_workspace_where_another_list_is_known(tmp_path: Path) -> None:
    with SandboxServer(runs=0) as server:
        warehouse = OpenWarehouse(server, tmp_path)
        settings = {"api_version": CURRENT_VERSION, "objects": ["processors"], "definitions_minutes": 0}
        warehouse.sync(**settings)
        delete_processor(server.workspace, "splitter")  # the list of splitters is empty now

        for _ in range(3):  # one list a sync
            assert warehouse.sync(**settings).complete
        warehouse.sync(reconcile=True, **settings)

        assert Counter(warehouse.column("tombstones", "resource_type")) == {"processor": 1, "processor_version": 3}
