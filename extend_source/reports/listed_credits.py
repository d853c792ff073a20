"""Credits from the listing alone: one request for a thousand runs, and nothing needs to have landed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from extend_source.config.settings import ExtendSettings
from extend_source.ingest.client import client_for, run_to_end
from extend_source.ingest.listings import listings
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.reports.figures import DaySpend
from extend_source.reports.span import resolved_span
from extend_source.tables.kinds import to_credits, to_timestamp

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True)
class ListedCredits:
    """What the listing says that runs have cost. Parsing is not in it.

    Attributes:
        at: when it was listed, UTC.
        first_day: the first day, by the creation of runs.
        last_day: the last one.
        requests: requests that it took.
        days: spend by day and processor; the listing does not say which version a run used.
        includes_parsing: False: the listing says nothing of files.
    """

    at: datetime
    first_day: date
    last_day: date
    requests: int
    days: list[DaySpend]
    includes_parsing: bool = False


def listed_credits(
    *,
    first_day: date | None = None,
    last_day: date | None = None,
    progress: SyncProgress | None = None,
    **arguments: Unpack[Arguments],
) -> ListedCredits:
    """List runs and add up their credits.

    Args:
        first_day: the first day, UTC; None: 89 days before the last one.
        last_day: the last day; None: today.
        progress: filled while it runs.
        **arguments: as for `extend_source`: key, deployment, workspace and filters.

    Returns:
        The credits by day and processor.

    Raises:
        UsageError: the first day comes after the last one, or a day is long before there was any run.
        ApiError: the API refused, or cannot be reached.
        InvalidSetting: a setting cannot work.
    """
    settings = resolved_settings(**arguments)
    counts = progress or SyncProgress()
    now = datetime.now(timezone.utc)
    first, last = resolved_span(first_day, last_day, now.date())
    days = run_to_end(_list(settings, counts, first, last))
    return ListedCredits(now, first, last, counts.requests.requests, days)


async def _list(settings: ExtendSettings, progress: SyncProgress, first: date, last: date) -> list[DaySpend]:
    """List runs by creation, newest first, down to the first day."""
    found: dict[str, tuple[date, dict[str, Any]]] = {}  # by id, as rows repeat when pages shift
    async with client_for(settings, progress.requests) as client:
        for endpoint, filters in listings(settings):
            async for page in client.pages(endpoint, filters, sort_by="createdAt", sort_dir="desc"):
                progress.listed += len(page.summaries)
                created = [(day, summary) for summary in page.summaries if (day := _day(summary)) is not None]
                found.update((summary["id"], (day, summary)) for day, summary in created if first <= day <= last)
                if any(day < first for day, _ in created):
                    break
    return _by_day(found.values())


def _day(summary: dict[str, Any]) -> date | None:
    try:
        created = to_timestamp(summary.get("createdAt"))
    except (ValueError, TypeError):
        return None
    return None if created is None else created.astimezone(timezone.utc).date()


def _credits(summary: dict[str, Any]) -> Decimal | None:
    usage = summary.get("usage")
    value = usage.get("credits") if isinstance(usage, dict) else None
    try:
        return None if value is None else to_credits(value)
    except (ValueError, TypeError):
        return None


def _by_day(runs: Iterable[tuple[date, dict[str, Any]]]) -> list[DaySpend]:
    groups: dict[tuple[date, str], list[dict[str, Any]]] = {}
    for day, summary in runs:
        groups.setdefault((day, summary.get("processorId") or ""), []).append(summary)  # "": an inline configuration
    days = []
    for (day, processor_id), summaries in sorted(groups.items(), key=lambda item: item[0]):
        known = [credits for summary in summaries if (credits := _credits(summary)) is not None]
        days.append(
            DaySpend(
                day=day,
                processor_id=processor_id or None,
                processor=summaries[0].get("processorName"),
                version_id=None,
                kind="processing",
                things=len(summaries),
                known=len(known),
                credits=sum(known, Decimal(0)) if known else None,
                processor_type=summaries[0].get("type"),
                resource_type="processor_run",
            )
        )
    return days
