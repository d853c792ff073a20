"""The rows behind the charts: as few as a page can carry, and as many as filters need."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any, Protocol

from extend_source.reports.figures import CreditFigures, DaySpend
from extend_source.reports.grouping import SPANS, Span, start_of

MOST_ROWS = 10_000
"""So many rows of days fit on a page; where there are more, days become weeks or months."""

MOST_PROCESSORS = 30
"""So many processors can be chosen; the smaller ones are one."""

MOST_COLOURS = 7
OTHERS = "Other processors"
NO_PROCESSOR = "Files without a run"


class _OfProcessor(Protocol):
    @property
    def processor_id(self) -> str | None: ...

    @property
    def processor(self) -> str | None: ...


@dataclass(frozen=True)
class PageRows:
    """What the charts and tables of a page are drawn from.

    Attributes:
        processors: the names of the processors that can be chosen, most credits first, no name twice.
        coloured: those of them with a colour of their own.
        span: what a row of ``days`` stands for: day, week or month.
        datasets: rows by the name of the dataset.
    """

    processors: list[str]
    coloured: list[str]
    span: Span
    datasets: dict[str, list[dict[str, Any]]]


def page_rows(figures: CreditFigures) -> PageRows:
    """Put together what the page draws.

    Args:
        figures: the figures of the report.

    Returns:
        The rows, JSON values only.
    """
    labels = _labels(figures)
    spent: dict[str, float] = defaultdict(float)
    for day in figures.days:
        spent[labels[day.processor_id]] += float(day.credits or 0)
    ranked = [name for name, _ in sorted(spent.items(), key=lambda item: (-item[1], item[0]))]
    kept = set(ranked if len(ranked) <= MOST_PROCESSORS else ranked[: MOST_PROCESSORS - 1])
    names = {key: label if label in kept or label not in spent else OTHERS for key, label in labels.items()}
    processors = [name for name in ranked if name in kept] + ([OTHERS] if len(kept) < len(ranked) else [])
    coloured = [name for name in processors if name != OTHERS][:MOST_COLOURS]
    rank = {name: place for place, name in enumerate(coloured)}
    span, days = _days_that_fit(figures, names)
    datasets = {
        "days": days,
        "units": _units(figures, names),
        "bins": _bins(figures, names),
        "runs": _runs(figures, names),
        "waste": _waste(figures, names),
    }
    for row in (row for rows in datasets.values() for row in rows):
        row["group"] = row["processor"] if row["processor"] in coloured else OTHERS
        row["rank"] = rank.get(row["processor"], MOST_COLOURS)
    return PageRows(processors, coloured, span, datasets)


def _labels(figures: CreditFigures) -> dict[str | None, str]:
    """A label for each processor: its name, with its id where two have one name."""
    of_id: dict[str | None, str] = {None: NO_PROCESSOR}
    sources: tuple[Iterable[_OfProcessor], ...] = (
        figures.unit_costs,
        figures.expensive,
        figures.waste,
        figures.distribution,
        figures.days,
    )
    for row in chain.from_iterable(sources):
        if row.processor_id is not None:
            of_id[row.processor_id] = row.processor or row.processor_id
    times = Counter(of_id.values())
    return {key: label if times[label] == 1 and label != OTHERS else f"{label} ({key})" for key, label in of_id.items()}


def _days_that_fit(figures: CreditFigures, names: dict[str | None, str]) -> tuple[Span, list[dict[str, Any]]]:
    """The rows of days; of weeks or months where there would be too many."""
    for span in SPANS:
        # the first week or month may begin before the report does
        starts = {day.day: max(start_of(day.day, span), figures.first_day) for day in figures.days}
        rows = _days([replace(day, day=starts[day.day]) for day in figures.days], names)
        if len(rows) <= MOST_ROWS or span == SPANS[-1]:
            return span, rows
    raise AssertionError("there is a last span")


def _days(days: Iterable[DaySpend], names: dict[str | None, str]) -> list[dict[str, Any]]:
    sums: dict[tuple[date, str, str], list[DaySpend]] = defaultdict(list)
    for day in days:
        sums[day.day, names[day.processor_id], day.kind].append(day)
    return [
        {
            "day": day.isoformat(),
            "processor": processor,
            "kind": kind,
            "things": sum(part.things for part in parts),
            "unknown": sum(part.things - part.known for part in parts),
            "credits": _sum([part.credits for part in parts]),
        }
        for (day, processor, kind), parts in sorted(sums.items())
    ]


def _units(figures: CreditFigures, names: dict[str | None, str]) -> list[dict[str, Any]]:
    return [
        {
            "processor": names[unit.processor_id],
            "version": unit.version_id or "no version",
            "since": unit.first_used_on.isoformat(),
            "measure": measure,
            "credits": float(credits),
            "runs": unit.runs_known,
        }
        for unit in figures.unit_costs
        for measure, credits in (
            ("per document", unit.per_document),
            ("per page", unit.per_page),
            ("per accepted field", unit.per_accepted_field),
        )
        if credits is not None
    ]


def _bins(figures: CreditFigures, names: dict[str | None, str]) -> list[dict[str, Any]]:
    return [
        {
            "day": bin_.month.isoformat(),
            "processor": names[bin_.processor_id],
            "lower": float(bin_.lower),
            "upper": float(bin_.upper),
            "runs": bin_.runs,
        }
        for bin_ in figures.distribution
    ]


def _runs(figures: CreditFigures, names: dict[str | None, str]) -> list[dict[str, Any]]:
    return [
        {
            "day": run.day.isoformat(),
            "processor": names[run.processor_id],
            "run": run.run_id,
            "url": run.url if run.url and run.url.startswith(("https://", "http://")) else None,
            "pages": run.pages,
            "credits": float(run.credits),
        }
        for run in figures.expensive
    ]


def _waste(figures: CreditFigures, names: dict[str | None, str]) -> list[dict[str, Any]]:
    return [
        {
            "day": waste.day.isoformat(),
            "processor": names[waste.processor_id],
            "reason": waste.reason.replace("_", " "),
            "things": waste.things,
            "unknown": waste.unknown,
            "credits": None if waste.credits is None else float(waste.credits),
        }
        for waste in figures.waste
    ]


def _sum(amounts: Sequence[Decimal | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return float(sum(known, Decimal(0))) if known else None
