"""The charts of the credit page: what they are called, and what is written around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extend_source.reports.figures import CreditFigures
from extend_source.reports.page import drawing
from extend_source.reports.page.labels import OTHERS
from extend_source.reports.page.rows import MEASURES, PageRows, Row
from extend_source.reports.products import NOT_SAID

# Okabe and Ito, "Color Universal Design": told apart with every kind of colour vision. Yellow is too pale on white.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#333333")
_REST, _UNSAID = "#B5B5B5", "#E5E5E5"
_REASONS = {
    "processed again": "#E69F00",
    "parsed in vain": "#56B4E9",
    "failed run": "#D55E00",
    "cancelled run": "#999999",
}
_STATES = {"known": "#009E73", "unknown": "#D9D9D9"}
_WHOLE_MONTHS = "Whole months: a choice of dates counts every month that it touches."


@dataclass(frozen=True)
class PageChart:
    """A chart and what is written around it.

    Attributes:
        name: its name in the page, and of its picture.
        title: what it shows.
        unit: the unit, and where the figures come from.
        dataset: the dataset that it is drawn from.
        value: what it draws; where all of that is unknown, there is nothing to draw.
        columns: the columns of its table: heading by key of the row.
        key: what the legend explains: a key of the rows; None: something else, which is always there.
        legend: colours by what they stand for.
        chart: the chart; it takes the width of its place.
    """

    name: str
    title: str
    unit: str
    dataset: str
    value: str
    columns: dict[str, str]
    key: str | None
    legend: dict[str, str]
    chart: Any


def page_charts(rows: PageRows, figures: CreditFigures) -> list[PageChart]:
    """Make the charts.

    Args:
        rows: what they are drawn from; only the names, the span and what there is to draw count here.
        figures: the figures of the report, for the budget and what the month is heading for.

    Returns:
        The charts in the order of the page.
    """
    groups = {**dict(zip(rows.coloured, _COLOURS, strict=False)), OTHERS: _REST}
    return [
        _spend(rows, groups),
        _month(rows, figures),
        _units(rows, groups),
        _distribution(rows, groups),
        *([_products(rows)] if rows.datasets["products"] else []),
        _waste(rows),
        _coverage(rows),
    ]


def is_drawable(chart: PageChart, rows: PageRows) -> bool:
    """Say whether there is anything to draw: a chart of nothing has no scale."""
    return bool(_drawn(rows.datasets[chart.dataset], chart.value))


def _drawn(rows: list[Row], value: str) -> list[Row]:
    return [row for row in rows if row[value] is not None]


def _present(colours: Mapping[str, str], rows: list[Row], key: str, value: str) -> dict[str, str]:
    """Keep the colours of what is drawn."""
    present = {row[key] for row in _drawn(rows, value)}
    return {name: colour for name, colour in colours.items() if name in present}


def _spend(rows: PageRows, groups: Mapping[str, str]) -> PageChart:
    span = rows.span
    legend = _present(groups, rows.datasets["days"], "group", "credits")
    return PageChart(
        name="spend",
        title=f"Spend per {span}",
        unit=f"Credits per {span} (UTC), runs and parsing, by processor. Source: credit_ledger.",
        dataset="days",
        value="credits",
        columns={"day": span.capitalize(), "processor": "Processor", "kind": "Kind", "credits": "Credits"},
        key="group",
        legend=legend,
        chart=drawing.spend(span, legend),
    )


def _month(rows: PageRows, figures: CreditFigures) -> PageChart:
    month = figures.month
    unit = ["Credits added up from the first of each month; a month whose first days are left out is paler."]
    if month.budget is not None:
        unit.append("Budget (dashed): of all processors together.")
    if drawing.has_projection(month):
        unit.append(f"Dotted: what {month.month:%B} is heading for.")
    return PageChart(
        name="month",
        title="The months against the budget" if month.budget is not None else "The months",
        unit=" ".join([*unit, "Source: credit_ledger."]),
        dataset="days",
        value="credits",
        columns={"day": rows.span.capitalize(), "processor": "Processor", "credits": "Credits"},
        key=None,
        legend={},
        chart=drawing.months(month, figures.first_day, figures.last_day),
    )


def _units(rows: PageRows, groups: Mapping[str, str]) -> PageChart:
    legend = _present(groups, rows.datasets["units"], "group", "credits")
    return PageChart(
        name="units",
        title="Unit costs by version",
        unit=f"Credits {', '.join(MEASURES[:-1])} or {MEASURES[-1]}, parsing left out; a dot is a version, at its "
        "first run. Of all time, of processors that ran in the span. Source: credit_unit_costs.",
        dataset="units",
        value="credits",
        columns={
            "processor": "Processor",
            "version": "Version",
            "since": "Since",
            "measure": "Unit",
            "credits": "Credits",
        },
        key="group",
        legend=legend,
        chart=drawing.units(legend, rows.measure),
    )


def _distribution(rows: PageRows, groups: Mapping[str, str]) -> PageChart:
    legend = _present(groups, rows.datasets["bins"], "group", "runs")
    return PageChart(
        name="distribution",
        title="What documents cost",
        unit=f"Processed runs by their credits, parsing left out. {_WHOLE_MONTHS} Source: credit_ledger.",
        dataset="bins",
        value="runs",
        columns={
            "day": "Month from",
            "lower": "Credits from",
            "upper": "Below",
            "processor": "Processor",
            "runs": "Runs",
        },
        key="group",
        legend=legend,
        chart=drawing.distribution(legend),
    )


def _products(rows: PageRows) -> PageChart:
    spent: Counter[str] = Counter()
    for row in rows.datasets["products"]:
        spent[row["product"]] += row["credits"] or 0
    named = sorted((name for name in spent if name != NOT_SAID), key=lambda name: (-spent[name], name))
    # past these colours, products look alike; the tooltip names them
    colours = {name: _COLOURS[place] if place < len(_COLOURS) else _REST for place, name in enumerate(named)}
    legend = _present({**colours, NOT_SAID: _UNSAID}, rows.datasets["products"], "product", "credits")
    return PageChart(
        name="products",
        title="What was charged",
        unit=f"Credits by product, runs and parsing. {_WHOLE_MONTHS} Source: credits_by_product.",
        dataset="products",
        value="credits",
        columns={
            "day": "Month from",
            "product": "Product",
            "unit": "Unit",
            "processor": "Processor",
            "charges": "Charges",
            "quantity": "Quantity",
            "credits": "Credits",
        },
        key="product",
        legend=legend,
        chart=drawing.products(legend),
    )


def _waste(rows: PageRows) -> PageChart:
    legend = _present(_REASONS, rows.datasets["waste"], "reason", "credits")
    return PageChart(
        name="waste",
        title="Spent in vain",
        unit="Credits by reason; a file processed again by the same version may be wanted. "
        f"{_WHOLE_MONTHS} Source: credit_waste.",
        dataset="waste",
        value="credits",
        columns={
            "day": "Month from",
            "reason": "Reason",
            "processor": "Processor",
            "things": "Runs or files",
            "unknown": "Unknown",
            "credits": "Credits",
        },
        key="reason",
        legend=legend,
        chart=drawing.waste(legend),
    )


def _coverage(rows: PageRows) -> PageChart:
    return PageChart(
        name="coverage",
        title="What is known",
        unit="Share of runs and files whose credits the API has reported, by month. Source: credit_ledger.",
        dataset="days",
        value="things",
        columns={
            "day": rows.span.capitalize(),
            "processor": "Processor",
            "kind": "Kind",
            "things": "Runs or files",
            "unknown": "Unknown",
        },
        key=None,
        legend=_STATES,
        chart=drawing.coverage(_STATES),
    )
