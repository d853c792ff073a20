"""What a choice of groups loads, and what becomes of a group that the key must not read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dlt.common import logger

from extend_source import ExtendError, plan
from extend_source.api import CURRENT_VERSION
from extend_source.config.groups import GROUPS
from extend_source.config.settings import API_VERSION
from extend_source.sandbox import SandboxServer
from extend_source.sandbox.requests_log import OddAnswer
from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.slow

REFUSED = OddAnswer(403, b'{"code": "FORBIDDEN", "message": "No access to workflows."}')
RUNS = 12


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=RUNS) as server:
        yield server


@pytest.fixture
def warehouse(server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A warehouse in front of the stand-in, with no choice of groups made."""
    monkeypatch.delenv("SOURCES__EXTEND__OBJECTS")
    warehouse = Warehouse(server, tmp_path)
    with warehouse.kept_open():
        yield warehouse


@pytest.mark.parametrize("version", [API_VERSION, CURRENT_VERSION])
def test_a_key_that_must_not_read_workflows_loads_the_rest_as_before(warehouse: Warehouse, version: str) -> None:
    warehouse.server.instead = lambda entry: REFUSED if "workflow" in entry.route else None

    result = warehouse.sync(api_version=version)

    assert result.complete
    assert warehouse.count("processor_runs") == RUNS
    assert len(warehouse.rows("processors")) == 7
    assert warehouse.rows("workflow_runs") == []


def test_a_list_that_must_not_be_read_takes_its_turn_and_no_more(warehouse: Warehouse) -> None:
    settings = {"api_version": CURRENT_VERSION, "objects": None}
    warehouse.server.workspace.advance(3600)  # nothing is under way
    warehouse.server.instead = lambda entry: REFUSED if entry.route in ("list_workflows", "list_extractors") else None

    first = warehouse.sync(**settings)
    due = [warehouse.sync(**settings, definitions_minutes=0) for _ in range(4)]

    read = {"list_workflows", "list_extractors", "list_classifiers", "list_splitters"}
    assert read - first.requests.keys() == {"list_classifiers", "list_splitters"}
    assert [read & result.requests.keys() for result in due] == [
        {"list_classifiers"},
        {"list_splitters"},
        {"list_workflows"},
        {"list_extractors"},
    ]
    assert {row["type"] for row in warehouse.rows("processors")} == {"CLASSIFY", "SPLITTER"}


@pytest.mark.parametrize("version", [API_VERSION, CURRENT_VERSION])
def test_a_sync_that_must_not_read_a_list_is_quiet_until_it_may(warehouse: Warehouse, version: str) -> None:
    warehouse.quiet_log_minutes = 60
    warehouse.server.workspace.advance(3600)  # nothing is under way
    warehouse.server.instead = lambda entry: REFUSED if "workflow" in entry.route else None
    warehouse.sync(api_version=version)

    idle = [warehouse.sync(api_version=version) for _ in range(2)]
    warehouse.server.instead = None
    allowed = warehouse.sync(api_version=version)

    assert [result.mode for result in idle] == ["quiet", "quiet"]
    assert (allowed.mode, warehouse.rows("workflow_runs") == []) == ("incremental", False)


def test_a_group_that_was_asked_for_and_must_not_be_read_is_an_error_once_the_rest_is_loaded(
    warehouse: Warehouse,
) -> None:
    warehouse.server.instead = lambda entry: REFUSED if "workflow" in entry.route else None

    with pytest.raises(ExtendError, match="No access to workflows"):
        warehouse.sync(objects=["runs", "workflows"])

    assert warehouse.count("processor_runs") == RUNS


def test_a_list_that_must_not_be_read_keeps_no_later_one_from_landing(warehouse: Warehouse) -> None:
    refused = ("list_verify_runs", "list_edit_templates")
    warehouse.server.instead = lambda entry: REFUSED if entry.route in refused else None

    with pytest.raises(ExtendError, match="GET /verify_runs"):
        warehouse.sync(api_version=CURRENT_VERSION, objects=["verification", "files", "edits", "webhooks"])

    assert warehouse.count("file_summaries") == len(warehouse.server.workspace.files)
    assert warehouse.count("edit_runs") > 0
    assert warehouse.count("webhook_endpoints") == 2


@pytest.mark.parametrize("version", [API_VERSION, CURRENT_VERSION])
def test_runs_land_where_workflow_runs_may_be_listed_and_not_read(warehouse: Warehouse, version: str) -> None:
    warehouse.server.instead = lambda entry: REFUSED if entry.route == "get_workflow_run" else None

    warehouse.sync(api_version=version, max_error_share=1)

    assert warehouse.count("processor_runs") == RUNS
    failed = [(row["resource_type"], row["status_code"]) for row in warehouse.rows("fetch_errors")]
    assert failed == [("workflow_run", 403)] * 3


@pytest.mark.parametrize(("version", "most"), [(API_VERSION, 3), (CURRENT_VERSION, 6)])
def test_an_idle_sync_of_all_that_is_loaded_by_default_is_quiet(warehouse: Warehouse, version: str, most: int) -> None:
    warehouse.quiet_log_minutes = 60
    workspace = warehouse.server.workspace
    workspace.advance(3600)  # nothing is under way
    warehouse.sync(api_version=version)

    idle = [warehouse.sync(api_version=version) for _ in range(2)]
    due = [warehouse.sync(api_version=version, definitions_minutes=0) for _ in range(3)]

    assert [result.mode for result in idle] == ["quiet", "quiet"]
    assert max(sum(result.requests.values()) for result in (*idle, *due)) <= most
    assert [result.fetched for result in due] == [0, 0, 0]


def test_after_a_sync_that_had_work_an_idle_one_is_quiet_whichever_list_is_due(warehouse: Warehouse) -> None:
    warehouse.quiet_log_minutes = 60
    workspace = warehouse.server.workspace
    workspace.advance(3600)  # nothing is under way
    settings = {"api_version": CURRENT_VERSION, "definitions_minutes": 0}
    warehouse.sync(**settings)
    workspace.add_run(status="PROCESSED")

    busy = warehouse.sync(**settings)
    idle = [warehouse.sync(**settings) for _ in range(4)]

    assert (busy.mode, busy.fetched) == ("incremental", 1)
    assert [result.mode for result in idle] == ["quiet"] * 4
    lists = {"list_workflows", "list_extractors", "list_classifiers", "list_splitters"}
    assert [len(lists & result.requests.keys()) for result in idle] == [1] * 4
    assert set().union(*(lists & result.requests.keys() for result in idle)) == lists


@pytest.mark.parametrize("version", [API_VERSION, CURRENT_VERSION])
def test_a_plan_says_exactly_what_a_first_load_of_all_groups_sends_and_an_idle_sync_of_all_is_cheap(
    warehouse: Warehouse, version: str
) -> None:
    warehouse.server.workspace.advance(3600)  # nothing is under way
    settings = {"api_version": version, "objects": list(GROUPS), "verify_details": True}
    planned = plan(warehouse.pipeline, **warehouse.settings(**settings))

    first = warehouse.sync(**settings)
    idle = warehouse.sync(**settings, definitions_minutes=0)

    assert planned.requests == sum(first.requests.values())
    assert list(planned.groups) == list(GROUPS)
    assert sum(planned.groups.values()) == planned.requests
    assert sum(idle.requests.values()) <= 20


@pytest.mark.parametrize(("version", "lists"), [(API_VERSION, 3), (CURRENT_VERSION, 9)])
def test_a_limit_of_requests_that_the_lists_alone_use_up_is_said(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, version: str, lists: int
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(logger, "warning", warnings.append)

    warehouse.sync(api_version=version, max_requests=lists)
    (said,) = [line for line in warnings if "max_requests" in line]
    warnings.clear()
    warehouse.sync(api_version=version, max_requests=lists + 1)

    assert said == (
        f"max_requests = {lists} does not reach beyond the {lists} lists that a sync reads, so that some objects may "
        "never be fetched: set it higher, or objects to fewer groups."
    )
    assert [line for line in warnings if "max_requests" in line] == []


def test_a_reconcile_that_a_limit_cuts_off_fetches_what_is_new_each_time(warehouse: Warehouse) -> None:
    groups = ["runs", "parsing", "workflows", "processors", "evaluation"]
    settings = {"api_version": CURRENT_VERSION, "objects": groups, "definitions_minutes": 0}
    warehouse.sync(**settings)
    workspace = warehouse.server.workspace

    for _ in range(2):
        new = workspace.add_run(status="PROCESSED")
        result = warehouse.sync(reconcile=True, max_requests=14, **settings)

        assert (result.mode, result.stopped_by) == ("reconcile", "max_requests")
        assert new.removeprefix("dpr_") in {each.partition("_")[2] for each in warehouse.column("processor_runs", "id")}


def test_filters_leave_workflow_runs_alone(warehouse: Warehouse) -> None:
    result = warehouse.sync(processor_types=["CLASSIFY"])

    assert "get_workflow_run" not in result.requests
    assert set(warehouse.column("processor_runs", "type")) == {"CLASSIFY"}


def test_one_table_of_another_group_can_be_selected_by_its_name(warehouse: Warehouse) -> None:
    progress = warehouse.run("processors", "processor_versions", objects=["runs"])

    assert progress.requests.requests_by_endpoint == {"list_processors": 1, "list_processor_versions": 7}
    assert len(warehouse.rows("processors")) == 7


@pytest.mark.parametrize("table", ["workflow_step_runs", "edit_run_values"])
def test_a_table_of_runs_that_only_a_list_tells_of_can_be_selected_alone(warehouse: Warehouse, table: str) -> None:
    warehouse.server.workspace.advance(3600)  # nothing is under way
    settings = {"api_version": CURRENT_VERSION, "objects": list(GROUPS)}
    warehouse.run(table, **settings)
    rows = len(warehouse.rows(table))

    warehouse.sync(**settings)

    assert rows == len(warehouse.rows(table)) > 0


@pytest.mark.parametrize("version", [API_VERSION, CURRENT_VERSION])
def test_a_dataset_of_runs_alone_gets_the_new_tables_and_no_run_is_fetched_again(
    warehouse: Warehouse, version: str
) -> None:
    warehouse.server.workspace.advance(3600)  # nothing is under way
    warehouse.sync(api_version=version, objects=["runs", "parsing"])
    before = warehouse.snapshot()

    result = warehouse.sync(api_version=version)

    asked = {name for name in result.requests if name.startswith("get_") and "run" in name}
    assert asked == {"get_workflow_run"}
    after = warehouse.snapshot()
    assert len(after["workflow_runs"]) == result.requests["get_workflow_run"] == 3
    grown = ("run_configs", "run_config_classifications", "run_config_fields", "run_config_page_ranges")
    assert [name for name, rows in before.items() if rows and name not in grown and after[name] != rows] == []
    assert warehouse.sync(api_version=version, reconcile=True, max_rechecks=0).fetched == 0
