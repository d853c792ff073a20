"""The rows behind the charts: as few as a page can carry, and as many as filters need."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from extend_source.reports.figures import CreditFigures, DaySpend, ProductSpend, UnitCost, WastedSpend
from extend_source.reports.grouping import SPANS, Span, priced_sum, start_of
from extend_source.reports.page.labels import MAX_COLOURS, OTHERS, labels_of
from extend_source.reports.page.units import has_money
from extend_source.reports.products import NOT_SAID, spend_by_product
from extend_source.text.wording import printable

MAX_ROWS = 12_000
"""Most rows of days on a page; where there are more, days become weeks or months."""

MAX_BINS = 10_000
"""Most rows of the distribution; where there are more, the bins become wider."""

MAX_RUNS = 2_000
RUNS_SHOWN = 20
"""Runs that the table shows. The page holds as many of each processor and month, but `MAX_RUNS` at most."""

MAX_VERSIONS = 20
"""Most versions of a processor, the newest ones, whose unit costs are shown."""

MEASURES = ("per page", "per document", "per accepted field")
REASONS = {
    "processed_again": "Files processed again",
    "parsed_in_vain": "Parsing that no run could use",
    "failed_run": "Failed runs",
    "cancelled_run": "Cancelled runs",
}
"""Why work was failed or repeated, in the words of the page."""

_MAX_URL_LENGTH = 300
_WIDENINGS = (1, 2, 4, 8, 16, 32, 64)

Row = dict[str, Any]


@dataclass(frozen=True)
class PageRows:
    """What the charts and tables of a page are drawn from.

    Attributes:
        processors: the names of the processors that can be chosen, most credits first, no name twice.
        coloured: those of them with a colour of their own.
        span: what a row of ``days`` stands for: day, week (ended by the end of a month, too) or month.
        datasets: rows by the name of the dataset. A row that stands for several days has the first of them as ``day``,
            and the day after the last one as ``until``.
        left_out: what the page leaves out, to be told to its readers.
    """

    processors: list[str]
    coloured: list[str]
    span: Span
    datasets: dict[str, list[Row]]
    left_out: list[str]

    def source_of(self, dataset: str) -> str:
        """Return the dataset that one is added up from; itself, if it is held as it is."""
        return "days" if dataset == "buckets" else dataset

    @property
    def measure(self) -> str:
        """The unit cost to begin with: the first one of which something is known."""
        known = {row["measure"] for row in self.datasets["units"]}
        return next((measure for measure in MEASURES if measure in known), MEASURES[0])


def page_rows(figures: CreditFigures) -> PageRows:
    """Put together what the page draws.

    Args:
        figures: the figures of the report.

    Returns:
        The rows, JSON values only.
    """
    labels = labels_of(figures)
    rank = {name: place for place, name in enumerate(labels.coloured)}
    span, days = _days_that_fit(figures, labels.of_id)
    units = _newest(figures.unit_costs, labels.of_id)
    datasets = {
        "days": days,
        "units": [row for unit in units for row in _unit(unit, labels.of_id)],
        "bins": _bins(figures, labels.of_id),
        "runs": _runs(figures, labels.of_id),
        "waste": _waste(figures, labels.of_id),
        "products": _products(figures, labels.of_id),
    }
    for row in (row for rows in datasets.values() for row in rows):
        row["group"] = row["processor"] if row["processor"] in rank else OTHERS
        row["rank"] = rank.get(row["processor"], MAX_COLOURS)
        if not has_money(figures):
            row.pop("cost", None)
    return PageRows(labels.processors, labels.coloured, span, datasets, _left_out(span, figures.unit_costs, units))


def _left_out(span: Span, units: Sequence[UnitCost], shown: Sequence[UnitCost]) -> list[str]:
    lines = []
    if span != "day":
        lines.append(
            f"There are so many days and processors that this page holds {span}s instead of days. "
            f"A choice of dates counts every {span} that it touches."
        )
    of_shown = {unit.processor_id for unit in shown}
    if sum(unit.processor_id in of_shown for unit in units) > len(shown):
        lines.append(f"Unit costs are those of the newest {MAX_VERSIONS} versions of a processor.")
    return lines


def _days_that_fit(figures: CreditFigures, names: Mapping[str | None, str]) -> tuple[Span, list[Row]]:
    """The rows of days; of weeks or months where there would be too many."""
    for span in SPANS:
        rows = _days(figures.days, names, _spans_of(figures, span))
        if len(rows) <= MAX_ROWS or span == SPANS[-1]:
            return span, rows
    raise AssertionError("there is a last span")


def _spans_of(figures: CreditFigures, span: Span) -> Callable[[date], tuple[date, date]]:
    """Return what finds the span of a day: its first day, and the day after its last one, within month and report."""
    found: dict[date, tuple[date, date]] = {}

    def bounds(day: date) -> tuple[date, date]:
        if day not in found:
            month = start_of(day, "month")
            next_month = start_of(month + timedelta(days=31), "month")
            start = max(start_of(day, span), month, figures.first_day)
            over = {"day": day + timedelta(days=1), "week": start_of(day, "week") + timedelta(days=7)}
            until = min(over.get(span, next_month), next_month, min(figures.last_day, next_month) + timedelta(days=1))
            found[day] = min(start, day), max(until, day + timedelta(days=1))
        return found[day]

    return bounds


def _days(
    days: Iterable[DaySpend], names: Mapping[str | None, str], bounds: Callable[[date], tuple[date, date]]
) -> list[Row]:
    sums: dict[tuple[date, date, str, str], list[DaySpend]] = defaultdict(list)
    for day in days:
        start, until = bounds(day.day)
        sums[start, until, names[day.processor_id], day.kind].append(day)
    return [
        {
            "day": day.isoformat(),
            "until": until.isoformat(),
            "processor": processor,
            "kind": kind,
            "things": sum(part.things for part in parts),
            "unknown": sum(part.things - part.known for part in parts),
            "credits": _sum(part.credits for part in parts),
            "cost": _cost(parts),
        }
        for (day, until, processor, kind), parts in sorted(sums.items())
    ]


def _newest(units: Iterable[UnitCost], names: Mapping[str | None, str]) -> list[UnitCost]:
    """The newest versions of those processors that can be chosen one by one: a unit cost of many would be none."""
    of_processor: dict[str, list[UnitCost]] = defaultdict(list)
    for unit in units:
        if names[unit.processor_id] != OTHERS:
            of_processor[names[unit.processor_id]].append(unit)
    newest = [sorted(of_one, key=lambda unit: unit.first_used_on)[-MAX_VERSIONS:] for of_one in of_processor.values()]
    return [unit for of_one in newest for unit in of_one]


def _unit(unit: UnitCost, names: Mapping[str | None, str]) -> list[Row]:
    amounts = (unit.per_page, unit.per_document, unit.per_accepted_field)
    return [
        {
            "processor": names[unit.processor_id],
            "version": printable(unit.version_id or "no version"),
            "since": unit.first_used_on.isoformat(),
            "measure": measure,
            "credits": float(amount),
            "runs": unit.runs_known,
        }
        for measure, amount in zip(MEASURES, amounts, strict=True)
        if amount is not None
    ]


def _bins(figures: CreditFigures, names: Mapping[str | None, str]) -> list[Row]:
    """The distribution, with bins so wide that it fits."""
    rows: list[Row] = []
    for wider in _WIDENINGS:
        rows = _bins_of_width(figures, names, wider)
        if len(rows) <= MAX_BINS:
            break
    return rows


def _bins_of_width(figures: CreditFigures, names: Mapping[str | None, str], wider: int) -> list[Row]:
    width = wider * min((bin_.upper - bin_.lower for bin_ in figures.distribution), default=Decimal(1))
    bounds = _spans_of(figures, "month")
    runs: Counter[tuple[date, date, str, Decimal]] = Counter()
    for bin_ in figures.distribution:
        start, until = bounds(bin_.month)
        runs[start, until, names[bin_.processor_id], bin_.lower // width * width] += bin_.runs
    return [
        {
            "day": month.isoformat(),
            "until": until.isoformat(),
            "processor": processor,
            "lower": float(lower),
            "upper": float(lower + width),
            "runs": number,
        }
        for (month, until, processor, lower), number in sorted(runs.items())
    ]


def _runs(figures: CreditFigures, names: Mapping[str | None, str]) -> list[Row]:
    """The most expensive runs of each processor and month, from the most expensive to the least."""
    places: Counter[tuple[str, date]] = Counter()
    placed = []
    for run in sorted(figures.expensive, key=lambda run: (-run.credits, run.run_id)):
        month = names[run.processor_id], start_of(run.day, "month")
        placed.append((places[month], run))
        places[month] += 1
    most = next((most for most in range(RUNS_SHOWN, 1, -1) if sum(p < most for p, _ in placed) <= MAX_RUNS), 1)
    return [
        {
            "day": run.day.isoformat(),
            "processor": names[run.processor_id],
            "run": printable(run.run_id),
            "url": run.url if _is_link(run.url) else None,
            "pages": run.pages,
            "credits": float(run.credits),
            "cost": _number(run.cost),
        }
        for place, run in placed
        if place < most
    ]


def _is_link(url: str | None) -> bool:
    if url is None or len(url) > _MAX_URL_LENGTH:
        return False
    return url.startswith(("https://", "http://")) and printable(url) == url


def _waste(figures: CreditFigures, names: Mapping[str | None, str]) -> list[Row]:
    bounds = _spans_of(figures, "month")
    sums: dict[tuple[date, date, str, str], list[WastedSpend]] = defaultdict(list)
    for waste in figures.waste:
        start, until = bounds(waste.day)
        sums[start, until, names[waste.processor_id], REASONS[waste.reason]].append(waste)
    return [
        {
            "day": month.isoformat(),
            "until": until.isoformat(),
            "processor": processor,
            "reason": reason,
            "things": sum(part.things for part in parts),
            "unknown": sum(part.unknown for part in parts),
            "credits": _sum(part.credits for part in parts),
            "cost": _cost(parts),
        }
        for (month, until, processor, reason), parts in sorted(sums.items())
    ]


def _products(figures: CreditFigures, names: Mapping[str | None, str]) -> list[Row]:
    """What was charged for, by month; nothing where no product is named."""
    if not any(spend.product for spend in figures.products):
        return []
    bounds = _spans_of(figures, "month")
    sums: dict[tuple[date, date, str], list[ProductSpend]] = defaultdict(list)
    for spend in figures.products:
        start, until = bounds(spend.day)
        sums[start, until, names[spend.processor_id]].append(spend)
    return [
        {
            "day": month.isoformat(),
            "until": until.isoformat(),
            "processor": processor,
            "product": printable(row.name),
            "unit": printable(row.unit or NOT_SAID),
            "charges": row.charges,
            "quantity": _number(row.quantity),
            "credits": _number(row.credits),
            "cost": _number(row.cost),
        }
        for (month, until, processor), parts in sorted(sums.items())
        for row in spend_by_product(parts)
    ]


def _sum(amounts: Iterable[Decimal | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return float(sum(known, Decimal(0))) if known else None


def _cost(parts: Sequence[DaySpend] | Sequence[WastedSpend]) -> float | None:
    return _number(priced_sum(parts))


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
