"""The queue of events: each noted once, kept until it is loaded, by however many threads and processes."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import time_machine

from extend_source import UsageError
from extend_source.ingest.webhook_events import WebhookEvent
from extend_source.integrations.webhooks import EventQueue, pending_run_ids
from extend_source.integrations.webhooks.queue import KEPT, Backlog

NOON = datetime(2026, 2, 2, 12, tzinfo=timezone.utc)


def event(number: int, *run_ids: str) -> WebhookEvent:
    ids = run_ids or (f"dpr_{number}",)
    received = NOON + timedelta(seconds=number)
    return WebhookEvent(
        f"evt_{number}", "processor_run.processed", "processor_run", ids[0], "processor_run", ids, received
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "events.sqlite"


def test_events_come_back_as_they_were_the_first_to_arrive_first(path: Path):
    with closing(EventQueue(path)) as queue:
        assert queue.put([event(2, "dpr_b", "dpr_a"), event(1)])
        assert queue.pending(10) == [event(1), event(2, "dpr_b", "dpr_a")]
        assert queue.pending(1) == [event(1)]
        assert queue.backlog() == Backlog(2, NOON + timedelta(seconds=1), "evt_2")


def test_an_event_is_noted_once_also_when_it_comes_again_after_it_was_loaded(path: Path):
    with closing(EventQueue(path)) as queue:
        queue.put([event(1)])
        queue.put([replace(event(1), received_at=NOON + timedelta(hours=1))])
        assert queue.pending(10) == [event(1)]
        queue.loaded(["evt_1"])
        queue.put([event(1)])
        assert queue.pending(10) == []
        assert queue.backlog() == Backlog(0, None, None)


def test_what_was_noted_is_there_after_the_process_was_killed(path: Path):
    program = (
        "import os, signal, sys\n"
        "from tests.webhooks.test_queue import event\n"
        "from extend_source.integrations.webhooks import EventQueue\n"
        "EventQueue(sys.argv[1]).put([event(1), event(2)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parent.parent.parent
    killed = subprocess.run([sys.executable, "-c", program, str(path)], cwd=root, check=False)
    assert killed.returncode == -9
    with closing(EventQueue(path)) as queue:
        assert queue.pending(10) == [event(1), event(2)]


def test_a_full_queue_takes_nothing_until_something_is_loaded(path: Path):
    with closing(EventQueue(path, max_pending=2)) as queue:
        assert queue.put([event(1), event(2)])
        assert not queue.put([event(3)])
        assert queue.pending(10) == [event(1), event(2)]
        queue.loaded(["evt_1"])
        assert queue.put([event(3)])
        assert queue.pending(10) == [event(2), event(3)]


def test_loaded_events_are_forgotten_after_a_week(path: Path):
    with closing(EventQueue(path)) as queue:
        with time_machine.travel(NOON, tick=False):
            queue.put([event(1), event(2)])
            queue.loaded(["evt_1"])
        with time_machine.travel(NOON + KEPT + timedelta(seconds=1), tick=False):
            queue.loaded(["evt_2"])
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT event_id FROM events").fetchall() == [("evt_2",)]
        assert database.execute("SELECT event_id, run_id FROM runs").fetchall() == [("evt_2", "dpr_2")]


def test_threads_may_note_the_same_events_at_once(path: Path):
    with closing(EventQueue(path)) as one, closing(EventQueue(path)) as other:
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(queue.put, [event(number)]) for number in range(100) for queue in (one, other, one)]
            assert all(job.result() for job in jobs)
        assert one.pending(1_000) == [event(number) for number in range(100)]


def test_a_sensor_reads_the_ids_that_wait_each_once(path: Path):
    assert pending_run_ids(path) == []
    with closing(EventQueue(path)) as queue:
        queue.put([event(1, "dpr_b"), event(2, "dpr_a", "dpr_b"), event(3, "dpr_c")])
        assert pending_run_ids(path) == ["dpr_b", "dpr_a", "dpr_c"]
        assert pending_run_ids(path, limit=2) == ["dpr_b", "dpr_a"]
        queue.loaded(["evt_1", "evt_3"])
        assert pending_run_ids(path) == ["dpr_a", "dpr_b"]


def test_the_file_is_its_owners_alone(path: Path):
    with closing(EventQueue(path)) as queue:
        queue.put([event(1)])
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("events.sqlite*")} == {0o600}


@pytest.mark.parametrize("reads", [EventQueue, pending_run_ids])
def test_a_file_that_is_no_queue_is_refused_in_one_line(reads, path: Path):
    path.parent.mkdir()
    path.write_text("no database, but quite long enough to be taken for one")
    with pytest.raises(
        UsageError, match=r"^The queue of events .*events.sqlite|^'.*' is no queue of events"
    ) as refused:
        reads(path)
    assert refused.value.error_code == "EXT-118"
    assert "\n" not in str(refused.value)


def test_a_queue_of_a_newer_version_is_left_alone(path: Path):
    EventQueue(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 2")
    with pytest.raises(UsageError, match="it was written by a newer version"):
        EventQueue(path)
