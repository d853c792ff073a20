"""A sync keeps to its limits, says what it left, and the next one goes on from there."""

from __future__ import annotations

import contextlib
import logging
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import dlt
import psycopg2
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source import SyncProgress, SyncUnderWay, TooManyErrors
from extend_source.ingest import fetching
from extend_source.pipeline.held_database import HeldDatabase
from extend_source.sandbox import OddAnswer, Options, SandboxServer
from extend_source.sandbox.limits import RateLimit
from extend_source.sandbox.requests_log import LoggedRequest
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import (
    break_table,
    change_runs,
    fetched,
    ids_with_status,
    impatient,
    last_log,
    log,
    make_open_warehouse,
    mend_table,
    moment_of,
    put_small_runs,
    small_run,
)
from tests.acceptance.truth import assert_holds, assert_summaries
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse

RUNS = 25


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A stand-in with 25 runs, all of which have ended."""
    with SandboxServer(runs=RUNS) as server:
        server.workspace.advance(3600)
        yield server


# ---- requests and seconds


@pytest.mark.slow
@pytest.mark.core
def test_a_budget_of_requests_is_kept_to_and_repeated_syncs_finish_the_job(any_warehouse: AnyWarehouse) -> None:
    server = any_warehouse.server

    results = [any_warehouse.sync(max_requests=12) for _ in range(3)]

    newest = max(moment_of(server.workspace, run_id) for run_id in server.workspace.run_ids())
    assert [(result.fetched, result.left, result.stopped_by, result.complete) for result in results] == [
        (11, 14, "max_requests", False),
        (11, 3, "max_requests", False),
        (3, 0, None, True),
    ]
    assert [result.watermark for result in results] == [None, None, newest]
    columns = ("mode", "requests", "runs_fetched", "runs_pending", "stopped_by", "watermark_before", "watermark_after")
    assert log(any_warehouse, *columns) == [
        ("full", 12, 11, 14, "max_requests", None, None),
        ("full", 12, 11, 3, "max_requests", None, None),
        ("full", 4, 3, 0, None, None, newest),
    ]
    assert server.requests.counts == {"list_runs": 3, "get_run": RUNS}
    assert_holds(any_warehouse)
    assert_summaries(any_warehouse)


def test_a_budget_of_requests_holds_across_loads_and_retries(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    server = any_warehouse.server
    server.faults.set(["503:#3,4,5"])

    result = any_warehouse.sync(max_requests=15, package_runs=4, max_concurrency=1)

    assert server.requests.total == 15
    assert (result.fetched, result.retries, result.left, result.stopped_by) == (11, 3, 14, "max_requests")
    assert [fetched for (fetched,) in log(any_warehouse, "runs_fetched")] == [4, 4, 3]


def test_retries_of_many_requests_at_once_keep_to_the_budget(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    server = any_warehouse.server
    server.faults.set(["503:0.5"])

    result = any_warehouse.sync(max_requests=20)

    assert server.requests.total == 20
    assert (result.stopped_by, result.failed) == ("max_requests", 0)
    server.faults.clear()
    any_warehouse.sync()
    assert_holds(any_warehouse)


def test_rechecks_take_what_the_budget_leaves_and_hold_nothing_up(any_warehouse: AnyWarehouse) -> None:
    server = any_warehouse.server
    any_warehouse.sync()
    server.requests.reset()

    results = [any_warehouse.sync(reconcile=True, review_window_days=10_000, max_requests=11) for _ in range(3)]

    assert [(result.rechecked, result.left, result.stopped_by, result.complete) for result in results] == [
        (10, 0, None, True)
    ] * 3
    asked_for = fetched(server)
    assert Counter(Counter(asked_for).values()) == {1: 20, 2: 5}
    assert log(any_warehouse, "mode", "runs_rechecked", "runs_pending")[1:] == [("reconcile", 10, 0)] * 3
    assert any_warehouse.sync().mode == "incremental"


def test_new_runs_come_before_the_text_of_files_that_have_landed_without(any_warehouse: AnyWarehouse) -> None:
    server = any_warehouse.server
    any_warehouse.sync(file_contents="none")
    new = server.workspace.add_run(status="PROCESSED")
    server.requests.reset()

    any_warehouse.sync(file_contents="fetch", max_requests=6)

    assert fetched(server) == [new]
    assert server.requests.counts == {"list_runs": 1, "get_run": 1, "get_file": 4}


def test_a_load_by_id_leaves_files_that_have_landed_alone(any_warehouse: AnyWarehouse) -> None:
    server = any_warehouse.server
    any_warehouse.sync(file_contents="none")
    new = server.workspace.add_run(status="PROCESSED")
    server.requests.reset()

    any_warehouse.sync(run_ids=[new], file_contents="fetch")

    assert server.requests.counts == {"get_run": 1, "get_file": len(server.workspace.run_payload(new)["files"])}


def test_a_budget_of_seconds_stops_the_sync_and_repeated_syncs_finish_the_job(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = any_warehouse.server
    # a tenth of a second for each request, by a clock that no busy machine slows down
    monkeypatch.setattr(SyncProgress, "seconds", property(lambda progress: progress.requests.requests / 10))

    results = [any_warehouse.sync(max_seconds=1.15, max_concurrency=1) for _ in range(3)]

    assert [(result.fetched, result.left, result.stopped_by, result.complete) for result in results] == [
        (11, 14, "max_seconds", False),
        (11, 3, "max_seconds", False),
        (3, 0, None, True),
    ]
    assert log(any_warehouse, "runs_pending", "stopped_by") == [(14, "max_seconds"), (3, "max_seconds"), (0, None)]
    assert server.requests.counts == {"list_runs": 3, "get_run": RUNS}
    assert_holds(any_warehouse)


def test_requests_that_a_budget_has_paid_for_are_waited_for(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "STOP_GRACE_SECONDS", 0.0)

    def take_long(request: LoggedRequest) -> None:
        if request.route == "get_run":
            time.sleep(0.5)

    any_warehouse.server.before_each_request = take_long

    result = any_warehouse.sync(max_requests=4)

    assert (result.fetched, result.stopped_by) == (3, "max_requests")


def test_what_one_load_has_learned_of_the_rate_limit_holds_for_the_next(make_warehouse: MakeWarehouse) -> None:
    with SandboxServer(runs=0, rate_limit=RateLimit(20, "sliding_window")) as server:
        put_small_runs(server.workspace, 130)
        warehouse = make_warehouse(server)

        warehouse.sync(package_runs=100, requests_per_second=33)  # three refusals lead to 17/s: well below

        first, second = log(warehouse, "runs_fetched", "throttled")
        assert (first[0], *second) == (100, 30, 0)
        assert first[1] > 0


def test_a_listing_takes_no_more_than_half_of_a_budget(any_warehouse: AnyWarehouse) -> None:
    """Else a small budget would be used up by listing each time."""
    workspace = any_warehouse.server.workspace
    put_small_runs(workspace, 2000)

    result = any_warehouse.sync(max_requests=4)

    assert any_warehouse.server.requests.counts == {"list_runs": 2, "get_run": 2}
    assert (result.listed, result.fetched, result.left) == (2000, 2, 1998)
    assert result.stopped_by == "max_requests"
    assert result.watermark is None


def test_a_listing_of_what_has_landed_may_take_the_whole_budget_so_that_its_end_is_reached(
    make_warehouse: MakeWarehouse,
) -> None:
    with SandboxServer(runs=0, options=Options(largest_page=10)) as server:
        put_small_runs(server.workspace, 45)
        warehouse = make_warehouse(server)
        warehouse.sync()
        oldest, *_ = server.workspace.run_ids()
        server.workspace.put_run(small_run(oldest, status="FAILED"), updated_at=moment_of(server.workspace, oldest))
        server.requests.reset()

        result = warehouse.sync(reconcile=True, max_requests=6)

        assert server.requests.counts == {"list_runs": 5, "get_run": 1}
        assert (result.fetched, result.stopped_by) == (1, None)


# ---- packages


def test_a_load_holds_no_more_runs_than_a_package_may(any_warehouse: AnyWarehouse) -> None:
    result = any_warehouse.sync(package_runs=10)

    loads = Counter(any_warehouse.column("processor_runs", "_dlt_load_id"))
    assert loads == dict(zip(result.load_ids, (10, 10, 5), strict=True))
    assert log(any_warehouse, "load_id", "sync_id", "runs_listed", "runs_fetched", "runs_pending") == [
        (result.load_ids[0], result.load_ids[0], RUNS, 10, 15),
        (result.load_ids[1], result.load_ids[0], 0, 10, 5),
        (result.load_ids[2], result.load_ids[0], 0, 5, 0),
    ]
    first, second, third = (watermark for (watermark,) in log(any_warehouse, "watermark_after"))
    assert (first, second, third) == (None, None, result.watermark)
    assert any_warehouse.server.requests.counts == {"list_runs": 1, "get_run": RUNS}
    assert_holds(any_warehouse)


@pytest.mark.parametrize("share", [{"package_minutes": 0.4 / 60}, {"package_megabytes": 0.1}], ids=["time", "bytes"])
def test_a_load_ends_when_a_package_has_taken_its_share(any_warehouse: AnyWarehouse, share: dict[str, float]) -> None:
    any_warehouse.server.before_each_request = lambda request: time.sleep(0.03)

    result = any_warehouse.sync(**share, max_concurrency=2)

    fetched = [fetched for (fetched,) in log(any_warehouse, "runs_fetched")]
    assert len(fetched) == len(result.load_ids) > 1
    assert sum(fetched) == RUNS
    assert any_warehouse.server.requests.counts == {"list_runs": 1, "get_run": RUNS}
    assert_holds(any_warehouse)


@pytest.mark.parametrize("share", ["package_minutes", "package_megabytes"])
def test_packages_of_next_to_nothing_come_to_an_end_as_well(any_warehouse: AnyWarehouse, share: str) -> None:
    workspace = any_warehouse.server.workspace
    for run_id in workspace.run_ids()[3:]:
        workspace.delete_run(run_id)

    result = any_warehouse.sync(**{share: 1e-9}, max_concurrency=1)

    assert result.complete
    assert log(any_warehouse, "runs_fetched") == [(1,), (1,), (1,)]
    assert_holds(any_warehouse)


# ---- one sync at a time

HOLD_THE_LOCK = """
import sys, time
import dlt
from extend_source.pipeline.lock import only_sync
with only_sync(dlt.pipeline("extend", pipelines_dir=sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.core
def test_a_second_sync_in_another_thread_is_refused(any_warehouse: AnyWarehouse) -> None:
    refusals: list[BaseException] = []

    def sync_as_well(request: LoggedRequest) -> None:
        if not refusals:
            with contextlib.suppress(AssertionError), pytest.raises(SyncUnderWay) as caught:
                any_warehouse.sync()
            refusals.append(caught.value)

    any_warehouse.server.before_each_request = sync_as_well
    result = any_warehouse.sync()

    assert result.fetched == RUNS
    assert str(refusals[0]).startswith("This process is already syncing pipeline extend. Wait for it to end")
    assert any_warehouse.sync().fetched == 0


def test_a_second_sync_in_another_process_is_refused_until_the_first_is_killed(any_warehouse: AnyWarehouse) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(any_warehouse.pipelines)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"

        with pytest.raises(SyncUnderWay, match=rf"Pipeline extend is being synced by another process \({other.pid}\)"):
            any_warehouse.sync()
        sent = any_warehouse.server.requests.total
        other.send_signal(signal.SIGKILL)
        other.wait(10)
        result = any_warehouse.sync()
    finally:
        other.kill()
        other.communicate()

    assert sent == 0
    assert result.fetched == RUNS


def test_a_sync_that_fails_lets_the_next_one_in(any_warehouse: AnyWarehouse) -> None:
    with pytest.raises(Exception, match="401"):
        any_warehouse.sync(api_key="sk_sandbox_expired")

    assert any_warehouse.sync().fetched == RUNS


# ---- too many errors


def test_too_many_failures_fail_the_sync_and_what_was_loaded_stays(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, attempts=1)
    server = any_warehouse.server
    server.faults.set(["503:#2,5,8,11,14,17,20,23@run"])  # 8 of 25

    with pytest.raises(
        TooManyErrors, match=r"8 of 25 runs could not be loaded, the first one as: EXT-205: GET /processor_runs"
    ):
        any_warehouse.sync(max_error_share=0.3)

    assert any_warehouse.count("processor_runs") == 17
    assert any_warehouse.count("fetch_errors") == 8
    assert_holds(any_warehouse, run_ids=any_warehouse.column("processor_runs", "id"))
    server.faults.clear()
    server.requests.reset()
    assert any_warehouse.sync(max_error_share=0.0).complete
    assert server.requests.counts == {"list_runs": 1, "get_run": 8}
    assert any_warehouse.count("fetch_errors") == 0
    assert_holds(any_warehouse)


def test_as_many_failures_as_may_be_are_no_failure_of_the_sync(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, attempts=1)
    any_warehouse.server.faults.set(["503:#2,5,8,11,14@run"])  # 5 of 25

    result = any_warehouse.sync(max_error_share=0.2)

    assert (result.fetched, result.failed, result.complete) == (20, 5, False)


def test_too_many_failures_end_the_sync_with_the_load_in_which_they_were(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, attempts=1)
    server = any_warehouse.server
    put_small_runs(server.workspace, 60)
    server.faults.set(["503:0.9@run"])

    with pytest.raises(TooManyErrors):
        any_warehouse.sync(package_runs=20, max_concurrency=1)

    assert server.requests.counts["get_run"] == 20


def test_runs_that_fail_each_time_do_not_use_up_a_limit_of_runs(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, attempts=1)
    server = any_warehouse.server
    newest = server.workspace.run_ids()[-2:]
    server.instead = lambda request: OddAnswer(500, b"") if request.path.endswith(tuple(newest)) else None

    results = [any_warehouse.sync(max_runs=2) for _ in range(3)]

    assert [(result.fetched, result.failed) for result in results] == [(0, 2), (2, 0), (2, 0)]
    assert any_warehouse.sync().fetched == RUNS - 2 - 4
    server.instead = None
    assert any_warehouse.sync(reconcile=True, max_rechecks=0).fetched == 2


# ---- a destination that refuses a load


def test_a_load_that_the_destination_refuses_is_dropped_in_the_end_and_fetched_again(
    any_warehouse: AnyWarehouse, caplog: pytest.LogCaptureFixture
) -> None:
    server = any_warehouse.server
    any_warehouse.sync()
    changed = sorted(ids_with_status(server.workspace, "PROCESSED")[:4])
    change_runs(server.workspace, changed)
    break_table(any_warehouse)
    asked_for = []
    caplog.set_level(logging.CRITICAL, "dlt")

    # the second attempt is the first thing that the next sync does: it drops the load, and begins another one
    for _ in range(3):
        server.requests.reset()
        if len(asked_for) == 1:
            caplog.set_level(logging.ERROR, "dlt")
        with pytest.raises(PipelineStepFailed, match=r"output_format"):
            any_warehouse.sync(package_attempts=2)
        asked_for.append(sorted(fetched(server)))
    lines = [record.getMessage() for record in caplog.records if "It is dropped" in record.getMessage()]
    mend_table(any_warehouse)
    server.requests.reset()
    result = any_warehouse.sync(package_attempts=2)

    assert asked_for == [changed, changed, changed]
    assert [line.split(". The last error")[0] for line in lines] == [
        f"Load {line.split()[1]} has failed 2 times. It is dropped, and its runs will be fetched again"
        for line in lines
    ]
    assert len(lines) == 2
    assert not any_warehouse.pipeline.has_pending_data
    assert result.complete
    assert_holds(any_warehouse)
    assert_summaries(any_warehouse)


def test_a_load_that_failed_for_now_is_finished_without_fetching_anything_again(any_warehouse: AnyWarehouse) -> None:
    server = any_warehouse.server
    any_warehouse.sync()
    change_runs(server.workspace, ids_with_status(server.workspace, "PROCESSED")[:4])
    break_table(any_warehouse)
    with pytest.raises(PipelineStepFailed):
        any_warehouse.sync()
    mend_table(any_warehouse)
    server.requests.reset()

    result = any_warehouse.sync()

    assert server.requests.counts == {"list_runs": 1}
    assert (result.fetched, len(result.load_ids)) == (0, 2)
    assert last_log(any_warehouse, "mode") == ("incremental",)
    assert_holds(any_warehouse)


def test_a_destination_that_cannot_be_reached_never_costs_a_load(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = any_warehouse.server
    any_warehouse.sync()
    changed = sorted(ids_with_status(server.workspace, "PROCESSED")[:4])
    change_runs(server.workspace, changed)
    server.requests.reset()
    outage = unreachable(any_warehouse)
    normalize = dlt.Pipeline.normalize

    def cut_off_after_fetching(*arguments: Any, **named: Any) -> Any:
        monkeypatch.undo()
        outage.__enter__()
        return normalize(*arguments, **named)

    monkeypatch.setattr(dlt.Pipeline, "normalize", cut_off_after_fetching)
    # a file that is open cannot be taken away
    monkeypatch.setattr(HeldDatabase, "hold", lambda held, patience=0.0: None)
    try:
        for _ in range(3):
            with pytest.raises(PipelineStepFailed):
                AnyWarehouse.sync(any_warehouse, package_attempts=1)
            assert any_warehouse.pipeline.has_pending_data
    finally:
        outage.__exit__(None, None, None)
    result = any_warehouse.sync(package_attempts=1)

    assert sorted(fetched(server)) == changed
    assert (result.fetched, len(result.load_ids)) == (0, 2)
    assert_holds(any_warehouse)


def unreachable(warehouse: AnyWarehouse) -> AbstractContextManager[None]:
    """Let nobody connect to the destination for a while."""
    if isinstance(warehouse, PostgresWarehouse):
        return _locked_out(warehouse.uri)
    assert isinstance(warehouse, Warehouse)
    return _moved_away(warehouse)


@contextmanager
def _locked_out(uri: str) -> Iterator[None]:
    name = uri.split("?")[0].rsplit("/", 1)[1]
    with closing(psycopg2.connect(uri.replace(f"/{name}?", "/postgres?"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"alter database {name} with allow_connections false")
            cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
            yield
            cursor.execute(f"alter database {name} with allow_connections true")


@contextmanager
def _moved_away(warehouse: Warehouse) -> Iterator[None]:
    elsewhere = warehouse.database.with_suffix(".away")
    warehouse.database.rename(elsewhere)
    warehouse.database.mkdir()
    yield
    warehouse.database.rmdir()
    elsewhere.rename(warehouse.database)
