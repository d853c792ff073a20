"""Which runs need fetching: named by id, or found by comparing the listing with what has landed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dlt.common import logger

from extend_source.api import ExtendClient, InvalidRequest, RunFilters
from extend_source.config import ExtendSettings, parse_start_date
from extend_source.landed import TERMINAL_STATUSES, LandedData, LandedRun
from extend_source.progress import SyncProgress
from extend_source.tables.kinds import to_credits, to_timestamp

MAX_ID_CHARACTERS = 255


@dataclass(frozen=True)
class WantedRun:
    """A run to fetch.

    Attributes:
        id: the run's id.
        summary: the run as the listing shows it; None when it was asked for by id.
    """

    id: str
    summary: dict[str, Any] | None = None


def wanted_by_id(
    run_ids: Iterable[str], landed: LandedData, progress: SyncProgress, tables: frozenset[str], *, refresh: bool
) -> list[WantedRun]:
    """Choose which of the runs asked for need fetching.

    Args:
        run_ids: ids, in any order, repeated ones once.
        landed: what the destination holds.
        progress: where to count.
        tables: the tables to load; a run that has landed in fewer of them is fetched again.
        refresh: also fetch runs that have landed in a terminal state.

    Returns:
        The runs to fetch, in the order given.
    """
    ids = list(dict.fromkeys(run_id.strip() for run_id in run_ids))
    known = {} if refresh else landed.runs(ids)
    wanted = [WantedRun(run_id) for run_id in ids if run_id not in known or not _is_final(known[run_id], tables)]
    progress.found(listed=0, known=len(ids) - len(wanted), wanted=len(wanted))
    return wanted


async def wanted_by_listing(
    client: ExtendClient,
    settings: ExtendSettings,
    landed: LandedData,
    progress: SyncProgress,
    tables: frozenset[str],
) -> list[WantedRun]:
    """List the runs and choose those that the destination does not hold as they are now.

    The listing goes from the newest change to the oldest: a run that changes meanwhile moves to the front, so rows can
    repeat, but none is skipped. It is read to its end before anything is fetched, so page tokens stay young.

    Args:
        client: the API.
        settings: filters, start date and refresh.
        landed: what the destination holds.
        progress: where to count, and where a stop is asked for.
        tables: the tables to load; a run that has landed in fewer of them is fetched again.

    Returns:
        The runs to fetch, newest change first within each filter; after a stop, those found so far.
    """
    start = None if settings.start_date is None else parse_start_date(settings.start_date)
    seen: set[str] = set()
    wanted: list[WantedRun] = []
    for filters in listing_filters(settings):
        async for page in client.list_runs(filters, sort_by="updatedAt", sort_dir="desc"):
            recent = [summary for summary in page.summaries if start is None or not _is_before(summary, start)]
            fresh = [summary for summary in recent if _is_new(summary, seen)]
            known = {} if settings.refresh else landed.runs(summary["id"] for summary in fresh)
            changed = [summary for summary in fresh if _differs(summary, known.get(summary["id"]), tables)]
            wanted += (WantedRun(summary["id"], summary) for summary in changed)
            progress.found(listed=len(fresh), known=len(fresh) - len(changed), wanted=len(changed))
            if progress.stop_requested:
                return wanted
            if len(recent) < len(page.summaries):
                break
    return wanted


def listing_filters(settings: ExtendSettings) -> Iterator[RunFilters]:
    """Name the listings that the settings ask for: the API takes one value of each filter per request."""
    wanted = (settings.processor_ids, settings.processor_types, settings.statuses)
    choices: list[list[Any]] = [list(dict.fromkeys(values)) if values else [None] for values in wanted]
    for processor_id, processor_type, status in itertools.product(*choices):
        yield RunFilters(processor_id=processor_id, processor_type=processor_type, status=status)


def checked_run_ids(run_ids: Iterable[str]) -> list[str]:
    """Check the ids that a user gives.

    Args:
        run_ids: the ids.

    Returns:
        The ids.

    Raises:
        InvalidRequest: a lone text, or something that is no id.
    """
    if isinstance(run_ids, str):
        raise InvalidRequest(f"run_ids is one text, {run_ids[:40]!r}", "Give a list of ids: run_ids=[...]")
    ids = list(run_ids)
    for run_id in ids:
        if isinstance(run_id, str) and run_id.startswith("-"):
            raise InvalidRequest(f"{run_id[:40]!r} is an option, not a run id", "Check the command")
        if not isinstance(run_id, str) or not 0 < len(run_id.strip()) <= MAX_ID_CHARACTERS:
            raise InvalidRequest(
                f"{str(run_id)[:40]!r} is not a run id", f"Ids are texts of 1 to {MAX_ID_CHARACTERS} characters"
            )
    return ids


def _is_new(summary: dict[str, Any], seen: set[str]) -> bool:
    run_id = summary.get("id")
    if not isinstance(run_id, str):
        logger.warning("The listing has a run without an id, which cannot be fetched.")
        return False
    if run_id in seen:
        return False
    seen.add(run_id)
    return True


def _is_before(summary: dict[str, Any], start: datetime) -> bool:
    updated_at = _time_of(summary)
    return updated_at is not None and updated_at < start


def _is_final(landed: LandedRun, tables: frozenset[str]) -> bool:
    return landed.status in TERMINAL_STATUSES and landed.is_in(tables)


def _differs(summary: dict[str, Any], landed: LandedRun | None, tables: frozenset[str]) -> bool:
    """Tell whether a run has changed since it landed; a figure that the listing leaves out tells nothing."""
    if (
        landed is None
        or not landed.is_in(tables)
        or summary.get("status") != landed.status
        or _time_of(summary) != landed.updated_at
    ):
        return True
    usage = summary.get("usage")
    credits = usage.get("credits") if isinstance(usage, dict) else None
    try:
        return credits is not None and to_credits(credits) != landed.credits
    except ValueError:
        return False  # no figure to compare


def _time_of(summary: dict[str, Any]) -> datetime | None:
    try:
        return to_timestamp(summary.get("updatedAt"))
    except ValueError:
        return None
