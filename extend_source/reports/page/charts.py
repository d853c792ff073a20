"""The charts of the credit page: what they are called, and what is written around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from extend_source.reports.figures import CreditFigures
from extend_source.reports.grouping import parsed_thing
from extend_source.reports.page import drawing
from extend_source.reports.page.labels import OTHERS
from extend_source.reports.page.rows import REASONS, PageRows, Row
from extend_source.reports.page.units import Unit, units_of
from extend_source.reports.products import NOT_SAID

# Okabe and Ito, "Color Universal Design": told apart with every kind of colour vision. Yellow is too pale on white.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#6B6B6B")
_REST, _UNSAID = "#B5B5B5", "#D9D9D9"
_OF_REASONS = dict(zip(REASONS.values(), ("#E69F00", "#56B4E9", "#D55E00", "#999999"), strict=True))
_STATES = {"known": "#009E73", "unknown": "#BDBDBD"}

Units = tuple[Unit, ...]
Kind = Literal[
    "text", "day", "month", "money", "credits", "money of one", "credits of one", "count", "share", "change", "link"
]
"""What a column of a table holds, which says how it is written."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: the key of the rows.
        title: its heading.
        kind: how its values are written.
    """

    key: str
    title: str
    kind: Kind


@dataclass(frozen=True)
class PageChart:
    """A chart and what is written around it.

    Attributes:
        name: its name in the page, and of its picture.
        title: what it shows.
        text: what is counted, in plain words.
        dataset: the dataset that it is drawn from.
        table: the rows of its table: a dataset, or what the page makes of one.
        value: what it draws, where that is not the amount; where all of it is unknown, there is nothing to draw.
        columns: the columns of its table.
        key: what the legend explains: a key of the rows; None: something else, which is always there.
        legend: colours by what they stand for.
        charts: the chart in each unit, by the unit's name; it takes the width of its place.
    """

    name: str
    title: str
    text: str
    dataset: str
    table: str
    value: str | None
    columns: list[Column]
    key: str | None
    legend: dict[str, str]
    charts: dict[str, Any]

    def value_in(self, unit: Unit) -> str:
        """Return the key of what is drawn in a unit."""
        return self.value or unit.field


def page_charts(rows: PageRows, figures: CreditFigures) -> list[PageChart]:
    """Make the charts.

    Args:
        rows: what they are drawn from; only the names, the span and what there is to draw count here.
        figures: the figures of the report, for the budget and what the month is heading for.

    Returns:
        The charts in the order of the page.
    """
    groups = {**dict(zip(rows.coloured, _COLOURS, strict=False)), OTHERS: _REST}
    units = units_of(figures)
    return [
        _spend(rows, figures, units, groups),
        _month(figures, units),
        _waste(rows, figures, units),
        *([_products(rows, figures, units)] if rows.datasets["products"] else []),
        _units(rows, units, groups),
        _distribution(rows, units, groups),
        _coverage(figures, units),
    ]


def page_tables(figures: CreditFigures) -> dict[str, list[Column]]:
    """Return the columns of the tables that stand beside the charts, by the table's name."""
    of_amounts = amounts(units_of(figures))
    files = f"{parsed_thing(figures.days)}s".capitalize()
    counts = [Column("runs", "Runs", "count"), Column("files", files, "count"), Column("unknown", "Unknown", "count")]
    return {
        "months": [Column("day", "Month", "month"), *of_amounts, Column("change", "Change", "change"), *counts],
        "by_processor": [
            *(Column("processor", "Processor", "text"), *of_amounts, Column("share", "Share", "share")),
            *counts,
        ],
        "expensive": [
            *(Column("run", "Run", "link"), *of_amounts, Column("day", "Day", "day")),
            *(Column("processor", "Processor", "text"), Column("pages", "Pages", "count")),
        ],
    }


def is_drawable(chart: PageChart, rows: PageRows, unit: Unit) -> bool:
    """Say whether there is anything to draw: a chart of nothing has no scale."""
    return bool(_drawn(rows.datasets[rows.source_of(chart.dataset)], chart.value_in(unit)))


def amounts(units: Sequence[Unit], of: str = "") -> list[Column]:
    """Return the columns of amounts: money first, and credits beside it."""
    kinds: dict[str, Kind] = (
        {"money": "money of one", "credits": "credits of one"} if of else {"money": "money", "credits": "credits"}
    )
    return [Column(unit.field, f"{unit.label[0].upper()}{unit.label[1:]}{of}", kinds[unit.name]) for unit in units]


def _drawn(rows: list[Row], value: str) -> list[Row]:
    return [row for row in rows if row[value] is not None]


def _present(colours: Mapping[str, str], rows: list[Row], key: str, value: str = "credits") -> dict[str, str]:
    """Keep the colours of what is drawn."""
    present = {row[key] for row in _drawn(rows, value)}
    return {name: colour for name, colour in colours.items() if name in present}


def _spend(rows: PageRows, figures: CreditFigures, units: Units, groups: Mapping[str, str]) -> PageChart:
    legend = _present(groups, rows.datasets["days"], "group")
    return PageChart(
        name="spend",
        title="Spend over time",
        text="Runs and parsing, by processor.",
        dataset="buckets",
        table="buckets",
        value=None,
        columns=[
            *(Column("first", "From", "day"), Column("last", "To", "day"), Column("group", "Processor", "text")),
            *(*amounts(units), Column("unknown", "Unknown", "count")),
        ],
        key="group",
        legend=legend,
        charts={unit.name: drawing.spend(figures, unit, legend) for unit in units},
    )


def _month(figures: CreditFigures, units: Units) -> PageChart:
    month = figures.month
    text = ["Added up from the first of each month; a month whose first days are left out is paler."]
    if month.budget is not None:
        text.append("Dashed: the budget, of all processors together.")
    if any(drawing.has_projection(month, unit) for unit in units):
        text.append(f"Dotted: what {month.month:%B} is heading for.")
    so_far = [Column(f"{each.key}_so_far", f"{each.title} so far", each.kind) for each in amounts(units)]
    return PageChart(
        name="month",
        title="The months against the budget" if month.budget is not None else "The months",
        text=" ".join(text),
        dataset="days",
        table="running",
        value=None,
        columns=[Column("day", "Day", "day"), *amounts(units), *so_far],
        key=None,
        legend={},
        charts={unit.name: drawing.months(figures, unit) for unit in units},
    )


def _units(rows: PageRows, units: Units, groups: Mapping[str, str]) -> PageChart:
    legend = _present(groups, rows.datasets["units"], "group")
    return PageChart(
        name="units",
        title="What one page or document costs",
        text="Parsing left out. A dot is a version of a processor, at its first run.",
        dataset="units",
        table="units",
        value="credits",
        columns=[
            *(Column("processor", "Processor", "text"), Column("version", "Version", "text")),
            *(Column("since", "Since", "day"), Column("measure", "Unit", "text"), *amounts(units, " of one")),
            Column("runs", "Runs", "count"),
        ],
        key="group",
        legend=legend,
        charts={unit.name: drawing.units(unit, legend, rows.measure) for unit in units},
    )


def _distribution(rows: PageRows, units: Units, groups: Mapping[str, str]) -> PageChart:
    legend = _present(groups, rows.datasets["bins"], "group", "runs")
    bounds = [
        Column(f"{edge}_{each.key}", f"{each.title} {words}", each.kind)
        for each in amounts(units)
        for edge, words in (("lower", "from"), ("upper", "below"))
    ]
    return PageChart(
        name="distribution",
        title="How many documents cost how much",
        text="Processed documents, parsing left out. Whole months.",
        dataset="bins",
        table="bins",
        value="runs",
        columns=[
            *(Column("day", "Month", "month"), Column("processor", "Processor", "text"), *bounds),
            Column("runs", "Documents", "count"),
        ],
        key="group",
        legend=legend,
        charts={unit.name: drawing.distribution(unit, legend) for unit in units},
    )


def _products(rows: PageRows, figures: CreditFigures, units: Units) -> PageChart:
    spent: Counter[str] = Counter()
    for row in rows.datasets["products"]:
        spent[row["product"]] += row["credits"] or 0
    named = sorted((name for name in spent if name != NOT_SAID), key=lambda name: (-spent[name], name))
    # past these colours, products look alike; the tooltip names them
    colours = {name: _COLOURS[place] if place < len(_COLOURS) else _REST for place, name in enumerate(named)}
    legend = _present({**colours, NOT_SAID: _UNSAID}, rows.datasets["products"], "product")
    return PageChart(
        name="products",
        title="What was charged for",
        text="By product of Extend, runs and parsing. Whole months.",
        dataset="products",
        table="products",
        value=None,
        columns=[
            *(Column("day", "Month", "month"), Column("product", "Product", "text"), Column("unit", "Unit", "text")),
            *(Column("processor", "Processor", "text"), *amounts(units), Column("charges", "Charges", "count")),
            Column("quantity", "Quantity", "count"),
        ],
        key="product",
        legend=legend,
        charts={unit.name: drawing.products(figures, unit, legend) for unit in units},
    )


def _waste(rows: PageRows, figures: CreditFigures, units: Units) -> PageChart:
    legend = _present(_OF_REASONS, rows.datasets["waste"], "reason")
    return PageChart(
        name="waste",
        title="Failed and repeated work",
        text="Work without a result, and work done again by the same version, which may be wanted. Whole months.",
        dataset="waste",
        table="waste",
        value=None,
        columns=[
            *(Column("day", "Month", "month"), Column("reason", "Reason", "text")),
            *(Column("processor", "Processor", "text"), *amounts(units)),
            *(Column("things", "Runs or files", "count"), Column("unknown", "Unknown", "count")),
        ],
        key="reason",
        legend=legend,
        charts={unit.name: drawing.waste(figures, unit, legend) for unit in units},
    )


def _coverage(figures: CreditFigures, units: Units) -> PageChart:
    chart = drawing.coverage(figures, _STATES)
    return PageChart(
        name="coverage",
        title="How much is known",
        text="The share of runs and files whose credits Extend has reported, by month.",
        dataset="days",
        table="known",
        value="things",
        columns=[
            *(Column("day", "Month", "month"), Column("things", "Runs and files", "count")),
            *(Column("unknown", "Unknown", "count"), Column("known", "Known", "share")),
        ],
        key=None,
        legend=_STATES,
        charts={unit.name: chart for unit in units},
    )
