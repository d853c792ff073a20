"""Loads what the events in a queue name, batch after batch, and now and then all that a listing shows."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import dlt

from extend_source.error_codes import ErrorCode
from extend_source.errors import SyncUnderWay, extend_error_in
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import resolved_settings
from extend_source.ingest.webhook_events import WebhookEvent
from extend_source.integrations.webhooks.queue import EventQueue
from extend_source.operations.sync import sync
from extend_source.operations.webhook_events import EventsResult, load_events
from extend_source.text.wording import counted

POLL_SECONDS = 0.5
"""How often the queue is looked at while it is empty; another process may fill it."""

MIN_BATCH, MAX_BATCH = 50, 2_000
"""Events of a batch: few while the queue is emptied by each, so that rows come early; else twice as many each time."""

LOCKED_SECONDS = 2.0
"""How long another sync of the pipeline is waited for before the next try."""

SYNC_SECONDS = 600.0
"""The longest time of fetching in one sync by listing: then come the events that wait, and after them its next part."""

_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds until the next try, by how often in a row it has failed; the last one from there on."""


class Worker:
    """Takes events from a queue until it is told to stop. An event leaves the queue once all that it names has landed.

    Attributes:
        said_of_other_versions: it has been said that events are of another version of the API than the dataset.
    """

    def __init__(
        self,
        pipeline: dlt.Pipeline,
        queue: EventQueue,
        arguments: dict[str, Any],
        stopped: threading.Event,
        *,
        say: Callable[[str], None],
        explain: Callable[[BaseException], str],
        sync_seconds: float | None = None,
    ) -> None:
        """Prepare to load; nothing is done yet.

        Args:
            pipeline: the pipeline.
            queue: the events.
            arguments: settings by name, as for `sync`.
            stopped: ends it once it is set.
            say: is told in one line what was done.
            explain: says in one line what went wrong.
            sync_seconds: how often to sync by listing as well, in seconds; None: someone else does.
        """
        self._pipeline, self._queue, self._arguments = pipeline, queue, arguments
        self._say, self._explain, self._sync_seconds = say, explain, sync_seconds
        self._progress = SyncProgress()
        self._stopped = stopped
        self._limit = MIN_BATCH
        self._failures = 0
        self._sync_due = time.monotonic()
        self.said_of_other_versions = False

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End soon: what has been fetched is loaded, the rest stays in the queue."""
        self._stopped.set()
        self._progress.stop_requested = True

    def run(self, still_wanted: Callable[[], bool] = lambda: True) -> None:
        """Load until it is told to stop.

        Args:
            still_wanted: asked between batches; False ends it as well.
        """
        while not self.is_stopping and still_wanted():
            self._stopped.wait(self.step())

    def step(self) -> float:
        """Load one batch, or sync where that is due.

        Returns:
            Seconds to wait until the next step.
        """
        syncs = False
        try:
            events = self._queue.pending(self._limit)
            # events come first, but not for ever
            syncs = self._is_sync_due(late_by=self._sync_seconds or 0.0 if events else 0.0)
            if syncs:
                return self._sync()
            if events:
                return self._load(events)
            self._limit = MIN_BATCH
            return POLL_SECONDS
        except (Exception, KeyboardInterrupt) as failure:
            if isinstance(extend_error_in(failure), SyncUnderWay):
                return LOCKED_SECONDS  # nothing is lost: the events wait, and the sync that is due comes again
            if self.is_stopping:
                return 0.0
            return self._wait_after(failure, syncs=syncs)

    def _wait_after(self, failure: BaseException, *, syncs: bool) -> float:
        """Say what went wrong, and when it is tried again; a listing that fails does not keep events waiting."""
        reason = "The queue cannot be read." if isinstance(failure, sqlite3.Error) else self._explain(failure)
        if syncs:
            self._say(f"{reason} Syncing again in {_WAITS[-1]:g} s.")
            return 0.0
        wait = _WAITS[min(self._failures, len(_WAITS) - 1)]
        self._failures += 1
        self._say(f"{reason} Trying again in {wait:g} s; the events wait.")
        return wait

    def _load(self, events: Sequence[WebhookEvent]) -> float:
        self._begin()
        result = load_events(self._pipeline, events, progress=self._progress, **self._arguments)
        if result.stopped_by is None:
            self._queue.loaded(event.event_id for event in events)
        self._failures = 0
        backlog = self._queue.backlog()
        self._limit = min(2 * self._limit, MAX_BATCH) if backlog.events > self._limit else MIN_BATCH
        self._say(_summary(result, backlog.events))
        self._warn_of_other_versions(result)
        if result.stopped_by is not None and not self.is_stopping:
            return POLL_SECONDS  # a limit of the user's: what has landed is not fetched again
        return 0.0

    def _sync(self) -> float:
        self._begin()
        self._sync_due = time.monotonic() + _WAITS[-1]  # if it fails
        own_limit = resolved_settings(needs_rules=False, **self._arguments).max_seconds or SYNC_SECONDS
        arguments = {**self._arguments, "max_seconds": min(own_limit, SYNC_SECONDS)}
        result = sync(self._pipeline, progress=self._progress, **arguments)
        is_part = result.stopped_by == "max_seconds" and own_limit >= SYNC_SECONDS
        self._sync_due = time.monotonic() + (0.0 if is_part else self._sync_seconds or 0.0)
        if result.mode != "quiet":
            self._say(
                f"sync: {counted(result.fetched, 'run')} fetched, {result.failed:,} failed in {result.seconds:.1f} s"
            )
        return 0.0

    def _is_sync_due(self, *, late_by: float) -> bool:
        return self._sync_seconds is not None and time.monotonic() >= self._sync_due + late_by

    def _begin(self) -> None:
        self._progress = SyncProgress()
        self._progress.stop_requested = self.is_stopping  # it may have been said just before

    def _warn_of_other_versions(self, result: EventsResult) -> None:
        if result.of_another_version and not self.said_of_other_versions:
            self.said_of_other_versions = True
            line = (
                f"events name {counted(result.of_another_version, 'run')} of the other version of the API than "
                "api_version: kept as events, not loaded. Make the endpoint in the version of the dataset."
            )
            self._say(ErrorCode.OTHER_EVENTS.line(line))


def _summary(result: EventsResult, waiting: int) -> str:
    parts = [
        f"{counted(result.events, 'event')}: {counted(result.fetched, 'run')} fetched",
        f"{result.known:,} known",
        f"{result.failed:,} failed in {result.seconds:.1f} s",
        f"{counted(waiting, 'event')} waiting",
    ]
    if result.left_out:
        parts.insert(2, f"{result.left_out:,} left out by filters")
    return ", ".join(parts if result.stopped_by is None else [*parts, f"stopped by {result.stopped_by}"])
