"""How far a sync is: plain counts that the source fills and that a display or a caller reads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from extend_source.api import GENERATIONS, RequestStatistics
from extend_source.ingest.forecast import SyncForecast

LARGE_ANSWER_BYTES = 1_000_000
"""From this average on, answers are large: mostly the text of pages."""

MAX_ERRORS = 10
"""Most failures that are told one by one; all of them are in ``fetch_errors``."""


_OBJECT_TYPES = tuple(dict.fromkeys(each.object_type for every in GENERATIONS.values() for each in every))


class Typed(Protocol):
    """What says which type of objects it is."""

    @property
    def object_type(self) -> str:
        """The type."""


@dataclass
class ObjectCounts:
    """The counts of one type of objects in a sync.

    Attributes:
        listed: seen in the listing.
        known: need no fetching, as they have landed and not changed.
        wanted: to fetch.
        done: their request has ended, well or not.
        fetched: fetched, and put into rows.
        changed: of these, new ones and those that had another payload than before.
        failed: could not be loaded and went to ``fetch_errors``.
        failed_again: of these, those that had failed before.
        gone: found to be gone at the source.
        restored: written again, as rows of theirs were gone from the destination.
        rechecked: fetched although nothing said that they had changed.
        drifted: of these, those that had changed.
    """

    listed: int = 0
    known: int = 0
    wanted: int = 0
    done: int = 0
    fetched: int = 0
    changed: int = 0
    failed: int = 0
    failed_again: int = 0
    gone: int = 0
    restored: int = 0
    rechecked: int = 0
    drifted: int = 0


class _Count:
    """A count of one type of objects, under a name of its own."""

    def __init__(self, object_type: str, name: str) -> None:
        self._object_type, self._name = object_type, name

    def __get__(self, progress: SyncProgress, owner: type[SyncProgress]) -> int:
        return getattr(progress.of[self._object_type], self._name)  # type: ignore[no-any-return]

    def __set__(self, progress: SyncProgress, value: int) -> None:
        setattr(progress.of[self._object_type], self._name, value)


@dataclass
class SyncProgress:
    """The counts of one sync. One thread writes; others may read at any time.

    Attributes:
        mode: how the runs are found: full, incremental, reconcile, by_id or rebuild; empty until that is decided.
        of: the counts by type of objects. Those of runs have names of their own here (`listed`, `known`, `wanted`,
            `runs_done`, `fetched`, ...), and so have those of files (`files_wanted`, `files_done`, ...).
        counted: of what was fetched, or failed, what `max_runs` and `package_runs` count: runs, and parse runs that no
            fetched run had named.
        packages: loads begun.
        listing_done: the number of wanted runs is final.
        listed_at: when that became so, monotonic seconds; 0: not yet.
        listing_requests: requests that were sent until then.
        stop_requested: set it to end the sync early: what has been fetched is loaded, the rest is left.
        errors: the first few failures, by the id of the run or file.
        rows: rows written, by table. A table that has none may be there, too.
        requests: what went over the wire.
        started_at: monotonic seconds.
        on_forecast: called once, before anything is fetched, where a first sync takes long.
    """

    mode: str = ""
    of: dict[str, ObjectCounts] = field(default_factory=lambda: {name: ObjectCounts() for name in _OBJECT_TYPES})
    counted: int = 0
    packages: int = 0
    listing_done: bool = False
    listed_at: float = 0.0
    listing_requests: int = 0
    stop_requested: bool = False
    errors: dict[str, str] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    requests: RequestStatistics = field(default_factory=RequestStatistics)
    started_at: float = field(default_factory=time.monotonic)
    on_forecast: Callable[[SyncForecast], None] | None = None

    listed = _Count("processor_run", "listed")
    known = _Count("processor_run", "known")
    wanted = _Count("processor_run", "wanted")
    runs_done = _Count("processor_run", "done")
    fetched = _Count("processor_run", "fetched")
    changed = _Count("processor_run", "changed")
    failed = _Count("processor_run", "failed")
    failed_again = _Count("processor_run", "failed_again")
    gone = _Count("processor_run", "gone")
    restored = _Count("processor_run", "restored")
    rechecked = _Count("processor_run", "rechecked")
    drifted = _Count("processor_run", "drifted")
    files_wanted = _Count("file", "wanted")
    files_done = _Count("file", "done")
    files_fetched = _Count("file", "fetched")
    files_failed = _Count("file", "failed")

    def found(self, object_type: str, *, listed: int = 0, known: int = 0, wanted: int = 0) -> None:
        """Count what a page of the listing, or a list of ids, has brought."""
        counts = self.of[object_type]
        counts.listed += listed
        counts.known += known
        counts.wanted += wanted

    def found_each(self, wanted: Iterable[Typed]) -> None:
        """Count what is to be fetched, each by its type."""
        for one in wanted:
            self.found(one.object_type, wanted=1)

    def end_listing(self, forecast: Callable[[], SyncForecast | None] = lambda: None) -> None:
        """Note that the number of wanted runs is final, and tell how long a first sync takes."""
        if self.listing_done:
            return
        if self.on_forecast is not None and (long := forecast()) is not None:
            self.on_forecast(long)
        self.listed_at, self.listing_requests = time.monotonic(), self.requests.requests
        self.listing_done = True  # last: others read at any time

    def note_error(self, object_id: str, message: str) -> None:
        """Remember one of the first failures."""
        if len(self.errors) < MAX_ERRORS:
            self.errors[object_id] = message

    @property
    def has_large_answers(self) -> bool:
        """Tell whether what was fetched so far is large, so that a load of it takes much memory in the destination."""
        sent = self.requests
        has_fetched = any(counts.done for counts in self.of.values())
        return has_fetched and sent.bytes_decoded >= LARGE_ANSWER_BYTES * sent.requests

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
        done = sum(counts.done for counts in self.of.values())
        if not self.listing_done or not done:
            return None
        return (sum(counts.wanted for counts in self.of.values()) - done) * self.seconds / done
