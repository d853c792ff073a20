"""Spend by day, week, month, processor, version or type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, Protocol, get_args

from extend_source.reports.figures import DaySpend

By = Literal["day", "week", "month", "processor", "version", "type"]
BY: tuple[By, ...] = get_args(By)

Span = Literal["day", "week", "month"]
SPANS: tuple[Span, ...] = get_args(Span)

WITHOUT_RUN = "files without a run"


@dataclass(frozen=True)
class Spend:
    """What one day, one processor, ... has spent.

    Attributes:
        group: the day (of a week the Monday, of a month the first), the processor's or version's id, or the type;
            None: unknown, for example of files that no run uses, or of runs without a processor.
        name: how people call it.
        runs: runs.
        files: files or parse runs, each where it was used first; None: they are left out, as is parsing.
        unknown: things whose credits are unknown.
        processing: credits of the runs; None: all are unknown, as are the next ones.
        parsing: credits of the files or parse runs.
        credits: all of them.
        cost: what they cost at list price; None: unknown, or some of them have no price.
        other: credits of what is neither, such as edit runs.
    """

    group: str | None
    name: str
    runs: int
    files: int | None
    unknown: int
    processing: Decimal | None
    parsing: Decimal | None
    credits: Decimal | None
    cost: Decimal | None
    other: Decimal | None


def spend_by(days: Iterable[DaySpend], by: By, *, includes_parsing: bool = True) -> list[Spend]:
    """Add up spend by group.

    Args:
        days: spend by day, processor version and kind.
        by: what makes a group.
        includes_parsing: whether files are in it; without, nothing is known of them.

    Returns:
        The groups: in time from the first to the last, others by their credits from most to least.
    """
    groups: dict[tuple[str | None, ...], list[DaySpend]] = {}
    for day in sorted(days, key=lambda day: day.day):
        groups.setdefault(_key(day, by), []).append(day)
    # where a processor has had several names, the last one stands
    rows = [_spend(key[-1], _name(parts, by), parts, includes_parsing) for key, parts in groups.items()]
    if by in SPANS:
        return sorted(rows, key=lambda row: row.group or "")
    return sorted(rows, key=lambda row: (-(row.credits or Decimal(-1)), row.name, row.group or ""))


def total(days: Iterable[DaySpend], *, includes_parsing: bool = True) -> Spend:
    """Add up all spend; see `spend_by`."""
    return _spend(None, "all", list(days), includes_parsing)


def parsed_thing(days: Iterable[DaySpend]) -> str:
    """Say what parsing was charged for: a file in API 2025-04-21, a parse run in 2026-02-09."""
    return "parse run" if any(day.resource_type == "parse_run" for day in days) else "file"


def without_processor(days: Iterable[DaySpend]) -> str:
    """Say what spend without a processor is of: of runs too, or of files only."""
    are_files = (day.resource_type in (None, "file") for day in days if not day.processor_id)
    return WITHOUT_RUN if all(are_files) else "no processor"


def start_of(day: date, span: Span) -> date:
    """Return the first day of a day's week (a Monday) or month; of a day itself."""
    if span == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if span == "month" else day


def _key(day: DaySpend, by: By) -> tuple[str | None, ...]:
    """What makes a group; its last part is the group's id."""
    if by == "processor":
        return (day.processor_id,)
    if by == "version":
        return day.processor_id, day.version_id
    return (day.processor_type,) if by == "type" else (start_of(day.day, by).isoformat(),)


def _name(days: list[DaySpend], by: By) -> str:
    day = days[-1]
    if by == "type":
        return day.processor_type or "unknown"
    processor = day.processor or day.processor_id or without_processor(days)
    if by == "processor":
        return processor
    if by == "version":
        return f"{processor}, {day.version_id or 'no version'}"
    return start_of(day.day, by).isoformat()[: 7 if by == "month" else 10]


def _spend(group: str | None, name: str, parts: list[DaySpend], includes_parsing: bool) -> Spend:
    processing, parsing = ([part for part in parts if part.kind == kind] for kind in ("processing", "parsing"))
    other = [part for part in parts if part.kind not in ("processing", "parsing")]
    return Spend(
        group=group,
        name=name,
        runs=sum(part.things for part in processing),
        files=sum(part.things for part in parsing) if includes_parsing else None,
        unknown=sum(part.things - part.known for part in parts),
        processing=_sum(part.credits for part in processing),
        parsing=_sum(part.credits for part in parsing) if includes_parsing else None,
        credits=_sum(part.credits for part in parts),
        cost=priced_sum(parts),
        other=_sum(part.credits for part in other),
    )


class _Priced(Protocol):
    @property
    def credits(self) -> Decimal | None: ...

    @property
    def cost(self) -> Decimal | None: ...


def priced_sum(parts: Iterable[_Priced]) -> Decimal | None:
    """Add up what things cost; None: unknown, or some of them have no price, as the others would pass for all."""
    found = list(parts)
    return None if any(part.credits and part.cost is None for part in found) else _sum(part.cost for part in found)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Add up what is known; None if there is something, and nothing of it is known."""
    found = list(amounts)
    known = [amount for amount in found if amount is not None]
    return sum(known, Decimal(0)) if known or not found else None
