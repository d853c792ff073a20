"""A sync that finds the lists as the last one saw them, and so leaves the destination alone.

What the last sync noted says whether anything is left to do, or due. What a look at the destination alone would show,
such as a table that was dropped, is found once `quiet_log_minutes` have gone by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import dlt

from extend_source.api import ExtendClient, PagesAhead
from extend_source.config.installation import versions
from extend_source.config.settings import TELEMETRY_SETTINGS, ExtendSettings, setting_names
from extend_source.errors import ExtendError, Withdrawn
from extend_source.ingest.client import client_for, run_to_end
from extend_source.ingest.limits import Limits
from extend_source.ingest.listings import (
    MUST_NOT_BE_READ,
    REFUSED,
    Listing,
    all_listings,
    definition_listings,
    due_list,
    page_sum,
)
from extend_source.ingest.progress import SyncProgress
from extend_source.pipeline.last_scan import LastScan, is_still_true, read_last_scan, write_last_scan

_OF_REPORTS = frozenset({"prices", "credit_budget"})


def quiet_scan(
    pipeline: dlt.Pipeline, settings: ExtendSettings, progress: SyncProgress, ahead: PagesAhead
) -> LastScan | None:
    """Find out whether a sync has nothing to do.

    Args:
        pipeline: the pipeline, whose lock is held.
        settings: the settings of the source.
        progress: the counts of the sync.
        ahead: where the pages are kept for the scan that follows if something differs.

    Returns:
        What is noted of the lists; None: something has changed, or may have.
    """
    now = datetime.now(timezone.utc)
    scan = read_last_scan(pipeline) if settings.quiet_log_minutes and not settings.refresh else None
    if (
        scan is None
        or not is_still_true(scan, pipeline, described(settings), now)
        or (pages := _pages_to_read(settings, scan, now)) is None
        or not _shows_nothing_new(settings, pages, progress, ahead)
    ):
        return None
    read = {name: (now.isoformat(), total) for name, (_, total) in scan.definitions.items() if name in pages}
    scan = replace(scan, definitions={**scan.definitions, **read})
    counted = SyncProgress(requests=progress.requests)
    for object_type, rows in scan.listed.items():
        counted.found(object_type, listed=rows, known=rows)
    checked: LastScan | None = replace(scan, checked_at=now)
    if now - scan.logged_at >= timedelta(minutes=settings.quiet_log_minutes):
        from extend_source.ingest.quiet_log import logged_scan  # all that knows the tables, once an hour

        checked = logged_scan(pipeline, settings, counted, replace(scan, checked_at=now))
    if checked is None:
        return None
    progress.of, progress.rows, progress.mode = counted.of, counted.rows, "quiet"
    progress.end_listing()
    write_last_scan(pipeline, checked)
    return checked


def _pages_to_read(settings: ExtendSettings, scan: LastScan, now: datetime) -> dict[str, list[str]] | None:
    """Name the pages that the next scan reads; None: one of them is not known.

    Args:
        settings: the settings of the source.
        scan: what the last sync has left.
        now: the time, UTC.

    Returns:
        For each list the sums of its pages, and for the list of definitions that is due the sum of its first one.
    """
    if {listing.name for listing in all_listings(settings)} != scan.pages.keys():
        return None
    names = [listing.name for listing in definition_listings(settings)]
    read = {name: datetime.fromisoformat(moment) for name, (moment, _) in scan.definitions.items()}
    due = due_list(names, read, settings.definitions_minutes, now)
    if due is None:
        return scan.pages
    total = scan.definitions[due][1] if due in scan.definitions else None
    return None if total is None else {**scan.pages, due: [total]}


def _shows_nothing_new(
    settings: ExtendSettings, pages: Mapping[str, list[str]], progress: SyncProgress, ahead: PagesAhead
) -> bool:
    """Read the lists as far as the next scan would, until something differs.

    Args:
        settings: the settings of the source.
        pages: for each list the sums of the pages that the last sync saw.
        progress: the counts of the sync.
        ahead: where the pages are kept for the scan that follows if something differs.

    Returns:
        Whether all is the same. An error, or a limit that was reached, is something else.
    """
    limits = Limits(settings, progress, bounded=True)
    ahead.is_reading = True
    try:
        client = client_for(settings, progress.requests, may_send=lambda: limits.used_up is None, ahead=ahead)
        return run_to_end(_is_same(client, settings, pages))
    except (ExtendError, Withdrawn):  # the sync that follows gets the same answer
        return False
    finally:
        ahead.is_reading = False


async def _is_same(client: ExtendClient, settings: ExtendSettings, pages: Mapping[str, list[str]]) -> bool:
    known = {listing.name: listing for listing in (*all_listings(settings), *definition_listings(settings))}
    async with client:
        for name, sums in pages.items():
            listing, left = known[name], list(sums)
            if not left:
                return False
            if left == [REFUSED]:
                if not await _is_refused(client, listing):
                    return False
                continue
            async for page in client.pages(*listing):
                if page_sum(page) != left.pop(0):
                    return False
                if not left:
                    break
            if left:
                return False
    return True


async def _is_refused(client: ExtendClient, listing: Listing) -> bool:
    try:
        async for _ in client.pages(*listing):
            break
    except ExtendError as problem:
        return problem.status_code in MUST_NOT_BE_READ
    return False


def described(settings: ExtendSettings) -> dict[str, Any]:
    """Name all that a sync goes by, for a sum; the key of the API is no part of it, as the lists tell the workspace."""
    values = {
        name: getattr(settings, name)
        for name in setting_names()
        if name not in {"api_key", *_OF_REPORTS, *TELEMETRY_SETTINGS}
    }
    return {**values, "privacy": dict(settings.privacy or {}), **versions()}
