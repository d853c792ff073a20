"""What a reader of a credit report must know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from extend_source.reports.figures import Anomaly, DaySpend, MonthToDate
from extend_source.reports.grouping import parsed_thing
from extend_source.text.wording import counted, figure, rounded_credits

_STALE = timedelta(days=2)
_RECENT = timedelta(days=7)
_NOT_LISTED = "products, pages and, in API 2025-04-21, the parsing of their files are not in here"


def warnings_of(
    *,
    now: datetime,
    days: Sequence[DaySpend],
    month: MonthToDate,
    anomalies: Sequence[Anomaly],
    gaps: Sequence[tuple[str, str, int, Decimal]],
    last_day: date,
    last_sync: datetime | None,
    newest_run: datetime | None,
    undated: tuple[int, int] = (0, 0),
    priced_from: date | None = None,
    lacking: Sequence[str] = (),
) -> list[str]:
    """Put together the warnings, the weightiest first.

    Args:
        now: the time, UTC.
        days: spend by day.
        month: where the month stands.
        anomalies: unusual days.
        gaps: comparison, cause, things and gap of what the ledger and the tables do not agree on.
        last_day: the last day of the report.
        last_sync: when the last load was written.
        newest_run: when the newest run was created.
        undated: runs and files (or parse runs) of the span whose creation is not known.
        priced_from: the first day that has a price; None: there are no prices.
        lacking: tables that have not been loaded, and that the report did without.

    Returns:
        A line each.
    """
    lines = []
    if month.budget is not None and month.projected is not None and month.projected > month.budget:
        over = rounded_credits(month.projected - month.budget)
        lines.append(f"The month is heading for {rounded_credits(month.projected)} credits, {over} above the budget.")
    lines += _unknown(days)
    if priced_from is not None:
        lines += _unpriced(days, priced_from)
    lines += _undated(*undated, parsed_thing(days))
    lines += [_gap(*gap) for gap in gaps if gap[0] != "ledger_with_listing" or gap[1] != "not_listed"]
    recent = [anomaly for anomaly in anomalies if last_day - anomaly.day <= _RECENT]
    lines += [
        f"{anomaly.day}: {anomaly.processor or anomaly.processor_id or 'no processor'} spent "
        f"{rounded_credits(anomaly.credits)} credits; "
        f"the median of that weekday is {rounded_credits(anomaly.median)}."
        for anomaly in recent
    ]
    if last_sync is not None and now - last_sync > _STALE:
        lines.append(f"The last load is from {last_sync:%Y-%m-%d %H:%M} UTC: later spend is not in here.")
    if lacking:
        lines.append(f"Not loaded, so what they would say is missing: {', '.join(lacking)}.")
    newest = None if newest_run is None else newest_run.astimezone(timezone.utc).date()
    if newest is not None and last_day - newest > _RECENT:
        lines.append(f"The newest run is from {newest}: nothing has been spent since, or it has not been loaded.")
    return lines


def _unknown(days: Sequence[DaySpend]) -> list[str]:
    parts = []
    for kind, what in (("processing", "run"), ("parsing", parsed_thing(days))):
        things = sum(day.things for day in days if day.kind == kind)
        unknown = things - sum(day.known for day in days if day.kind == kind)
        if unknown:
            parts.append(f"{unknown:,} of {counted(things, what)}")
    return (
        [f"Unknown credits: {' and '.join(parts)}. The sums leave them out, so they are lower bounds."] if parts else []
    )


def _unpriced(days: Sequence[DaySpend], priced_from: date) -> list[str]:
    credits = sum((day.credits for day in days if day.credits is not None and day.day < priced_from), Decimal(0))
    return [f"{figure(credits)} credits before {priced_from} have no price."] if credits else []


def _undated(runs: int, files: int, parsed: str) -> list[str]:
    parts = [counted(number, what) for number, what in ((runs, "run"), (files, parsed)) if number]
    if not parts:
        return []
    have, are, were = ("has", "it is", "it was") if runs + files == 1 else ("have", "they are", "they were")
    return [f"{' and '.join(parts)} {have} no creation date; {are} counted on the day {were} fetched."]


def _gap(comparison: str, cause: str, things: int, gap: Decimal) -> str:
    if cause == "not_landed":
        runs = f"{counted(things, 'run')} of the listing, {figure(gap)} credits as far as known, "
        return f"{runs}{'has' if things == 1 else 'have'} not been loaded: {_NOT_LISTED}."
    other = comparison.removeprefix("ledger_with_")
    return f"The ledger and the {other} differ by {figure(gap)} credits in {counted(things, 'row')} ({cause})."
