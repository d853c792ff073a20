"""Days added up to days, weeks or months: what the page's own script does for each choice, for pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone

from extend_source.reports.figures import CreditFigures
from extend_source.reports.grouping import SPANS, Span, start_of
from extend_source.reports.page.rows import Row

_YEAR = 365
_STEPS = {"day": 1, "week": 7, "month": 31}
"""Days from the beginning of a day, week or month to somewhere in the next one."""

MAX_DAYS = {"day": 60, "week": 400}
"""Most days of a choice that is shown by day, or by week: more would not be told apart."""

MONTH_FORM = "%b %Y"
"""How a month is written, in d3's words."""


def drawn_days(figures: CreditFigures) -> tuple[date, date]:
    """Return the days that charts show: those of the report, less years before the first spend, or to come."""
    days = [spend.day for spend in figures.days] or [figures.at.date()]
    first = max(figures.first_day, start_of(min(days), "month"))
    last = min(figures.last_day, max(figures.at.date(), *days))
    return (first, last) if first <= last else (figures.first_day, figures.first_day)


def fitting_span(first: date, last: date, finest: Span = "day") -> Span:
    """Return what days are added up to: to days where they are few, and where the page holds them one by one."""
    days = (last - first).days + 1
    fitting = next(span for span in SPANS if days <= MAX_DAYS.get(span, days))
    return max(fitting, finest, key=SPANS.index)


def bands(first: date, last: date, span: Span) -> list[str]:
    """Return the first days of all days, weeks or months of a choice, also of those without spend."""
    found, day = [], start_of(first, span)
    while day <= last:
        found.append(day.isoformat())
        day = start_of(day + timedelta(days=_STEPS[span]), span)
    return found


def band_form(first: date, last: date, span: Span) -> str:
    """Return how the first days of days, weeks or months are written, in d3's words: with the year where need be."""
    if span == "month":
        return MONTH_FORM
    return "%-d %b" if (last - first).days < _YEAR else "%-d %b %Y"


def middles(first: date, last: date) -> list[int]:
    """Return the middle of each month of a choice, where its name is written, in milliseconds."""
    end, found = last + timedelta(days=1), []
    for month in bands(first, last, "month"):
        start = date.fromisoformat(month)
        until = start_of(start + timedelta(days=31), "month")
        found.append((_milliseconds(max(start, first)) + _milliseconds(min(until, end))) // 2)
    return found


def bucketed(rows: Iterable[Row], span: Span, first: date, last: date) -> list[Row]:
    """Add up rows of days by day, week or month of a choice, and by the colour of their processor."""
    groups: dict[tuple[str, int, str], list[Row]] = defaultdict(list)
    for row in rows:
        start = start_of(date.fromisoformat(row["day"]), span)
        groups[start.isoformat(), row["rank"], row["group"]].append(row)
    return [
        {
            "bucket": bucket,
            "first": max(bucket, first.isoformat()),
            "last": min(_last_of(date.fromisoformat(bucket), span), last).isoformat(),
            "group": group,
            "rank": rank,
            **_sums(parts),
        }
        for (bucket, rank, group), parts in sorted(groups.items())
    ]


def _last_of(start: date, span: Span) -> date:
    return start_of(start + timedelta(days=_STEPS[span]), span) - timedelta(days=1)


def _sums(parts: list[Row]) -> Row:
    known = [row["credits"] for row in parts if row["credits"] is not None]
    is_priced = all(row.get("cost") is not None for row in parts if row["credits"])
    costs = [row["cost"] for row in parts if row.get("cost") is not None]
    return {
        "credits": sum(known) if known else None,
        "cost": sum(costs) if costs and is_priced else None,
        "unknown": sum(row["unknown"] for row in parts),
    }


def _milliseconds(day: date) -> int:
    return int(datetime.combine(day, time(), timezone.utc).timestamp()) * 1000
