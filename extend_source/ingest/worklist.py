"""What a sync still has to fetch, shared by its loads, and what it will know when all is done."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from extend_source.config.settings import ExtendSettings
from extend_source.errors import ExtendError
from extend_source.ingest.forecast import SyncForecast, forecast_of
from extend_source.ingest.limits import StoppedBy
from extend_source.ingest.state import Position, Scope
from extend_source.tables.objects import OBJECT_TYPES, RUN_TYPES

_TURNS = range(1 + max(kind.turn for kind in OBJECT_TYPES.values()))

Mode = Literal["full", "incremental", "reconcile", "by_id", "quiet"]
Reason = Literal[
    "listed", "asked", "in_flight", "incomplete", "failed", "vanished", "recheck", "referenced", "backlog", "carried"
]


class Wanted(NamedTuple):
    """An object to fetch.

    Attributes:
        id: the object's id.
        reason: why: the listing shows it new or changed; it was asked for by id; it had not ended when it landed; rows
            of it are gone from the destination; it could not be loaded before; it is not listed any longer; nothing
            says that it has changed (recheck); an object that was just fetched names it; it landed without its text,
            or is known and has not landed (backlog); it came whole with another object (carried).
        created_at: when it was created, as the listing says; None for what was not listed.
        updated_at: when it changed last, as the listing says.
        object_type: what it is, a key of `OBJECT_TYPES`.
        run_type: the type of a run, or of a processor, where that is known.
        is_final: what names it has ended, so that nothing more will be added to it.
        parent: the id of what it is a part of; empty: it is none.
        row: what its list says of it, where there is no GET of one.
    """

    id: str
    reason: Reason = "asked"
    created_at: datetime | None = None
    updated_at: datetime | None = None
    object_type: str = "processor_run"
    run_type: str | None = None
    is_final: bool = True
    parent: str = ""
    row: dict[str, Any] | None = None

    @property
    def counts(self) -> bool:
        """It is a run that no other one has named: these are what `max_runs` and `package_runs` count."""
        return self.object_type in RUN_TYPES and self.reason != "referenced"


@dataclass
class Worklist:
    """What is left to fetch: runs, the files whose text is wanted, and so on, in three turns.

    Workflow runs come first, as they bring other runs whole, and processors and workflows last, once all their versions
    are there. Nothing of a turn is given out while anything of the one before is left. A load takes some and reports
    each one that is done; what a load took and did not do, as it ended early, is taken first by the next load.

    Attributes:
        mode: how the runs were found.
        scope: what the watermark holds for.
        before: the position before the sync.
        after: the position once all runs are done.
        complete: the listing was read as far as it had to be; else the position must not move.
        listing_stopped_by: why it was not; None: it was, or none was needed.
        listing_error: what went wrong with it, so that what it had shown is all there is; None: nothing did.
        held_back: the oldest change among runs that failed and may succeed later; None: there is none.
        lacks_rows: rows of some objects are gone from the destination, which the loads of this sync bring back.
    """

    mode: Mode
    scope: Scope
    before: Position = field(default_factory=Position)
    after: Position = field(default_factory=Position)
    complete: bool = False
    listing_stopped_by: StoppedBy | None = None
    listing_error: ExtendError | None = None
    held_back: datetime | None = None
    lacks_rows: bool = False
    _pending: tuple[OrderedDict[str, Wanted], ...] = field(default_factory=lambda: tuple(OrderedDict() for _ in _TURNS))
    _under_way: dict[str, Wanted] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return sum(map(len, self._pending)) + len(self._under_way)

    @property
    def runs_left(self) -> int:
        """How many runs, processors and so on are left: all but files."""
        return sum(one.object_type != "file" for one in self.left())

    def left(self) -> Iterator[Wanted]:
        """Yield what is left, in no order."""
        for pending in self._pending:
            yield from pending.values()
        yield from self._under_way.values()

    def add(self, wanted: Iterable[Wanted]) -> None:
        """Add objects at the end."""
        for one in wanted:
            self._turn_of(one)[one.id] = one

    def add_first(self, wanted: Iterable[Wanted]) -> None:
        """Add objects that belong to what was just fetched, so that they land with it."""
        for one in wanted:
            self._turn_of(one)[one.id] = one
            self._turn_of(one).move_to_end(one.id, last=False)

    def strike(self, object_id: str) -> Wanted | None:
        """Strike out what has come with another object, or must not be fetched now; None: it was not to be fetched."""
        found = (pending.pop(object_id, None) for pending in self._pending)
        return next((one for one in found if one is not None), None)

    def _turn_of(self, wanted: Wanted) -> OrderedDict[str, Wanted]:
        return self._pending[OBJECT_TYPES[wanted.object_type].turn]

    def not_asked(self, ids: Iterable[str]) -> list[str]:
        """Note which objects are asked for; return those that were not before, each once."""
        fresh = [object_id for object_id in dict.fromkeys(ids) if object_id not in self._asked]
        self._asked.update(fresh)
        return fresh

    def take(self, most: int) -> Iterator[Wanted]:
        """Give out objects of one turn, one for each step of the iterator.

        Args:
            most: how many runs at most; those that another one names do not count.

        Yields:
            Objects from the front of the list.
        """
        pending = next(filter(None, self._pending), None)
        while pending:
            wanted = next(iter(pending.values()))
            if wanted.counts and most <= 0:
                return
            del pending[wanted.id]
            most -= wanted.counts
            self._under_way[wanted.id] = wanted
            yield wanted

    def has_next(self, most: int) -> bool:
        """Tell whether `take` would give anything out."""
        pending = next(filter(None, self._pending), None)
        return pending is not None and (most > 0 or not next(iter(pending.values())).counts)

    def ids(self, reason: Reason) -> list[str]:
        """What is left for a reason, in order."""
        return [one.id for pending in self._pending for one in pending.values() if one.reason == reason]

    def done(self, wanted: Wanted) -> None:
        """Strike out what was taken."""
        self._under_way.pop(wanted.id, None)

    def hold_back(self, run: Wanted) -> None:
        """Note that a run could not be loaded for now."""
        if run.updated_at is not None:
            self.held_back = run.updated_at if self.held_back is None else min(run.updated_at, self.held_back)

    def note_read(self, lists: Iterable[str], now: datetime) -> None:
        """Note which lists of processors and workflows were read, for when all that they have shown is fetched."""
        read = {**self.after.lists_read, **dict.fromkeys(lists, now)}
        self.after = replace(self.after, lists_read=read)

    def sample(self, object_type: str, run_type: str, most: int) -> list[str]:
        """Name objects from all over the list, at even distances.

        Args:
            object_type: what they are.
            run_type: the type of runs; empty: any.
            most: how many at most.
        """
        ids = [one.id for one in self.left() if one.object_type == object_type and run_type in ("", one.run_type)]
        return ids[:: max(1, len(ids) // most)][:most]

    def forecast(self, settings: ExtendSettings, requests: int) -> SyncForecast | None:
        """Say how long a first sync takes; None: it is none, or not long.

        Args:
            settings: the settings.
            requests: the requests that the sync will send after the listing.
        """
        if self.mode != "full" or self.before.watermark is not None:
            return None
        runs = [one.updated_at for one in self.left() if one.object_type == "processor_run"]
        return forecast_of(settings, runs, requests)

    def drop_rechecks(self) -> int:
        """Strike out the rechecks if no other run is left; return how many there were."""
        runs = [one.reason for one in self.left() if one.object_type == "processor_run"]
        if self._under_way or any(reason != "recheck" for reason in runs):
            return 0
        for run_id in self.ids("recheck"):
            self.strike(run_id)
        return len(runs)

    def put_back(self) -> None:
        """Put what was taken and not done back to the front."""
        self.add_first(reversed(self._under_way.values()))
        self._under_way.clear()

    @property
    def oldest_change(self) -> datetime | None:
        """The oldest change among the runs that are left; None: there is none."""
        return min((one.updated_at for one in self.left() if one.updated_at is not None), default=None)
