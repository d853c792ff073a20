"""The main job on a real PostgreSQL: the same rows as on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extend_source.sandbox import SandboxServer
from tests.acceptance.truth import assert_holds
from tests.acceptance.warehouse import PostgresWarehouse, Warehouse


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=60) as server:
        yield server


@pytest.mark.thorough
def test_postgresql_holds_the_same_rows_as_duckdb_after_loads_and_reloads(
    server: SandboxServer, postgres: str, tmp_path: Path
) -> None:
    duckdb, postgresql = Warehouse(server, tmp_path), PostgresWarehouse(server, tmp_path, postgres)

    def both(**arguments: Any) -> list[tuple[int, int]]:
        results = [warehouse.sync(file_contents="fetch", **arguments) for warehouse in (duckdb, postgresql)]
        return [(result.fetched, result.known) for result in results]

    assert both() == [(60, 0)] * 2
    assert both() == [(0, 60)] * 2
    assert_holds(postgresql, file_contents="fetch")
    ids = server.workspace.run_ids()
    for run_id in ids[:10]:
        run = server.workspace.run_payload(run_id)
        server.workspace.put_run({**run, "output": {}, "files": [], "metadata": {"note": "a\x00b"}})
    assert both(run_ids=ids[:20], refresh=True) == [(20, 0)] * 2

    expected, landed = duckdb.snapshot(), postgresql.snapshot()
    for name in expected:
        assert landed[name] == expected[name], name
