"""The events that have arrived and are to be loaded: a SQLite file, which outlives every process and a power cut."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.ingest.webhook_events import WebhookEvent

KEPT = timedelta(days=7)
"""How long loaded events are remembered, so that a late second delivery is known as one."""

_VERSION = 1
_WAIT_SECONDS = 10.0
_PRIVATE = 0o600

_SCHEMA = """
    CREATE TABLE events (
        event_id TEXT PRIMARY KEY,
        event_type TEXT NOT NULL,
        object TEXT,
        object_id TEXT,
        resource_type TEXT,
        received_at REAL NOT NULL,
        loaded_at REAL
    ) WITHOUT ROWID;
    CREATE INDEX pending ON events (received_at, event_id) WHERE loaded_at IS NULL;
    CREATE INDEX loaded ON events (loaded_at) WHERE loaded_at IS NOT NULL;
    CREATE TABLE runs (
        event_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        run_id TEXT NOT NULL,
        PRIMARY KEY (event_id, position)
    ) WITHOUT ROWID;
"""

_EVENT_COLUMNS = "event_id, event_type, object, object_id, resource_type, received_at"
_PENDING = "FROM events WHERE loaded_at IS NULL"


@dataclass(frozen=True)
class Backlog:
    """What waits in a queue.

    Attributes:
        events: how many events.
        oldest_at: when the oldest of them arrived, UTC; None: there is none.
        newest_id: the id of the one that arrived last; None: there is none.
    """

    events: int
    oldest_at: datetime | None
    newest_id: str | None


class EventQueue:
    """Events by id, each noted once, until they are loaded. Threads and processes may share a file.

    Attributes:
        max_pending: the most events that may wait.
    """

    def __init__(self, path: str | Path, max_pending: int = 100_000) -> None:
        """Open a queue; the file is made where there is none, for its owner alone.

        Args:
            path: the file.
            max_pending: the most events that may wait.

        Raises:
            UsageError: the file cannot be used.
        """
        self._path, self.max_pending = Path(path), max_pending
        self._lock = threading.Lock()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, _PRIVATE))
            self._database = sqlite3.connect(
                self._path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise UsageError(
                f"The queue of events {self._path} cannot be used: {getattr(error, 'strerror', None) or error}",
                "Set queue_file under [sources.extend.listen] to a file in a folder that can be written to",
                error_code=ErrorCode.EVENT_QUEUE,
            ) from None

    def _prepare(self) -> None:
        run = self._database.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")  # what was answered with 200 is on the disk
        run("BEGIN IMMEDIATE")
        (version,) = run("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA.split(";"):
                run(statement)
            run(f"PRAGMA user_version = {_VERSION}")
        run("COMMIT")
        if version > _VERSION:
            raise sqlite3.DatabaseError("it was written by a newer version of this package")

    def put(self, events: Sequence[WebhookEvent]) -> bool:
        """Note events in one transaction; one that is known already is left as it is.

        Args:
            events: the events.

        Returns:
            Whether they are on the disk; False: too many wait already, and none of them was noted.

        Raises:
            sqlite3.Error: the file cannot be written, for example as the disk is full.
        """
        with self._lock, self._database as database:
            database.execute("BEGIN IMMEDIATE")
            (waiting,) = database.execute(f"SELECT count(*) {_PENDING}").fetchone()
            if waiting >= self.max_pending:
                return False
            for event in events:
                facts = (event.event_type, event.object, event.object_id, event.resource_type)
                noted = database.execute(
                    f"INSERT OR IGNORE INTO events ({_EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                    (event.event_id, *facts, event.received_at.timestamp()),
                )
                if noted.rowcount:
                    database.executemany(
                        "INSERT INTO runs VALUES (?, ?, ?)",
                        [(event.event_id, position, run_id) for position, run_id in enumerate(event.run_ids)],
                    )
        return True

    def pending(self, limit: int) -> list[WebhookEvent]:
        """Return events that wait, those that arrived first before others; they wait on until they are `loaded`.

        Args:
            limit: the most events.
        """
        with self._lock, self._database as database:
            database.execute("BEGIN")  # both queries are to see the same
            chosen = f"SELECT {_EVENT_COLUMNS} {_PENDING} ORDER BY received_at, event_id LIMIT ?"
            rows = database.execute(chosen, (limit,)).fetchall()
            named = f"SELECT event_id, run_id FROM ({chosen}) JOIN runs USING (event_id) ORDER BY event_id, position"
            runs: dict[str, list[str]] = {row[0]: [] for row in rows}
            for event_id, run_id in database.execute(named, (limit,)):
                runs[event_id].append(run_id)
        return [
            WebhookEvent(event_id, event_type, kind, object_id, resource_type, tuple(runs[event_id]), _time(received))
            for event_id, event_type, kind, object_id, resource_type, received in rows
        ]

    def loaded(self, event_ids: Iterable[str]) -> None:
        """Note that events have been loaded, and forget those that were so a week ago."""
        now = datetime.now(timezone.utc)
        with self._lock, self._database as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "UPDATE events SET loaded_at = ? WHERE event_id = ?", [(now.timestamp(), each) for each in event_ids]
            )
            before = ((now - KEPT).timestamp(),)
            old = "SELECT event_id FROM events WHERE loaded_at < ?"
            database.execute(f"DELETE FROM runs WHERE event_id IN ({old})", before)
            database.execute("DELETE FROM events WHERE loaded_at < ?", before)

    def backlog(self) -> Backlog:
        """Say how much waits."""
        with self._lock:
            newest = f"SELECT event_id {_PENDING} ORDER BY received_at DESC, event_id DESC LIMIT 1"
            query = f"SELECT count(*), min(received_at), ({newest}) {_PENDING}"
            events, oldest, newest_id = self._database.execute(query).fetchone()
        return Backlog(events, None if oldest is None else _time(oldest), newest_id)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def queue_file(pipelines_dir: str | Path, pipeline_name: str) -> Path:
    """Say where the events of a pipeline wait unless the setting ``queue_file`` says otherwise.

    Args:
        pipelines_dir: dlt's folder of pipelines, ``pipeline.pipelines_dir``.
        pipeline_name: the pipeline.

    Returns:
        The file, whether or not it is there.
    """
    return Path(pipelines_dir) / f"{pipeline_name}.webhooks.sqlite"


def pending_run_ids(path: str | Path, limit: int = 10_000) -> list[str]:
    """Read which runs the events in a queue ask for, such as for an orchestrator's sensor; nothing is changed.

    Args:
        path: the file of the queue; where there is none, nothing waits.
        limit: the most ids.

    Returns:
        The ids, each once, those asked for first before others.

    Raises:
        UsageError: the file is no queue of events.
    """
    if not Path(path).is_file():
        return []
    query = (
        f"SELECT run_id FROM (SELECT event_id, received_at {_PENDING}) JOIN runs USING (event_id) "
        "GROUP BY run_id ORDER BY min(received_at), run_id LIMIT ?"
    )
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS)) as database:
            return [row[0] for row in database.execute(query, (limit,))]
    except sqlite3.Error as error:
        raise UsageError(
            f"{str(path)!r} is no queue of events: {error}",
            "Name the file that extend-source listen writes",
            error_code=ErrorCode.EVENT_QUEUE,
        ) from None


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
