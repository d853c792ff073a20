"""The runs that a sync still has to fetch, shared by its loads, and what it will know when all are done."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from extend_source.errors import ExtendError
from extend_source.ingest.limits import StoppedBy
from extend_source.ingest.state import Position, Scope

Mode = Literal["full", "incremental", "reconcile", "by_id"]
Reason = Literal["listed", "asked", "in_flight", "incomplete", "failed", "vanished", "recheck"]


class WantedRun(NamedTuple):
    """A run to fetch.

    Attributes:
        id: the run's id.
        reason: why: the listing shows it new or changed; it was asked for by id; it had not ended when it landed; rows
            of it are gone from the destination; it could not be loaded before; it is not listed any longer; nothing
            says that it has changed (recheck).
        created_at: when it was created, as the listing says; None for a run that was not listed.
        updated_at: when it changed last, as the listing says.
    """

    id: str
    reason: Reason = "asked"
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass
class Worklist:
    """The runs left to fetch, in order.

    A load takes runs and reports each one that is done; what a load took and did not do, as it ended early, is taken
    first by the next load.

    Attributes:
        mode: how the runs were found.
        scope: what the watermark holds for.
        before: the position before the sync.
        after: the position once all runs are done.
        complete: the listing was read as far as it had to be; else the position must not move.
        listing_stopped_by: why it was not; None: it was, or none was needed.
        listing_error: what went wrong with it, so that what it had shown is all there is; None: nothing did.
        held_back: the oldest change among runs that failed and may succeed later; None: there is none.
    """

    mode: Mode
    scope: Scope
    before: Position = field(default_factory=Position)
    after: Position = field(default_factory=Position)
    complete: bool = False
    listing_stopped_by: StoppedBy | None = None
    listing_error: ExtendError | None = None
    held_back: datetime | None = None
    _pending: deque[WantedRun] = field(default_factory=deque)
    _under_way: dict[str, WantedRun] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._pending) + len(self._under_way)

    def add(self, runs: Iterable[WantedRun]) -> None:
        """Add runs at the end."""
        self._pending.extend(runs)

    def take(self, most: int) -> Iterator[WantedRun]:
        """Give out runs, one for each step of the iterator.

        Args:
            most: how many at most.

        Yields:
            Runs from the front of the list.
        """
        for _ in range(most):
            if not self._pending:
                return
            run = self._pending.popleft()
            self._under_way[run.id] = run
            yield run

    def ids(self, reason: Reason) -> list[str]:
        """The runs that are left for a reason, in order."""
        return [run.id for run in self._pending if run.reason == reason]

    def done(self, run: WantedRun) -> None:
        """Strike out a run that was taken."""
        self._under_way.pop(run.id, None)

    def hold_back(self, run: WantedRun) -> None:
        """Note that a run could not be loaded for now."""
        if run.updated_at is not None:
            self.held_back = run.updated_at if self.held_back is None else min(run.updated_at, self.held_back)

    def sample(self, most: int) -> list[str]:
        """Name runs from all over the list, at even distances."""
        ids = [run.id for run in self._pending] + list(self._under_way)
        return ids[:: max(1, len(ids) // most)][:most]

    def drop_rechecks(self) -> int:
        """Strike out the rechecks if nothing else is left; return how many there were."""
        if self._under_way or any(run.reason != "recheck" for run in self._pending):
            return 0
        dropped = len(self._pending)
        self._pending.clear()
        return dropped

    def put_back(self) -> None:
        """Put the runs that were taken and not done back to the front."""
        self._pending.extendleft(reversed(self._under_way.values()))
        self._under_way.clear()

    @property
    def oldest_change(self) -> datetime | None:
        """The oldest change among the runs that are left; None: there is none."""
        times = [run.updated_at for run in (*self._pending, *self._under_way.values()) if run.updated_at is not None]
        return min(times, default=None)
