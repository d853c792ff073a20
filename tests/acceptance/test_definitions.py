"""Processors and workflows with their versions: what is new costs a request each, and what is not costs none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION
from extend_source.ingest.listings import due_list
from extend_source.sandbox import SandboxServer
from extend_source.sandbox.workflows import delete_processor, deploy
from tests.acceptance.scenes import OpenWarehouse

OBJECTS = ["processors", "workflows"]
NOW = datetime(2026, 3, 2, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=0) as server:
        yield server


@pytest.fixture
def newer(server: SandboxServer, tmp_path: Path) -> Iterator[OpenWarehouse]:
    """A warehouse of the newer generation, with all that there is."""
    warehouse = OpenWarehouse(server, tmp_path)
    with warehouse.kept_open():
        warehouse.sync(api_version=CURRENT_VERSION, objects=OBJECTS)
        yield warehouse


def versions_of(server: SandboxServer) -> int:
    return sum(len(processor.versions) for processor in server.workspace.processors.values())


@pytest.mark.slow
def test_all_versions_of_a_processor_come_in_one_request_in_the_older_generation(
    server: SandboxServer, tmp_path: Path
) -> None:
    warehouse = OpenWarehouse(server, tmp_path)
    result = warehouse.sync(objects=["processors"])

    assert result.requests == {"list_processors": 1, "list_processor_versions": 7}
    assert sorted(warehouse.column("processors", "id")) == sorted(p.id for p in server.workspace.processors.values())
    assert len(warehouse.rows("processor_versions")) == versions_of(server)
    configs = set(warehouse.column("run_configs", "config_id"))
    assert set(warehouse.column("processor_versions", "config_id")) == configs

    server.workspace.publish_version("invoices", server.workspace.processor("invoices").versions[0].config)
    again = warehouse.sync(objects=["processors"], definitions_minutes=0)
    assert again.requests == {"list_processors": 1, "list_processor_versions": 1}
    assert len(warehouse.rows("processor_versions")) == versions_of(server)


@pytest.mark.slow
def test_a_limit_that_the_lists_of_versions_would_use_up_leaves_half_of_it_to_fetch(
    server: SandboxServer, tmp_path: Path
) -> None:
    warehouse = OpenWarehouse(server, tmp_path)
    with warehouse.kept_open():
        first, second = (
            warehouse.sync(api_version=CURRENT_VERSION, objects=["processors"], max_requests=8) for _ in range(2)
        )
        assert first.requests == {"list_extractors": 1, "list_extractor_versions": 3, "get_extractor_version": 4}
        assert second.requests == {
            "list_extractors": 1,
            "list_extractor_versions": 3,
            "get_extractor_version": 3,
            "get_extractor": 1,
        }
        assert (first.stopped_by, second.stopped_by) == ("max_requests", "max_requests")

        last = warehouse.sync(api_version=CURRENT_VERSION, objects=["processors"])
        assert (last.stopped_by, len(warehouse.rows("processors"))) == (None, 7)
        owners = set(warehouse.column("processor_versions", "processor_id"))
        assert owners == set(warehouse.column("processors", "id"))


@pytest.mark.slow
def test_a_new_version_costs_its_own_request_and_those_of_what_it_is_of(
    server: SandboxServer, newer: OpenWarehouse
) -> None:
    before = len(newer.rows("processor_versions"))
    server.workspace.publish_version("invoices", server.workspace.processor("invoices").versions[0].config)
    deploy(server.workspace, "payable", "Third")

    found: dict[str, int] = {}
    for _ in range(5):  # one list a sync
        result = newer.sync(api_version=CURRENT_VERSION, objects=OBJECTS, definitions_minutes=0)
        assert sum(name.startswith("list_") and not name.endswith("_versions") for name in result.requests) <= 2
        found.update({name: n for name, n in result.requests.items() if name.startswith("get_") or "_versions" in name})

    assert found == {
        "list_extractor_versions": 1,
        "get_extractor_version": 1,
        "get_extractor": 1,
        "list_workflow_versions": 1,
        "get_workflow_version": 1,
        "get_workflow": 1,
    }
    assert len(newer.rows("processor_versions")) == before + 1
    assert "Third" in newer.column("workflow_versions", "name")


def test_headers_of_requests_land_nowhere(newer: OpenWarehouse) -> None:
    assert len(newer.rows("workflow_steps")) > 10
    assert [cell for cell in newer.cells() if "customer secret" in str(cell)] == []


def test_own_configs_of_steps_are_among_the_configs(newer: OpenWarehouse) -> None:
    own = {row["config_id"] for row in newer.rows("workflow_steps") if row["config_id"]}
    assert own <= set(newer.column("run_configs", "config_id"))
    assert len(own) == 2  # of the steps that parse, and of a draft's own extractor


@pytest.mark.slow
def test_a_processor_that_a_whole_list_has_no_longer_gets_a_tombstone(
    server: SandboxServer, newer: OpenWarehouse, tmp_path: Path
) -> None:
    for version, warehouse in ((CURRENT_VERSION, newer), (API_VERSION, OpenWarehouse(server, tmp_path / "older"))):
        if version == API_VERSION:
            warehouse.folder.mkdir(exist_ok=True)
            warehouse.sync(objects=["processors"])
        key = "claims" if version == API_VERSION else "contracts"
        name = server.workspace.processor(key).name
        delete_processor(server.workspace, key)
        warehouse.sync(api_version=version, objects=["processors"], reconcile=True)
        ids = {row["name"]: row["id"] for row in warehouse.rows("processors")}
        versions = [row["id"] for row in warehouse.rows("processor_versions") if row["processor_id"] == ids[name]]
        gone = {(row["id"], row["resource_type"]) for row in warehouse.rows("tombstones")}
        assert gone == {(ids[name], "processor"), *((each, "processor_version") for each in versions)}


@pytest.mark.slow
def test_what_fails_of_a_processor_is_asked_for_again(server: SandboxServer, tmp_path: Path) -> None:
    warehouse = OpenWarehouse(server, tmp_path)
    settings = {"api_version": CURRENT_VERSION, "objects": ["processors"], "definitions_minutes": 0}
    server.faults.set(["503:1@version"])
    failed = warehouse.sync(max_object_seconds=1, max_error_share=1, **settings)
    server.faults.clear()

    # no processor has landed without all its versions
    assert failed.requests.get("get_extractor", 0) == 0
    assert warehouse.rows("processors") == []
    for _ in range(4):
        warehouse.sync(**settings)
    assert len(warehouse.rows("processors")) == 7
    assert warehouse.rows("fetch_errors") == []


@pytest.mark.slow
def test_versions_that_someone_has_dropped_come_back(server: SandboxServer, newer: OpenWarehouse) -> None:
    before = newer.snapshot()
    newer.execute('drop table "processor_versions"; drop table "workflow_steps"')

    newer.sync(api_version=CURRENT_VERSION, objects=OBJECTS)

    after = newer.snapshot()
    assert [name for name in ("processor_versions", "workflow_steps") if after[name] != before[name]] == []
    assert len(after["processor_versions"]) == versions_of(server) + 6  # and the drafts that are none of these


def test_the_configs_of_steps_come_back(server: SandboxServer, newer: OpenWarehouse) -> None:
    named = "select count(*) from workflow_steps where config_id is not null"
    before = newer.query(named)
    newer.execute("delete from run_configs")

    newer.sync(api_version=CURRENT_VERSION, objects=OBJECTS, reconcile=True)

    assert newer.query(f"{named} and config_id in (select config_id from run_configs)") == before
    assert before[0][0] > 0


def test_runs_are_not_even_listed_where_processors_alone_are_wanted(newer: OpenWarehouse) -> None:
    assert newer.rows("processor_runs") == []
    assert "processor_run_summaries" not in newer.tables()


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ({}, "/a"),
        ({"/a": NOW}, "/b"),
        ({"/a": NOW - 2 * HOUR, "/b": NOW - 3 * HOUR}, "/b"),
        ({"/a": NOW - HOUR / 2, "/b": NOW}, None),
        ({"/a": NOW + HOUR, "/b": NOW}, "/a"),
    ],
)
def test_the_list_that_was_read_longest_ago_is_due(read: dict[str, datetime], expected: str | None) -> None:
    assert due_list(["/a", "/b"], read, 60, NOW) == expected
