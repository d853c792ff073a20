"""The lists beside that of runs: what is new in them is found by comparing what they say with what has landed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from extend_source.api import ExtendClient, RunFilters, lists_of
from extend_source.config.settings import parse_start_date
from extend_source.errors import Withdrawn
from extend_source.ingest.context import SyncContext
from extend_source.ingest.limits import StoppedBy
from extend_source.ingest.listings import Listing
from extend_source.ingest.times import is_before, time_of
from extend_source.pipeline.landed import MOVING_STATUSES
from extend_source.pipeline.landed_objects import unlisted_objects
from extend_source.privacy import PrivacyRules, privacy_rules
from extend_source.tables import fetches
from extend_source.tables.credits import CREDIT_USAGE
from extend_source.tables.objects import LISTED_TYPES, OBJECT_TYPES
from extend_source.tables.payloads import payload_sha256


def summary_sums(object_type: str, summaries: Iterable[dict[str, Any]], privacy: PrivacyRules) -> dict[str, str]:
    """Sum summaries up as they land, which is without what privacy hides.

    Args:
        object_type: what they are of.
        summaries: canonical summaries.
        privacy: the rules.

    Returns:
        The SHA-256 of each, by id.
    """
    return {each["id"]: payload_sha256(privacy.clean_summary(object_type, each)) for each in summaries}


def summary_lists(context: SyncContext, selected: frozenset[str], *, reconcile: bool) -> Iterator[SummaryList]:
    """Name the lists to read beside that of runs.

    Args:
        context: what the load goes by.
        selected: the tables to load; a list that fills none of them is left out, unless it alone tells what is to be
            fetched for them.
        reconcile: read them to their ends.

    Yields:
        The lists.
    """
    for name, kind in LISTED_TYPES.items():
        has_list = name != "processor_run" and bool(lists_of(context.settings.api_version, name))
        if has_list and (kind.table.name in selected or _tells_alone(name, selected)):
            yield SummaryList(name, context, reconcile=reconcile)


def _tells_alone(name: str, selected: frozenset[str]) -> bool:
    """Tell whether some tables need objects that no other object names."""
    kind = OBJECT_TYPES.get(name)
    return kind is not None and kind.ends and not kind.named_by and fetches(name, selected)


def not_in_the_ledger(summaries: Iterable[dict[str, Any]], context: SyncContext) -> set[str]:
    """Find objects whose credits their list tells, and which the ledger does not have, or has lost.

    Args:
        summaries: what the list says of objects of one type.
        context: what the load goes by.

    Returns:
        Their ids; none where the ledger is not loaded.
    """
    if CREDIT_USAGE.name not in context.selected:
        return set()
    usages = {each["id"]: each.get("usage") for each in summaries}
    paid = {
        object_id for object_id, usage in usages.items() if isinstance(usage, dict) and usage.get("credits") is not None
    }
    return paid - {row[0] for row in context.landed.lookup(CREDIT_USAGE, ("resource_id",), paid)}


class SummaryPage(NamedTuple):
    """A page of a list.

    Attributes:
        shown: all that it has, but for what is older than the start date.
        fresh: what of it is new or has changed.
        returned: ids of what was thought to be gone.
        gone: ids of what it has no longer, where it says all there is to say of that.
    """

    shown: list[dict[str, Any]]
    fresh: list[dict[str, Any]]
    returned: list[str]
    gone: Sequence[str] = ()


class SummaryList:
    """A list, read as far as anything in it may be new.

    One that can be sorted is read from the newest change on, until a page has nothing new. One that cannot is read to
    its end, unless it proves to go from the newest object to the oldest: then it is read until a page has nothing new,
    and no object that may still move lies further back. A reconcile reads all of it. What changed last before the
    start date is left out.

    Attributes:
        object_type: what is listed.
        stopped_by: why `pages` ended before it had read what it had to; None: it has.
        seen: the ids of what it has shown so far.
        has_answered: a page of it has come.
        is_whole: it was read to its end, as it had to be.
    """

    def __init__(self, object_type: str, context: SyncContext, *, reconcile: bool) -> None:
        """Begin; nothing is sent yet.

        Args:
            object_type: what is listed, a key of `LISTED_TYPES`.
            context: what the load goes by.
            reconcile: read the whole list in any case.
        """
        self.object_type, self._context, self._reconcile = object_type, context, reconcile
        self.stopped_by: StoppedBy | None = None
        self.seen = set[str]()
        self.has_answered = self.is_whole = False
        self._privacy = privacy_rules(context.settings)
        start = context.settings.start_date
        self._start = None if start is None else parse_start_date(start)
        self._last: datetime | None = None
        self._is_newest_first = True

    async def pages(self, client: ExtendClient) -> AsyncIterator[SummaryPage]:
        """Read the list.

        Args:
            client: the API.

        Yields:
            What each page says; what is erased, or of an erased file, is left out.

        Raises:
            ExtendError: the list cannot be read; what came before can be loaded.
        """
        context, landed = self._context, self._context.landed
        lists = lists_of(context.settings.api_version, self.object_type)
        for endpoint in lists:
            table = LISTED_TYPES[self.object_type].table
            erased = landed.erased("file") | landed.erased("processor_run") | landed.erased(self.object_type)
            may_move = not endpoint.is_sortable and "status" in table.column_names
            moving = landed.oldest_moving(table, sorted(MOVING_STATUSES)) if may_move else None
            try:
                async for page in client.pages(endpoint):
                    # where the order tells, the next sync reads no further than the first page
                    is_needed = page.number == 1 or not self._is_newest_first
                    summaries = [each for each in page.summaries if isinstance(each.get("id"), str)]
                    self._note_order(summaries, "updatedAt" if endpoint.is_sortable else "createdAt")
                    self.seen.update(each["id"] for each in summaries)
                    self.has_answered = True
                    recent = [each for each in summaries if not is_before(each, self._start)]
                    shown = [each for each in recent if erased.isdisjoint((each["id"], each.get("fileId")))]
                    context.seen.note(Listing(endpoint, RunFilters()), page, shown, is_needed=is_needed)
                    fresh, returned = self._compared(shown)
                    known = 0 if context.settings.details else len(shown) - len(fresh)
                    context.progress.found(self.object_type, listed=len(summaries), known=known)
                    yield SummaryPage(shown, fresh, returned)
                    still_moves = moving is not None and (self._last is None or self._last >= moving)
                    # where nothing can be read all looks new: what changed further back, a reconcile brings
                    has_news = bool(fresh) and landed.is_readable
                    is_over = self._start is not None and self._last is not None and self._last < self._start
                    if self._is_newest_first and (is_over or not (has_news or still_moves or self._reconcile)):
                        break
                    if not page.is_last and (cut_by := context.limits.listing_stopped_by):
                        self.stopped_by = cut_by
                        return
            except Withdrawn:
                self.stopped_by = context.limits.used_up
                return
        self.is_whole = self._reconcile and bool(lists)

    def gone(self) -> list[str]:
        """Name what has landed, and the whole list has not shown, where that is known to be all there is."""
        context = self._context
        gone = unlisted_objects(context.landed, self.object_type, context.settings, self.seen)
        context.progress.of[self.object_type].gone += len(gone)
        return gone

    def _note_order(self, summaries: Sequence[dict[str, Any]], key: str) -> None:
        for summary in summaries:
            moment = time_of(summary, key)
            if moment is None:
                self._is_newest_first = False
                return
            self._is_newest_first &= self._last is None or moment <= self._last
            self._last = moment

    def _compared(self, summaries: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
        """Find what the destination does not hold as it is now, and what it takes for gone."""
        landed = self._context.landed
        sums = summary_sums(self.object_type, summaries, self._privacy)
        with landed.connected():
            known = landed.summaries(self.object_type, sums)
            returned = list(landed.tombstones(sums))
            has_credits = LISTED_TYPES[self.object_type].has_credits
            unpaid = not_in_the_ledger(summaries, self._context) if self._reconcile and has_credits else set()
        said = {object_id: summary.sha256 for object_id, summary in known.items() if object_id not in unpaid}
        return [each for each in summaries if said.get(each["id"]) != sums[each["id"]]], returned
