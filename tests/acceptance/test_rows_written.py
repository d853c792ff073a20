"""How many rows a sync has written to each table: in its result, and in ``sync_log`` of each load."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from extend_source import SyncProgress, rebuild
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import put_small_runs
from tests.acceptance.small_world import fill, invoice
from tests.acceptance.test_quiet import let_an_hour_pass, quiet_sync
from tests.acceptance.warehouse import AnyWarehouse

FULL_WORLD = {
    "processor_runs": 5,
    "files": 2,
    "file_pages": 4,
    "extraction_edits": 3,
    "classifications": 1,
    "splits": 1,
    "extraction_invoices": 3,
    "extraction_invoices__lines": 4,
    "sync_log": 1,
    "sync_log_objects": 1,
}
"""Rows of the five runs, by hand."""


@pytest.fixture
def small(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> Iterator[AnyWarehouse]:
    fill(empty_server.workspace)
    warehouse = make_warehouse(empty_server)
    with warehouse.kept_open():
        yield warehouse


def logged(warehouse: AnyWarehouse) -> list[dict[str, int]]:
    """What ``sync_log`` says of each load, oldest first."""
    rows = sorted(warehouse.rows("sync_log"), key=lambda row: row["load_id"])
    return [json.loads(row["rows_written"]) for row in rows]


def counted(warehouse: AnyWarehouse) -> dict[str, int]:
    """The rows that are in the tables."""
    with warehouse.reading():
        counts = {name: warehouse.count(name) for name in warehouse.tables()}
    return {name: count for name, count in counts.items() if count}


def some_of(rows: dict[str, int], *names: str) -> dict[str, Any]:
    return {name: rows.get(name) for name in names}


@pytest.mark.slow
def test_a_first_sync_has_written_every_row_that_is_there(small: AnyWarehouse) -> None:
    result = small.sync()

    assert result.rows == counted(small)
    assert some_of(result.rows, *FULL_WORLD) == FULL_WORLD
    assert logged(small) == [result.rows]


@pytest.mark.slow
def test_the_rows_of_several_loads_are_added_up_and_each_load_logs_its_own(small: AnyWarehouse) -> None:
    result = small.sync(package_runs=2)

    assert [rows["processor_runs"] for rows in logged(small)] == [2, 2, 1]
    assert result.rows == dict(sum(map(Counter, logged(small)), Counter()))
    assert result.rows["extraction_invoices__lines"] == small.count("extraction_invoices__lines") == 4


@pytest.mark.slow
def test_markers_are_no_rows_and_replaced_ones_count_again(small: AnyWarehouse) -> None:
    small.sync()
    workspace = small.server.workspace
    workspace.put_run(invoice("dpr_1", 0, "file_1"), updated_at=workspace.advance(1))

    result = small.sync()

    assert small.count("extraction_invoices__lines") == 1
    names = ("processor_runs", "file_pages", "extraction_invoices", "extraction_invoices__lines", "tombstones")
    assert some_of(result.rows, *names) == dict(zip(names, (1, 2, 1, None, None), strict=True))
    assert logged(small)[-1] == result.rows


@pytest.mark.slow
def test_a_sync_without_news_has_written_its_log_alone_and_a_quiet_one_that_or_nothing(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    put_small_runs(empty_server.workspace, 3)
    warehouse = make_warehouse(empty_server)
    warehouse.sync()
    idle = quiet_sync(warehouse)
    let_an_hour_pass(warehouse)

    logging, silent = quiet_sync(warehouse), quiet_sync(warehouse)

    assert (idle.mode, idle.rows) == ("incremental", {"sync_log": 1, "sync_log_objects": 1})
    assert (logging.mode, logging.rows) == ("quiet", {"sync_log": 1, "sync_log_objects": 1})
    assert logged(warehouse)[1:] == [idle.rows, logging.rows]
    assert (silent.mode, silent.rows) == ("quiet", {})


def test_tables_that_were_not_chosen_are_not_counted(small: AnyWarehouse) -> None:
    progress: SyncProgress = small.run("processor_runs", "files", "sync_log")

    assert {name: rows for name, rows in progress.rows.items() if rows} == {
        "processor_runs": 5,
        "files": 2,
        "sync_log": 1,
    }


@pytest.mark.slow
def test_a_rebuild_logs_what_it_has_written(small: AnyWarehouse) -> None:
    small.sync(keep_raw=True)

    result = rebuild(small.pipeline)

    books = {"sync_log": 1, "sync_log_objects": 1}
    assert logged(small)[-1] == {name: rows for name, rows in result.tables.items() if rows} | books
    assert result.tables["extraction_invoices__lines"] == 4
