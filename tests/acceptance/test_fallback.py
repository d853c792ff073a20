"""A destination that can be written and not read: the listing is worked off from the oldest change to the newest."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dlt
import pytest
from dlt.common.destination.exceptions import SqlClientNotAvailable

from extend_source.sandbox import SandboxServer
from tests.acceptance.scenes import (
    change_runs,
    fetched,
    garble,
    ids_with_status,
    impatient,
    last_log,
    log,
    make_open_warehouse,
    moment_of,
    reopen,
)
from tests.acceptance.truth import assert_holds, assert_summaries
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A stand-in with 20 runs, all of which have ended, the newest of them hours apart."""
    with SandboxServer(runs=20) as server:
        server.workspace.advance(3600)
        yield server


@pytest.fixture(autouse=True)
def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the possibility to read away from every destination; dlt's loader has ways of its own."""

    def refuse(pipeline: dlt.Pipeline, *_: Any, **__: Any) -> None:
        raise SqlClientNotAvailable("pipeline", pipeline.pipeline_name, "this")

    monkeypatch.setattr(dlt.Pipeline, "sql_client", refuse)


def by_age(server: SandboxServer) -> list[str]:
    """The ids of all runs, the one that changed longest ago first."""
    return sorted(server.workspace.run_ids(), key=lambda run_id: (moment_of(server.workspace, run_id), run_id))


def test_a_first_load_is_complete_and_says_that_nothing_can_be_compared(
    any_warehouse: AnyWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "dlt")

    result = any_warehouse.sync(max_concurrency=1)

    assert fetched(any_warehouse.server) == by_age(any_warehouse.server)
    assert result.complete
    assert_holds(any_warehouse)
    assert_summaries(any_warehouse)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        "The destination of pipeline extend cannot be read: what is listed since the last sync is fetched without a "
        "comparison."
    ]


@pytest.mark.slow
@pytest.mark.core
def test_a_later_sync_fetches_what_changed_since_and_within_the_lookback(any_warehouse: AnyWarehouse) -> None:
    server = any_warehouse.server
    any_warehouse.sync()
    newest = by_age(server)[-1]
    changed = ids_with_status(server.workspace, "PROCESSED")[:3]
    change_runs(server.workspace, changed, seconds=7200)
    new = server.workspace.add_run(status="PROCESSED")
    server.requests.reset()

    any_warehouse.sync()

    assert newest not in changed
    assert sorted(fetched(server)) == sorted({newest, *changed, new})
    assert server.requests.counts["list_runs"] == 1
    assert last_log(any_warehouse, "mode", "watermark_after") == ("incremental", moment_of(server.workspace, new))
    assert_holds(any_warehouse)
    assert_summaries(any_warehouse)


def test_each_load_moves_the_watermark_so_that_a_sync_that_stopped_goes_on_from_there(
    any_warehouse: AnyWarehouse,
) -> None:
    server = any_warehouse.server
    ids = by_age(server)

    first = any_warehouse.sync(max_requests=12, package_runs=5, max_concurrency=1)
    server.requests.reset()
    reopen(any_warehouse)
    second = any_warehouse.sync(max_concurrency=1)

    assert (first.fetched, first.left, first.stopped_by) == (11, 9, "max_requests")
    marks = [moment_of(server.workspace, ids[place]) for place in (5, 10, 11)]
    assert [mark for (mark,) in log(any_warehouse, "watermark_after")][:3] == marks
    lookback = marks[-1] - timedelta(hours=1)
    assert fetched(server) == [run_id for run_id in ids if moment_of(server.workspace, run_id) >= lookback]
    assert len(fetched(server)) < 12
    assert second.complete
    assert_holds(any_warehouse)


def test_a_run_that_could_not_be_had_for_now_is_asked_for_again(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, attempts=1)
    server = any_warehouse.server
    server.faults.set(["503:#7@run"])
    failed = by_age(server)[6]

    first = any_warehouse.sync(max_concurrency=1)
    server.faults.clear()
    server.requests.reset()
    any_warehouse.sync(max_concurrency=1)

    assert (first.fetched, list(first.errors)) == (19, [failed])
    assert failed in fetched(server)
    assert len(fetched(server)) < 20
    assert any_warehouse.rows("fetch_errors") == []
    assert_holds(any_warehouse)


def test_a_run_that_cannot_be_read_is_asked_for_again_with_all_that_changed_since(
    any_warehouse: AnyWarehouse,
) -> None:
    server = any_warehouse.server
    ids = by_age(server)
    odd = ids[12]
    garble(server, odd)
    any_warehouse.sync()
    errors = any_warehouse.column("fetch_errors", "id")
    server.instead = None
    server.requests.reset()

    any_warehouse.sync(lookback=0)

    assert errors == [odd]
    assert sorted(fetched(server)) == sorted(ids[12:])
    assert any_warehouse.rows("fetch_errors") == []
    assert_holds(any_warehouse)


def test_a_reconcile_fetches_everything_as_nothing_can_be_compared(any_warehouse: AnyWarehouse) -> None:
    server = any_warehouse.server
    any_warehouse.sync()
    silent = ids_with_status(server.workspace, "PROCESSED")[0]
    server.workspace.edit_run(silent, touch_updated_at=False)
    server.requests.reset()

    any_warehouse.sync(reconcile=True)

    assert sorted(fetched(server)) == sorted(server.workspace.run_ids())
    assert_holds(any_warehouse)
