"""Where the destination cannot be read: oldest first, and the watermark follows load by load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.destination.exceptions import SqlClientNotAvailable

from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.scenes import fetched, log, moment_of, put_small_runs
from tests.acceptance.truth import assert_holds
from tests.acceptance.warehouse import Warehouse

RUNS = 30


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    workspace = Workspace(runs=0)
    put_small_runs(workspace, RUNS)
    with SandboxServer(workspaces=[workspace]) as server:
        yield server


@pytest.fixture
def unreadable(server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A warehouse whose pipeline offers no SQL, as some destinations do not."""

    def no_sql(pipeline: dlt.Pipeline, schema_name: Any = None) -> Any:
        raise SqlClientNotAvailable("sql_client", "extend", "unreadable")

    monkeypatch.setattr(dlt.Pipeline, "sql_client", no_sql)
    monkeypatch.setattr("extend_source.destination.DestinationReader._refuse_unfit_destination", lambda *_: None)
    return Warehouse(server, tmp_path)


def test_runs_come_oldest_first_and_the_watermark_follows(server: SandboxServer, unreadable: Warehouse) -> None:
    ids = server.workspace.run_ids()

    unreadable.sync(package_runs=10, max_concurrency=1)

    assert fetched(server) == ids
    marks = [
        moment_of(server.workspace, ids[10]),
        moment_of(server.workspace, ids[20]),
        moment_of(server.workspace, ids[29]),
    ]
    assert [row[0] for row in log(unreadable, "watermark_after")] == marks
    assert_holds(unreadable)


def test_a_sync_that_was_stopped_goes_on_from_its_watermark(server: SandboxServer, unreadable: Warehouse) -> None:
    ids = server.workspace.run_ids()
    unreadable.sync(max_requests=16, max_concurrency=1)
    server.requests.reset()

    unreadable.sync(lookback=0, max_concurrency=1)

    assert fetched(server) == ids[15:]
    assert_holds(unreadable)


def test_only_what_changed_since_the_watermark_is_fetched_again(server: SandboxServer, unreadable: Warehouse) -> None:
    ids = server.workspace.run_ids()
    unreadable.sync()
    server.workspace.advance(60)
    server.workspace.touch_run(ids[3])
    server.requests.reset()

    unreadable.sync(lookback=0)

    assert sorted(fetched(server)) == sorted([ids[3], ids[29]])  # the newest run before lies on the watermark itself
    assert_holds(unreadable)


def test_a_run_that_failed_for_now_holds_the_watermark_back(server: SandboxServer, unreadable: Warehouse) -> None:
    ids = server.workspace.run_ids()
    payload = server.workspace.run_body(ids[12])
    odd = b'{"id":"%s","status":"PROCESSED","type":"CLASSIFY","config":{},"metadata":{"n":1e200000}}' % ids[12].encode()
    moment = moment_of(server.workspace, ids[12])
    server.workspace.put_run(odd, created_at=moment)
    unreadable.sync()
    server.workspace.put_run(payload, created_at=moment)
    server.requests.reset()

    unreadable.sync(lookback=0)

    assert sorted(fetched(server)) == ids[12:]
    assert_holds(unreadable)
