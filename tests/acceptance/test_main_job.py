"""The main job: processor runs become tables, by listing and by id, and the tables are the truth."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from extend_source.config.groups import GROUPS
from extend_source.tables import TABLES
from extend_source.tables.kinds import to_timestamp
from tests.acceptance.warehouse import Warehouse
from tests.leaves import missing_leaves

pytestmark = pytest.mark.thorough

WRITTEN_TABLES = {name for name, table in TABLES.items() if not table.opt_in}


@pytest.mark.core
def test_the_tables_equal_the_stand_ins_own_state(warehouse: Warehouse) -> None:
    workspace = warehouse.server.workspace

    result = warehouse.sync()

    ids = sorted(workspace.run_ids())
    assert (result.listed, result.fetched, result.failed) == (120, 120, 0)
    expected = {run_id: {**workspace.run_payload(run_id), **workspace.summary(run_id)} for run_id in ids}
    names = {"id": "id", "status": "status", "type": "type", "processorId": "processor_id", "reviewed": "reviewed",
             "edited": "edited", "processorName": "processor_name", "url": "url", "failureReason": "failure_reason"}  # fmt: skip
    assert [{name: row[name] for name in names.values()} for row in warehouse.rows("processor_runs")] == [
        {column: expected[run_id].get(key) for key, column in names.items()} for run_id in ids
    ]
    assert warehouse.column("processor_runs", "updated_at") == [
        to_timestamp(expected[run_id]["updatedAt"]) for run_id in ids
    ]
    assert warehouse.column("files", "id") == sorted(
        {file["id"] for run_id in ids for file in workspace.run_payload(run_id)["files"]}
    )


def test_every_value_of_every_run_is_in_some_column(warehouse: Warehouse) -> None:
    warehouse.sync()

    with warehouse.reading():
        rows = {name: warehouse.rows(name) for name in WRITTEN_TABLES}
    for run_id in warehouse.server.workspace.run_ids():
        payload = warehouse.server.workspace.run_payload(run_id)
        assert missing_leaves(payload, cells_of_run(rows, payload)) == [], run_id


def cells_of_run(rows: dict[str, list[dict[str, Any]]], payload: dict[str, Any]) -> list[Any]:
    """The values of the rows that belong to one run: its own, its files' and its config's."""
    (run,) = [row for row in rows["processor_runs"] if row["id"] == payload["id"]]
    owners = {
        "run_id": {run["id"]},
        "file_id": {file["id"] for file in payload["files"]},
        "config_id": {run["config_id"]},
    }
    belonging = [run, *(row for row in rows["files"] if row["id"] in owners["file_id"])]
    for name, columns in ((name, table.column_names) for name, table in TABLES.items() if name != "processor_runs"):
        owner = next((column for column in ("run_id", "file_id", "config_id") if column in columns), None)
        if owner is not None and name in rows:
            belonging += [row for row in rows[name] if row[owner] in owners[owner]]
    return [value for row in belonging for value in row.values()]


@pytest.mark.core
def test_the_ledger_equals_the_stand_ins_own_account(warehouse: Warehouse) -> None:
    warehouse.sync()

    account = warehouse.server.workspace.credit_account()
    landed: dict[tuple[str, str], Decimal] = {
        (row["resource_type"], row["resource_id"]): row["credits"] for row in warehouse.rows("credit_usage")
    }
    assert landed == {
        **{("processor_run", run_id): credits for run_id, credits in account.runs.items()},
        **{("file", file_id): credits for file_id, credits in account.files.items()},
    }
    assert sum(landed.values()) == account.total


def test_n_runs_cost_n_gets_and_one_listing(warehouse: Warehouse) -> None:
    warehouse.sync()

    assert warehouse.server.requests.counts == {"get_run": 120, "list_runs": 1}


@pytest.mark.core
def test_loading_twice_fetches_nothing_and_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.sync()
    before = warehouse.snapshot()
    warehouse.server.requests.reset()

    result = warehouse.sync()

    assert (result.known, result.fetched) == (120, 0)
    assert warehouse.server.requests.counts == {"list_runs": 1}
    assert warehouse.snapshot() == before


def test_fetching_everything_again_changes_nothing_but_when(warehouse: Warehouse) -> None:
    warehouse.sync(file_contents="fetch")
    before = warehouse.snapshot()

    result = warehouse.sync(refresh=True, file_contents="fetch")

    assert result.fetched == 120
    assert warehouse.snapshot() == before


def test_only_changed_runs_are_fetched(warehouse: Warehouse) -> None:
    warehouse.sync()
    workspace = warehouse.server.workspace
    processed = [run_id for run_id in workspace.run_ids() if workspace.run_payload(run_id)["status"] == "PROCESSED"]
    workspace.advance(60)
    for run_id in processed[:3]:
        workspace.touch_run(run_id)
    new = workspace.add_run(status="PROCESSED")
    warehouse.server.requests.reset()

    warehouse.sync()

    fetched = {entry.path.rsplit("/", 1)[1] for entry in warehouse.server.requests.entries if entry.route == "get_run"}
    assert {*processed[:3], new} <= fetched
    moved = {row["id"]: row["updated_at"] for row in warehouse.rows("processor_runs")}
    assert moved == {run_id: to_timestamp(workspace.summary(run_id)["updatedAt"]) for run_id in workspace.run_ids()}


@pytest.mark.core
def test_a_second_machine_carries_on_without_fetching_anything_again(warehouse: Warehouse) -> None:
    warehouse.sync()
    warehouse.server.requests.reset()

    result = warehouse.on_another_machine().sync()

    assert result.known == 120
    assert warehouse.server.requests.counts == {"list_runs": 1}


@pytest.mark.core
def test_runs_are_loaded_by_id_once(warehouse: Warehouse) -> None:
    workspace = warehouse.server.workspace
    ids = [run_id for run_id in workspace.run_ids() if workspace.run_payload(run_id)["status"] == "PROCESSED"][:4]

    first = warehouse.sync(run_ids=[*ids, ids[0]])
    second = warehouse.sync(run_ids=ids)

    assert (first.fetched, second.fetched, second.known) == (4, 0, 4)
    assert warehouse.column("processor_runs", "id") == sorted(ids)
    assert warehouse.server.requests.counts == {"get_run": 4}


def test_a_reload_by_id_keeps_the_times_that_a_listing_landed(warehouse: Warehouse) -> None:
    warehouse.sync()
    before = warehouse.rows("processor_runs")

    warehouse.sync(run_ids=warehouse.server.workspace.run_ids()[:5], refresh=True)

    after = warehouse.rows("processor_runs")
    assert [(row["created_at"], row["updated_at"]) for row in after] == [
        (row["created_at"], row["updated_at"]) for row in before
    ]
    assert None not in {row["updated_at"] for row in after}


def test_credits_that_are_not_reported_again_stay(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    run = workspace.run_payload(workspace.add_run(status="PROCESSED"))
    workspace.put_run(run)
    empty_warehouse.sync()
    bare = {**run, "files": [{k: v for k, v in file.items() if k != "usage"} for file in run["files"]]}
    del bare["usage"]
    workspace.put_run(bare)

    empty_warehouse.sync(run_ids=[run["id"]], refresh=True)

    assert empty_warehouse.column("processor_runs", "credits") == [Decimal(str(run["usage"]["credits"]))]
    assert empty_warehouse.column("files", "credits") == [Decimal(str(run["files"][0]["usage"]["credits"]))]
    assert len(empty_warehouse.rows("credit_usage")) == 2


@pytest.mark.core
def test_every_table_exists_after_a_first_load_without_data(empty_warehouse: Warehouse) -> None:
    result = empty_warehouse.sync(objects=list(GROUPS))

    assert result.fetched == 0
    assert empty_warehouse.tables() == WRITTEN_TABLES
    columns = {name: list(row) for name, row in _columns(empty_warehouse).items()}
    assert columns == {name: list(table.column_names) for name, table in TABLES.items() if not table.opt_in}


def _columns(warehouse: Warehouse) -> dict[str, list[str]]:
    schema = warehouse.pipeline.default_schema
    return {name: [*schema.get_table_columns(name)] for name in WRITTEN_TABLES}


@pytest.mark.parametrize("status", ["PROCESSED", "FAILED"])
def test_a_run_in_flight_is_fetched_again_when_it_has_moved(empty_warehouse: Warehouse, status: Any) -> None:
    workspace = empty_warehouse.server.workspace
    workspace.add_run(outcome=status)
    empty_warehouse.sync()
    states = [empty_warehouse.column("processor_runs", "status")]
    workspace.advance(timedelta(days=1).total_seconds())

    empty_warehouse.sync()

    states.append(empty_warehouse.column("processor_runs", "status"))
    assert states == [["PENDING"], [status]]


def test_the_listing_can_be_narrowed(warehouse: Warehouse) -> None:
    workspace = warehouse.server.workspace
    summaries = [workspace.summary(run_id) for run_id in workspace.run_ids()]
    newest = max(summary["updatedAt"] for summary in summaries)
    start = to_timestamp(newest) - timedelta(days=30)

    result = warehouse.sync(processor_types=["EXTRACT", "CLASSIFY"], statuses=["PROCESSED"], start_date=start)

    wanted = [
        summary["id"]
        for summary in summaries
        if summary["type"] in ("EXTRACT", "CLASSIFY")
        and summary["status"] == "PROCESSED"
        and to_timestamp(summary["updatedAt"]) >= start
    ]
    assert warehouse.column("processor_runs", "id") == sorted(wanted)
    assert 0 < len(wanted) < 120
    assert result.requests["list_runs"] == 2


def test_tables_can_be_chosen(warehouse: Warehouse) -> None:
    warehouse.run("files", "file_pages")

    assert warehouse.tables() == {"files", "file_pages"}
    assert len(warehouse.rows("files")) > 50


def test_runs_that_landed_in_fewer_tables_are_fetched_again_for_more(warehouse: Warehouse) -> None:
    warehouse.run("processor_runs", "extraction_fields")
    warehouse.sync(processor_types=["EXTRACT"])
    narrow = warehouse.run("processor_runs", "splits")

    full = warehouse.sync()

    extractions = sum(row["type"] == "EXTRACT" for row in warehouse.rows("processor_runs"))
    assert (narrow.fetched, narrow.known) == (120 - extractions, extractions)
    assert (full.fetched, full.known) == (120 - extractions, extractions)
    assert set(warehouse.column("processor_runs", "loaded_tables")) == {None}
    assert len(warehouse.rows("credit_usage")) == len(warehouse.server.workspace.credit_account().runs) + len(
        warehouse.server.workspace.credit_account().files
    )


def test_no_table_is_made_of_nested_values(warehouse: Warehouse) -> None:
    warehouse.sync(objects=list(GROUPS))

    assert warehouse.tables() == WRITTEN_TABLES | warehouse.typed_tables()
