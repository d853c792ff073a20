"""Evaluation sets, their items and runs: as the stand-in has them, and what changes of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dlt.common import logger

from extend_source import NoRawPayloads, erase, migrate, plan, rebuild
from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION
from extend_source.sandbox import SandboxServer
from extend_source.sandbox.generation_2026.evaluations import EVALUATION_SET_ITEMS, EVALUATION_SET_RUNS, EVALUATION_SETS
from extend_source.sandbox.records import KeptObject
from tests.acceptance.scenes import OpenWarehouse

VERSIONS = [API_VERSION, CURRENT_VERSION]
OBJECTS = ["evaluation"]
KEY = "a key of some length"


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=24) as server:
        yield server


@pytest.fixture
def warehouse(server: SandboxServer, tmp_path: Path) -> OpenWarehouse:
    return OpenWarehouse(server, tmp_path)


def sets_of(server: SandboxServer) -> dict[str, KeptObject]:
    return EVALUATION_SETS.objects(server.workspace)


def items_of(server: SandboxServer) -> dict[str, KeptObject]:
    return EVALUATION_SET_ITEMS.objects(server.workspace)


def runs_of(server: SandboxServer) -> dict[str, KeptObject]:
    return EVALUATION_SET_RUNS.objects(server.workspace)


def put_item(server: SandboxServer, item_id: str, **changes: Any) -> str:
    """Serve an item like another one of a set, which changes with it; return the id of the set."""
    like = next(item for item in items_of(server).values() if "value" in item.payload["expectedOutput"])
    EVALUATION_SET_ITEMS.put(server.workspace, {**like.payload, "id": item_id, **changes}, parent=like.parent)
    kept = sets_of(server)[str(like.parent)]
    server.workspace.advance(60)
    payload = {**kept.payload, "updatedAt": server.workspace.now.isoformat()}
    EVALUATION_SETS.put(server.workspace, payload, created_at=kept.created_at, updated_at=server.workspace.now)
    return str(like.parent)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_sets_and_items_land_as_the_stand_in_has_them(
    server: SandboxServer, warehouse: OpenWarehouse, version: str
) -> None:
    planned = plan(warehouse.pipeline, **warehouse.settings(api_version=version, objects=OBJECTS))
    result = warehouse.sync(api_version=version, objects=OBJECTS)

    assert (planned.requests, planned.groups["evaluation"]) == (sum(result.requests.values()),) * 2
    sets, items = sets_of(server), items_of(server)
    assert len(sets) == 7
    assert len(items) > 10
    one_each = {"get_evaluation_set_item": len(items)} if version == CURRENT_VERSION else {}
    assert result.requests == {"list_evaluation_sets": 1, "list_evaluation_set_items": 7, **one_each}
    assert {row["id"]: row["name"] for row in warehouse.rows("evaluation_sets")} == {
        kept.id: kept.payload["name"] for kept in sets.values()
    }
    landed = {row["id"]: row for row in warehouse.rows("evaluation_set_items")}
    assert {name: row["evaluation_set_id"] for name, row in landed.items()} == {
        kept.id: kept.parent for kept in items.values()
    }
    for kept in items.values():
        expected = json.loads(landed[kept.id]["expected_output"])
        if version == API_VERSION and "splits" in expected:
            for part in expected["splits"]:
                del part["id"]  # which are of this version alone
        assert expected == kept.payload["expectedOutput"]
    files = {row["evaluation_set_item_id"]: row["file_id"] for row in warehouse.rows("evaluation_set_item_files")}
    assert files == {kept.id: kept.payload["file"]["id"] for kept in items.values() if kept.payload["file"]}
    described = {row["id"] for row in warehouse.rows("files")}
    assert described == (set(files.values()) if version == CURRENT_VERSION else set())
    assert "evaluation_set_runs" in warehouse.tables()


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_fetched_again_and_a_new_item_costs_its_own_request_and_that_of_its_set(
    server: SandboxServer, warehouse: OpenWarehouse, version: str
) -> None:
    settings = {"api_version": version, "objects": OBJECTS, "definitions_minutes": 0}
    warehouse.sync(**settings)
    idle = warehouse.sync(**settings)
    set_id = put_item(server, "evi_new")

    result = warehouse.sync(**settings)

    assert idle.requests == {"list_evaluation_sets": 1}
    own = {"get_evaluation_set_item": 1} if version == CURRENT_VERSION else {}
    assert result.requests == {"list_evaluation_sets": 1, "list_evaluation_set_items": 1, **own}
    (new,) = (row for row in warehouse.rows("evaluation_set_items") if row["id"] == "evi_new")
    assert new["evaluation_set_id"] == set_id


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_items_and_sets_that_are_gone_get_tombstones_from_a_reconcile(
    server: SandboxServer, warehouse: OpenWarehouse, version: str
) -> None:
    settings = {"api_version": version, "objects": OBJECTS}
    warehouse.sync(**settings)
    (item, *_), gone_set = items_of(server), list(sets_of(server))[-1]
    # without a GET of items, those of a set that is gone are; with one, it says that these are still there
    of_set = {each.id for each in items_of(server).values() if each.parent == gone_set and version == API_VERSION}
    EVALUATION_SET_ITEMS.delete(server.workspace, item)
    EVALUATION_SETS.delete(server.workspace, gone_set)

    warehouse.sync(reconcile=True, **settings)
    again = warehouse.sync(reconcile=True, **settings)

    gone = {(row["id"], row["resource_type"]) for row in warehouse.rows("tombstones")}
    items = {(each, "evaluation_set_item") for each in {item, *of_set}}
    assert gone == {*items, (gone_set, "evaluation_set")}
    assert again.requests.get("get_evaluation_set_item", 0) == 0


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_items_come_and_go_with_their_set(server: SandboxServer, warehouse: OpenWarehouse, version: str) -> None:
    settings = {"api_version": version, "objects": OBJECTS, "definitions_minutes": 0}
    set_id = put_item(server, "evi_new")
    warehouse.sync(**settings)
    kept_set = sets_of(server)[set_id]
    kept_items = {item.id: item for item in items_of(server).values() if item.parent == set_id}
    for item_id in kept_items:
        EVALUATION_SET_ITEMS.delete(server.workspace, item_id)
    EVALUATION_SETS.delete(server.workspace, set_id)

    warehouse.sync(reconcile=True, **settings)
    gone = set(warehouse.column("tombstones", "id"))
    sets_of(server)[set_id] = kept_set
    items_of(server).update(kept_items)
    warehouse.sync(reconcile=True, **settings)

    assert gone == {set_id, *kept_items}
    assert warehouse.rows("tombstones") == []


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_expected_of_an_item_is_read_anew_where_that_is_asked_for(
    server: SandboxServer, warehouse: OpenWarehouse, version: str
) -> None:
    put_item(server, "evi_new", expectedOutput={"value": {"total": 1}})
    warehouse.sync(api_version=version, objects=OBJECTS)
    put_item(server, "evi_new", expectedOutput={"value": {"total": 2}})

    warehouse.sync(api_version=version, objects=OBJECTS, refresh=True)

    (item,) = (row for row in warehouse.rows("evaluation_set_items") if row["id"] == "evi_new")
    assert json.loads(item["expected_output"]) == {"value": {"total": 2}}


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_runs_are_loaded_by_their_ids_and_again_until_they_have_ended(
    server: SandboxServer, warehouse: OpenWarehouse, version: str
) -> None:
    settings = {"api_version": version, "objects": OBJECTS}
    (first, second, *_) = runs_of(server)
    ended = copy.deepcopy(runs_of(server)[second].payload)
    metrics = {**ended["metrics"], "numFilesProcessed": 0}
    EVALUATION_SET_RUNS.put(server.workspace, {**ended, "status": "PROCESSING", "metrics": metrics})

    named = warehouse.sync(run_ids=[first, second], **settings)
    under_way = {row["id"]: row["status"] for row in warehouse.rows("evaluation_set_runs")}
    EVALUATION_SET_RUNS.put(server.workspace, ended)
    warehouse.sync(**settings)
    idle = warehouse.sync(**settings)

    assert named.requests == {"get_evaluation_set_run": 2}
    assert under_way == {first: "PROCESSED", second: "PROCESSING"}
    assert idle.requests.get("get_evaluation_set_run", 0) == 0
    landed = {row["id"]: row for row in warehouse.rows("evaluation_set_runs")}
    assert {name: row["status"] for name, row in landed.items()} == {first: "PROCESSED", second: "PROCESSED"}
    assert landed[first]["evaluation_set_id"] == runs_of(server)[first].payload["evaluationSetId"]
    measured = {
        row["metric"]: row["value"]
        for row in warehouse.rows("evaluation_set_run_metrics")
        if row["evaluation_set_run_id"] == first and row["scope"] == "run"
    }
    assert measured["num_files"] == runs_of(server)[first].payload["metrics"]["numFiles"]


def test_a_batch_and_an_evaluation_are_told_apart_by_what_the_api_answers(
    server: SandboxServer, warehouse: OpenWarehouse
) -> None:
    batch = next(str(run.source_id) for run in server.workspace.runs.values() if run.source == "BATCH_PROCESSOR_RUN")
    evaluation = next(iter(runs_of(server)))

    warehouse.sync(objects=OBJECTS, run_ids=[batch, evaluation])

    assert warehouse.column("batch_runs", "id") == [batch]
    assert warehouse.column("evaluation_set_runs", "id") == [evaluation]
    assert warehouse.rows("fetch_errors") == []


def test_rules_for_fields_reach_what_is_expected(server: SandboxServer, warehouse: OpenWarehouse) -> None:
    put_item(server, "evi_new", expectedOutput={"value": {"vendor": {"iban": "DE89 3704 0044"}, "total": 7}})
    privacy = {"key": KEY, "fields": {"vendor.iban": "mask"}}

    warehouse.sync(api_version=CURRENT_VERSION, objects=OBJECTS, privacy=privacy, keep_raw=True)

    (item,) = (row for row in warehouse.rows("evaluation_set_items") if row["id"] == "evi_new")
    assert json.loads(item["expected_output"]) == {"value": {"vendor": {"iban": "***"}, "total": 7}}
    assert [cell for cell in warehouse.cells() if "DE89 3704 0044" in str(cell)] == []


@pytest.mark.slow
def test_an_erased_file_is_in_no_item_any_longer(server: SandboxServer, warehouse: OpenWarehouse) -> None:
    warehouse.sync(api_version=CURRENT_VERSION, objects=OBJECTS, keep_raw=True)
    file_id = warehouse.rows("evaluation_set_item_files")[0]["file_id"]

    erase(warehouse.pipeline, file_ids=[file_id])
    assert file_id not in warehouse.column("evaluation_set_item_files", "file_id")
    warehouse.sync(api_version=CURRENT_VERSION, objects=OBJECTS, keep_raw=True, refresh=True)

    assert file_id not in warehouse.column("files", "id")
    assert [cell for cell in warehouse.column("raw_payloads", "payload") if file_id in str(cell)] == []
    assert file_id not in warehouse.column("evaluation_set_item_files", "file_id")


@pytest.mark.slow
def test_what_was_erased_of_evaluations_stays_out_of_a_migrated_dataset(
    server: SandboxServer, warehouse: OpenWarehouse
) -> None:
    groups = ["runs", "evaluation"]
    run_id, item_id = next(iter(runs_of(server))), next(iter(items_of(server)))
    warehouse.sync(objects=groups)
    warehouse.sync(objects=groups, run_ids=[run_id])
    erase(warehouse.pipeline, run_ids=[run_id, item_id])

    migrated = migrate(warehouse.pipeline, dry_run=False, **warehouse.settings(objects=groups))
    warehouse.sync(objects=groups, api_version=CURRENT_VERSION, run_ids=[run_id])

    assert migrated.state == "done"
    assert set(warehouse.column("evaluation_set_items", "id")) == items_of(server).keys() - {item_id}
    assert warehouse.rows("evaluation_set_runs") == []


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_set_is_erased_with_its_items_and_none_comes_back(
    server: SandboxServer, warehouse: OpenWarehouse, version: str
) -> None:
    set_id = put_item(server, "evi_new", expectedOutput={"value": {"iban": "DE89 3704 0044"}})
    settings = {"api_version": version, "objects": OBJECTS}
    warehouse.sync(keep_raw=True, **settings)
    items = {item.id for item in items_of(server).values() if item.parent == set_id}

    erasure = erase(warehouse.pipeline, run_ids=[set_id])
    rebuild(warehouse.pipeline, **settings)
    warehouse.sync(keep_raw=True, reconcile=True, **settings)

    assert erasure.others == {"evaluation_set": 1, "evaluation_set_item": len(items)}
    assert items.isdisjoint(warehouse.column("evaluation_set_item_files", "evaluation_set_item_id"))
    assert [cell for cell in warehouse.cells() if "DE89 3704 0044" in str(cell)] == []
    assert warehouse.rows("tombstones") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_items_land_where_their_table_alone_is_selected(
    server: SandboxServer, warehouse: OpenWarehouse, version: str
) -> None:
    warehouse.run("evaluation_set_items", api_version=version)

    assert set(warehouse.column("evaluation_set_items", "id")) == items_of(server).keys()
    assert warehouse.tables() == {"evaluation_set_items"}


@pytest.mark.slow
def test_a_rebuild_names_the_groups_whose_payloads_it_leaves_out(
    warehouse: OpenWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(logger, "warning", warnings.append)
    warehouse.sync(objects=OBJECTS, keep_raw=True)
    with warehouse.kept_open(), pytest.raises(NoRawPayloads, match="Payloads of evaluation have landed: set objects"):
        rebuild(warehouse.pipeline, objects=["runs"])

    warehouse.sync(objects=["runs"], keep_raw=True)
    with warehouse.kept_open():
        result = rebuild(warehouse.pipeline, objects=["runs"])

    assert result.objects["evaluation_set"].fetched == 0
    assert result.runs == 24
    said = "Payloads of evaluation have landed and are left out: set objects to the groups to rebuild."
    assert said in warnings
