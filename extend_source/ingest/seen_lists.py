"""What a sync has seen of the lists, as far as the next one will read them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from extend_source.api import DEFINITIONS, RunPage
from extend_source.ingest.fetching import Fetched
from extend_source.ingest.listings import REFUSED, Listing, page_sum
from extend_source.ingest.times import time_of
from extend_source.ingest.worklist import Reason, Wanted
from extend_source.pipeline.landed import has_ended
from extend_source.tables.objects import RUN_TYPES

_MAY_STAY: frozenset[Reason] = frozenset({"incomplete", "backlog"})
"""Reasons to fetch an object that its being fetched need not end."""


class _SeenPage(NamedTuple):
    sum: str
    oldest: datetime | None
    rows: int
    landing: list[datetime | None]

    def reaches_below(self, floor: datetime | None) -> bool:
        return floor is not None and self.oldest is not None and self.oldest < floor


class SeenLists:
    """The pages that a scan has read, and whether anything of what it saw may move without a trace in them.

    Attributes:
        is_settled: the next sync will find nothing to do if these pages stay as they are; as far as is known.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.is_settled = True
        self._pages: dict[str, list[_SeenPage]] = {}
        self._types: dict[str, str] = {}
        self._definitions: dict[str, str] = {}
        self._left_out: set[str] = set()

    def note(
        self,
        listing: Listing,
        page: RunPage,
        recent: Iterable[dict[str, Any]],
        left_out: Collection[str] = (),
        *,
        floor: datetime | None = None,
        is_needed: bool = True,
    ) -> None:
        """Note a page.

        Args:
            listing: what it is of.
            page: what it shows.
            recent: what of that lands.
            left_out: ids of what does not land for all that.
            floor: the next scan reads no further than a page that reaches below this change.
            is_needed: it may read this one.
        """
        of_runs = listing.endpoint.object_type in RUN_TYPES
        if of_runs and any(not has_ended(summary.get("status")) for summary in page.summaries):
            self.is_settled = False
        pages = self._pages.setdefault(listing.name, [])
        self._types[listing.name] = listing.endpoint.object_type
        if not is_needed or (pages and pages[-1].reaches_below(floor)):
            self._left_out.add(listing.name)
        elif listing.name in self._left_out:
            self.is_settled = False
        else:
            oldest = min((time for time in map(time_of, page.summaries) if time is not None), default=None)
            landing = [time_of(one) for one in recent if isinstance(one.get("id"), str) and one["id"] not in left_out]
            pages.append(_SeenPage(page_sum(page), oldest, len(page.summaries), landing))

    def note_definitions(self, listing: Listing, page: RunPage) -> None:
        """Note the first page of a list that is read now and then."""
        self._definitions[listing.name] = page_sum(page)

    def note_refused(self, listing: Listing) -> None:
        """Note a list that the key must not read."""
        if listing.endpoint.object_type in DEFINITIONS:
            self._definitions[listing.name] = REFUSED
        else:
            self._types[listing.name] = listing.endpoint.object_type
            self._pages[listing.name] = [_SeenPage(REFUSED, None, 0, [])]

    @property
    def definitions(self) -> dict[str, str]:
        """The sums of these pages, by the name of the listing."""
        return dict(self._definitions)

    def note_answer(self, answer: Fetched[Wanted]) -> None:
        """Note what has come of an object that was fetched."""
        wanted, payload = answer.wanted, answer.payload
        is_run = wanted.object_type in RUN_TYPES
        moves = is_run and payload is not None and not has_ended(payload.get("status"))
        has_failed = payload is None and wanted.object_type != "file"
        if moves or has_failed or wanted.reason in _MAY_STAY:
            self.is_settled = False

    def pages(self, floor: datetime | None) -> dict[str, list[str]]:
        """Return the sums of the pages that the next scan reads, by the name of the listing.

        Args:
            floor: it reads runs down to this change; None: all of them.
        """
        return {name: [page.sum for page in self._read_next(name, floor)] for name in self._pages}

    def listed(self, floor: datetime | None) -> dict[str, int]:
        """Return how many objects these pages have, by their type."""
        found: dict[str, int] = {}
        for name, object_type in self._types.items():
            rows = sum(page.rows for page in self._read_next(name, floor))
            found[object_type] = found.get(object_type, 0) + rows
        return found

    def landed(self, floor: datetime | None) -> dict[str, int]:
        """Return how many objects of these pages the destination must have, by their type; of runs, changed since."""
        found: dict[str, int] = {}
        for name, object_type in self._types.items():
            since = floor if object_type == "processor_run" else None
            times = (time for page in self._read_next(name, floor) for time in page.landing)
            rows = sum(since is None or (time is not None and time >= since) for time in times)
            found[object_type] = found.get(object_type, 0) + rows
        return found

    def _read_next(self, name: str, floor: datetime | None) -> list[_SeenPage]:
        if self._types[name] != "processor_run":
            return self._pages[name]
        pages = self._pages[name]
        return pages[: next((n for n, page in enumerate(pages, 1) if page.reaches_below(floor)), len(pages))]
