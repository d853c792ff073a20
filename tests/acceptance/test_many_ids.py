"""Where many ids are looked up, what has landed is read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest

from extend_source.pipeline import reader
from extend_source.pipeline.columns import streamed
from extend_source.pipeline.reader import DestinationReader
from extend_source.sandbox import Options, SandboxServer
from extend_source.tables.contract import TableSchema
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import put_small_runs
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

PAGES, PAGE = 6, 20


@pytest.fixture
def paged_server() -> Iterator[SandboxServer]:
    """A stand-in that lists few runs a page."""
    with SandboxServer(runs=0, options=Options(largest_page=PAGE)) as server:
        put_small_runs(server.workspace, PAGES * PAGE, every=timedelta(minutes=1))
        yield server


def queries_of_a_reconcile(warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The number of queries on each table; nothing is fetched."""
    counts, read = Counter[str](), DestinationReader._read

    def counted(self: DestinationReader, table: str, *others: Any) -> Any:
        counts[table] += 1
        return read(self, table, *others)

    with monkeypatch.context() as patch:
        patch.setattr(DestinationReader, "_read", counted)
        result = warehouse.sync(reconcile=True, review_window_days=0)
    assert (result.listed, result.known, result.fetched) == (PAGES * PAGE, PAGES * PAGE, 0)
    return counts


@pytest.mark.slow
def test_a_reconcile_of_many_runs_reads_each_table_once_and_one_of_few_asks_for_each_page(
    paged_server: SandboxServer, make_warehouse: MakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = make_warehouse(paged_server)
    warehouse.sync()
    by_page = queries_of_a_reconcile(warehouse, monkeypatch)
    monkeypatch.setattr(reader, "KEYS_FOR_COLUMNS_OF_ALL", 2 * PAGE)
    in_columns = queries_of_a_reconcile(warehouse, monkeypatch)

    saved = PAGES - (2 + 2)  # the first two pages are asked for, then whether there is a table, then all is read
    assert by_page - in_columns == Counter(processor_runs=saved, processor_run_summaries=saved, tombstones=saved)
    assert in_columns - by_page == Counter()


@pytest.mark.slow
def test_payloads_are_looked_up_some_at_a_time_however_many(
    empty_server: SandboxServer, empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_small_runs(empty_server.workspace, 3)
    empty_warehouse.sync(keep_raw=True)
    empty_warehouse.execute("drop table classifications")
    monkeypatch.setattr(reader, "KEYS_FOR_COLUMNS", 0)
    monkeypatch.setattr(reader, "KEYS_FOR_COLUMNS_OF_ALL", 0)
    whole, read = set[str](), DestinationReader._read_in_columns

    def noted(self: DestinationReader, table: TableSchema, asked: Any) -> Any:
        whole.update(f"{table.name}.{column}" for column in asked.columns)
        return read(self, table, asked)

    monkeypatch.setattr(DestinationReader, "_read_in_columns", noted)
    empty_server.requests.reset()

    assert empty_warehouse.sync(keep_raw=True).restored == 3
    assert empty_server.requests.counts["get_run"] == 0  # from the payloads
    assert "processor_runs.payload_sha256" in whole
    assert "raw_payloads.payload" not in whole


def test_postgresql_hands_out_a_large_result_some_rows_at_a_time(postgres: str, tmp_path: Path) -> None:
    pipeline = dlt.pipeline("extend", destination=dlt.destinations.postgres(postgres), pipelines_dir=str(tmp_path))
    numbers = "select number from generate_series(1, %s) as number"
    with pipeline.sql_client() as client, streamed(client, numbers, [30_000]) as cursor:
        assert len(cursor.fetchmany(10_000)) == 10_000
        assert cursor.native_cursor.rowcount == 10_000  # as many as this machine has got
        assert len(cursor.fetchall()) == 20_000
