"""Who may have the DuckDB file while a sync runs: it is kept open, but while it waits for the network for long."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source import rebuild
from extend_source.pipeline import connections, held_database
from extend_source.sandbox import LoggedRequest
from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.thorough

_OPEN = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('select 1')"

_READ = """
import duckdb, sys, time
with duckdb.connect(sys.argv[1], read_only=True):
    print("open", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def _can_open(file: Path) -> bool:
    """Tell whether another process can open a DuckDB file."""
    return subprocess.run([sys.executable, "-c", _OPEN, str(file)], capture_output=True).returncode == 0


def _opened_at(warehouse: Warehouse, route: str, number: int) -> bool:
    """Sync, and tell whether another process could open the file at a request, the first one being number 1."""
    seen: list[bool] = []
    times = 0

    def try_to_open(request: LoggedRequest) -> None:
        nonlocal times
        times += request.route == route
        if request.route == route and times == number:
            seen.append(_can_open(warehouse.database))

    warehouse.server.before_each_request = try_to_open
    warehouse.sync()
    (opened,) = seen
    return opened


def test_other_processes_can_open_the_file_while_the_network_takes_long(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_database, "PATIENCE_SECONDS", 0.0)
    assert _opened_at(warehouse, "list_runs", 1)
    warehouse.server.workspace.add_run()
    assert _opened_at(warehouse, "get_run", 1)


@contextmanager
def _reader_from_the_first_run_on(warehouse: Warehouse, seconds: float) -> Iterator[None]:
    """Have another process open the file when a sync asks for the first run, and close it after some seconds."""
    readers: list[subprocess.Popen[str]] = []

    def read(request: LoggedRequest) -> None:
        if request.route == "get_run" and not readers:
            command = [sys.executable, "-c", _READ, str(warehouse.database), str(seconds)]
            readers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            assert readers[0].stdout is not None
            assert readers[0].stdout.readline() == "open\n"

    warehouse.server.before_each_request = read
    try:
        yield
    finally:
        warehouse.server.before_each_request = None
        (reader,) = readers
        reader.terminate()
        reader.communicate()


def test_a_reader_that_has_the_file_open_is_waited_for(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_database, "PATIENCE_SECONDS", 0.0)
    with _reader_from_the_first_run_on(warehouse, 1):
        result = warehouse.sync()

    assert result.fetched == warehouse.count("processor_runs") == 120


def test_a_reader_that_keeps_the_file_open_ends_the_sync_and_the_next_one_loads_all(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_database, "PATIENCE_SECONDS", 0.0)
    for module in (held_database, connections):
        monkeypatch.setattr(module, "MAX_WAIT_SECONDS", 0.5)
    with _reader_from_the_first_run_on(warehouse, 600), pytest.raises(PipelineStepFailed, match="Could not set lock"):
        warehouse.sync()

    assert warehouse.sync().fetched == warehouse.count("processor_runs") == 120


def test_the_file_is_kept_open_while_the_network_is_quick(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_database, "PATIENCE_SECONDS", 3600.0)
    assert not _opened_at(warehouse, "list_runs", 1)
    warehouse.server.workspace.add_run()
    assert not _opened_at(warehouse, "get_run", 1)


def test_a_block_that_is_left_late_does_not_take_the_file_again(warehouse: Warehouse) -> None:
    warehouse.sync()

    async def leave_late() -> bool:
        with held_database.held_database(warehouse.pipeline) as database:
            lent = database.lent()
            await lent.__aenter__()
        await lent.__aexit__(None, None, None)
        return _can_open(warehouse.database)

    assert asyncio.run(leave_late())


def test_the_file_is_free_after_a_sync_and_after_a_rebuild(warehouse: Warehouse) -> None:
    warehouse.sync(keep_raw=True)
    assert _can_open(warehouse.database)
    rebuild(warehouse.pipeline)
    assert _can_open(warehouse.database)


def test_the_file_is_free_after_a_sync_that_failed(warehouse: Warehouse) -> None:
    warehouse.sync()
    with pytest.raises(Exception, match="401"):
        warehouse.sync(api_key="wrong")
    assert _can_open(warehouse.database)
