"""Which runs to fetch beside processor runs: what their list shows anew, what others name, what was left before."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from extend_source.ingest.context import SyncContext
from extend_source.ingest.fetching import Fetched
from extend_source.ingest.listings import is_filtered
from extend_source.ingest.summaries import SummaryPage
from extend_source.ingest.times import is_before, time_of
from extend_source.ingest.worklist import Reason, Wanted, Worklist
from extend_source.pipeline.landed import has_ended
from extend_source.pipeline.landed_objects import (
    LandedObject,
    erased_runs,
    is_fetched_once,
    landed_objects,
    missing_objects,
    moving_objects,
    unlisted_objects,
)
from extend_source.tables import FILLED_TABLES, fetches
from extend_source.tables.credits import named_in_costs
from extend_source.tables.kinds import to_credits
from extend_source.tables.objects import OBJECT_TYPES, RUN_TYPES

Times = tuple[datetime | None, datetime | None]
"""When an object was created and changed last."""


class ListedObjects:
    """The runs of one type that a sync is to fetch, such as parse runs; those without a list are named by others.

    One that has not ended is left until it has: it is not whole, and the list says all the rest. Where filters choose
    some runs of a workspace, only the objects that these name are fetched.

    Attributes:
        object_type: what they are, one of `RUN_TYPES`.
        moving: ids of those that were listed and had not ended.
    """

    def __init__(self, object_type: str, context: SyncContext) -> None:
        """Begin with none.

        Args:
            object_type: what they are.
            context: what the load goes by.
        """
        self.object_type = object_type
        self._landed, self._settings = context.landed, context.settings
        self._tables = FILLED_TABLES[object_type].intersection(context.selected)
        self._is_filtered = is_filtered(context.settings)
        self._named_by = OBJECT_TYPES[object_type].named_by
        self._is_fetched_once = is_fetched_once(object_type, context.settings)
        self._named: dict[str, None] = {}
        self._listed: dict[str, dict[str, Any]] = {}
        self.moving: set[str] = set()

    def listed(self, page: SummaryPage, worklist: Worklist) -> list[Wanted]:
        """Say which objects to fetch, of those that the list shows to be new or changed.

        Args:
            page: what it says of them.
            worklist: what will be fetched anyway.
        """
        summaries = page.shown if self._settings.refresh else page.fresh
        self.moving.update(each["id"] for each in summaries if not has_ended(each.get("status")))
        if self._is_filtered:  # what is known of them is needed once a run names them
            self._listed.update((each["id"], each) for each in summaries)
            return []
        watermark = None if self._landed.is_readable else worklist.before.watermark
        # where nothing can be compared, the sync before has fetched what is older
        floor = None if watermark is None else watermark - timedelta(seconds=self._settings.lookback)
        ended = {each["id"]: each for each in summaries if has_ended(each.get("status")) and not is_before(each, floor)}
        with self._landed.connected():
            erased = erased_runs(self._landed)
            known = {} if self._settings.refresh else landed_objects(self._landed, self.object_type, ended)
        differing = [
            object_id
            for object_id, summary in ended.items()
            if object_id not in erased and self._differs(summary, known.get(object_id))
        ]
        times = {object_id: _times_of(ended[object_id]) for object_id in differing}
        return list(self._wanted(worklist.not_asked(differing), "listed", times))

    def note(self, answer: Fetched[Wanted]) -> None:
        """Note the objects that another one names."""
        payload = answer.payload or {}
        member = self._named_by.get(answer.wanted.object_type)
        names = [payload.get(member)] if member else []
        if OBJECT_TYPES[self.object_type].named_in_costs:
            names += named_in_costs(self.object_type, payload.get("usage"))
        self._named.update((name, None) for name in names if isinstance(name, str) and name)

    def fresh(self, worklist: Worklist) -> list[Wanted]:
        """Say which objects to fetch, of those that others have named since the last call."""
        named, self._named = self._named, {}
        if not named:
            return []
        known = {} if self._settings.refresh else landed_objects(self._landed, self.object_type, named)
        left_out = self.moving | moving_objects(self._landed, self.object_type, named) | erased_runs(self._landed)
        ids = []
        for object_id in named:
            summary, landed = self._listed.get(object_id), known.get(object_id)
            if summary is not None:
                wanted = has_ended(summary.get("status")) and self._differs(summary, landed)
            else:
                wanted = object_id not in left_out and (landed is None or not self._is_complete(landed))
            ids += [object_id] if wanted else []
        return self._with_times(worklist.not_asked(ids), "referenced")

    def backlog(self, worklist: Worklist) -> list[Wanted]:
        """Say which objects are known and have not landed as they are now."""
        of_list = not self._is_filtered
        missing = missing_objects(self._landed, self.object_type, self._settings, self._tables, of_list=of_list)
        missing = [object_id for object_id in missing if object_id not in self.moving]
        return self._with_times(worklist.not_asked(missing), "backlog")

    def vanished(self, seen: Collection[str], worklist: Worklist) -> list[Wanted]:
        """Say which objects to ask for, as a whole listing has not shown them.

        Args:
            seen: what it has shown.
            worklist: what will be fetched anyway.
        """
        unlisted = unlisted_objects(self._landed, self.object_type, self._settings, seen)
        return self._with_times(worklist.not_asked(unlisted), "vanished")

    def _differs(self, summary: dict[str, Any], landed: LandedObject | None) -> bool:
        """Tell whether an object must be fetched, going by what the list says anew."""
        if landed is None or not self._is_complete(landed):
            return True
        if self._is_fetched_once:
            return False
        if summary.get("status") != landed.status:
            return True
        changed_at = time_of(summary)
        if landed.updated_at is None:  # fetched without the list, which alone has times
            if changed_at is not None and landed.fetched_at is not None and changed_at > landed.fetched_at:
                return True
        elif changed_at != landed.updated_at:
            return True
        usage = summary.get("usage")
        credits = usage.get("credits") if isinstance(usage, dict) else None
        try:
            return credits is not None and to_credits(credits) != landed.credits
        except ValueError:
            return False  # no figure to compare

    def _is_complete(self, landed: LandedObject) -> bool:
        return has_ended(landed.status) and self._tables <= landed.tables

    def _with_times(self, ids: list[str], reason: Reason) -> list[Wanted]:
        times = self._landed.listed_times(ids, self.object_type)
        times.update((each, _times_of(self._listed[each])) for each in ids if each in self._listed)
        return list(self._wanted(ids, reason, times))

    def _wanted(self, ids: list[str], reason: Reason, times: dict[str, Times]) -> Iterator[Wanted]:
        for object_id in ids:
            yield Wanted(object_id, reason, *times.get(object_id, (None, None)), object_type=self.object_type)


def listed_objects(context: SyncContext) -> list[ListedObjects]:
    """Name the types of runs beside processor runs that the tables to load need to be fetched."""
    return [
        ListedObjects(name, context)
        for name in RUN_TYPES
        if name != "processor_run" and fetches(name, context.selected)
    ]


def _times_of(summary: dict[str, Any]) -> Times:
    return time_of(summary, "createdAt"), time_of(summary)
