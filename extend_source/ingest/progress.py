"""How far a sync is: plain counts that the source fills and that a display or a caller reads."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from extend_source.api import RequestStatistics

MAX_ERRORS = 10
"""Most failures that are told one by one; all of them are in ``fetch_errors``."""


@dataclass
class SyncProgress:
    """The counts of one sync. One thread writes; others may read at any time.

    Attributes:
        mode: how the runs are found: full, incremental, reconcile, by_id or rebuild; empty until that is decided.
        listed: runs seen in the listing.
        known: runs that need no fetching, as they have landed and not changed.
        wanted: runs to fetch.
        runs_done: runs whose request has ended, well or not.
        fetched: runs fetched.
        changed: of these, runs that were new or had another payload than before.
        failed: runs that could not be loaded and went to ``fetch_errors``.
        failed_again: of these, runs that had failed before.
        gone: runs that were found to be gone at the source.
        restored: runs written again, as rows of theirs were gone from the destination.
        rechecked: runs fetched although nothing said that they had changed.
        drifted: of these, runs that had changed.
        files_wanted: files whose contents are to be fetched.
        files_done: files whose request has ended, well or not.
        files_fetched: files whose contents were fetched.
        files_failed: files whose contents could not be fetched.
        packages: loads begun.
        listing_done: the number of wanted runs is final.
        stop_requested: set it to end the sync early: what has been fetched is loaded, the rest is left.
        errors: the first few failures, by the id of the run or file.
        requests: what went over the wire.
        started_at: monotonic seconds.
    """

    mode: str = ""
    listed: int = 0
    known: int = 0
    wanted: int = 0
    runs_done: int = 0
    fetched: int = 0
    changed: int = 0
    failed: int = 0
    failed_again: int = 0
    gone: int = 0
    restored: int = 0
    rechecked: int = 0
    drifted: int = 0
    files_wanted: int = 0
    files_done: int = 0
    files_fetched: int = 0
    files_failed: int = 0
    packages: int = 0
    listing_done: bool = False
    stop_requested: bool = False
    errors: dict[str, str] = field(default_factory=dict)
    requests: RequestStatistics = field(default_factory=RequestStatistics)
    started_at: float = field(default_factory=time.monotonic)

    def found(self, *, listed: int = 0, known: int = 0, wanted: int = 0) -> None:
        """Count what a page of the listing, or a list of ids, has brought."""
        self.listed += listed
        self.known += known
        self.wanted += wanted

    def note_error(self, object_id: str, message: str) -> None:
        """Remember one of the first failures."""
        if len(self.errors) < MAX_ERRORS:
            self.errors[object_id] = message

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started_at

    @property
    def requests_per_second(self) -> float:
        """Requests sent per second so far."""
        return self.requests.requests / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds left at the speed so far; None until it is known."""
        done = self.runs_done + self.files_done
        if not self.listing_done or not done:
            return None
        return (self.wanted + self.files_wanted - done) * self.seconds / done
