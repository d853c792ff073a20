"""The status of a pipeline while a sync is under way, which holds a DuckDB file."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from extend_source import status
from extend_source.errors import SyncUnderWay
from extend_source.operations.status import StatusResult
from extend_source.pipeline.lock import only_sync
from extend_source.sandbox import SandboxServer
from tests.acceptance.shell import run_shell
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

pytestmark = [pytest.mark.thorough, pytest.mark.case("5.3")]

FETCHED = 20


@contextmanager
def sync_that_waits(warehouse: AnyWarehouse) -> Iterator[None]:
    """Sync in another thread, and hold the answer to one run back while the block runs."""
    reached, go_on = threading.Event(), threading.Event()

    def wait(request: object) -> None:
        if warehouse.server.requests.counts.get("get_run", 0) >= FETCHED:
            reached.set()
            go_on.wait(60)

    warehouse.server.before_each_request = wait
    thread = threading.Thread(target=warehouse.sync, kwargs={"max_concurrency": 1})
    thread.start()
    try:
        assert reached.wait(60)
        threading.Event().wait(1.5)  # the counts are told every second
        yield
    finally:
        go_on.set()
        thread.join()


@pytest.mark.slow
@pytest.mark.core
def test_a_status_during_the_first_load_is_answered_from_the_progress(
    any_warehouse: AnyWarehouse, tmp_path: Path
) -> None:
    before = datetime.now(timezone.utc)
    with sync_that_waits(any_warehouse):
        during = status(any_warehouse.pipeline)
    after = status(any_warehouse.pipeline)

    told = during.under_way
    assert told is not None
    assert (told.pid, told.mode, told.listed, told.wanted, told.failed, told.loads) == (
        os.getpid(), "full", 120, 120, 0, 1,
    )  # fmt: skip
    assert FETCHED - 1 <= told.runs_done <= FETCHED
    assert told.requests in (told.runs_done + 1, told.runs_done + 2)  # the listing, and what waits
    assert before <= told.started_at <= told.at <= datetime.now(timezone.utc)
    assert (during.has_run, during.has_read, during.runs, during.last_loads) == (
        True, not isinstance(any_warehouse, Warehouse), {}, [],
    )  # fmt: skip
    assert (after.under_way, after.has_read, sum(after.runs.values())) == (None, True, 120)
    assert not list(any_warehouse.pipelines.glob("*.progress"))


def test_the_shell_shows_the_sync_under_way(server: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(server, tmp_path)
    environment = {
        "PIPELINES_DIR": str(warehouse.pipelines),
        "DESTINATION__DUCKDB__CREDENTIALS": str(warehouse.database),
    }
    with sync_that_waits(warehouse):
        shown = run_shell(tmp_path, "status", "--pipeline", "extend", "--dataset", warehouse.dataset, **environment)

    assert (shown.code, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    (under_way,) = [line for line in lines if line.startswith("Under way")]
    (done,) = [line for line in lines if line.startswith("Done so far")]
    assert under_way.startswith(f"Under way    a sync in process {os.getpid()}, for ")
    assert under_way.rstrip().endswith(" now: full")
    assert done.startswith("Done so far  120 listed, ")
    assert shown.stdout.endswith("What has landed can be read when the sync has ended: it holds the DuckDB file.\n")


def test_what_a_killed_sync_has_told_is_not_believed_for_long(warehouse: Warehouse) -> None:
    warehouse.sync()
    told = {
        "pid": 1, "mode": "full", "listed": 1, "wanted": 1, "runs_done": 0, "failed": 0, "requests": 1, "loads": 1,
        "started_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    file = warehouse.pipelines / "extend.sync.progress"

    def status_at(age: timedelta) -> StatusResult:
        file.write_text(json.dumps({**told, "at": str(datetime.now(timezone.utc) - age)}))
        return status(warehouse.pipeline)

    assert status_at(timedelta(minutes=1)).under_way is None
    for damaged in ("", "{", "[]", '{"at": 1}'):
        file.write_text(damaged)
        assert status(warehouse.pipeline).under_way is None


def test_what_is_no_sync_and_holds_the_pipeline_is_told_as_before(warehouse: Warehouse) -> None:
    warehouse.sync()

    with only_sync(warehouse.pipeline), pytest.raises(SyncUnderWay):
        status(warehouse.pipeline)
