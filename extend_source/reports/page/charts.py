"""The charts of the credit page, drawn with Altair from datasets that the page fills and filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt

from extend_source.reports.page.rows import OTHERS, PageRows

# Okabe and Ito, "Color Universal Design": told apart with every kind of colour vision. Yellow is too pale on white.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#333333")
_REST = "#B5B5B5"
_REASONS = {
    "processed again": "#E69F00",
    "parsed in vain": "#56B4E9",
    "failed run": "#D55E00",
    "cancelled run": "#999999",
}
_STATES = {"known": "#009E73", "unknown": "#D9D9D9"}
_HEIGHT, _STRIP_HEIGHT = 260, 110
_KNOWN = "isValid(datum.credits)"
"""A sum over nothing that is known would be no number."""
_DAY = {"format": "%d %b %Y", "labelOverlap": True, "tickCount": 6, "title": None}


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
        legend: colours by what they stand for.
        chart: the chart; it takes the width of its place.
    """

    name: str
    title: str
    unit: str
    dataset: str
    value: str
    columns: dict[str, str]
    legend: dict[str, str]
    chart: Any


def page_charts(rows: PageRows, budget: float | None) -> list[PageChart]:
    """Make the charts.

    Args:
        rows: what they are drawn from; only the names and the span count here.
        budget: credits to spend in a month; None: no budget.

    Returns:
        The charts in the order of the page.
    """
    span = rows.span
    groups = dict(zip(rows.coloured, _COLOURS, strict=False))
    if len(rows.processors) > len(rows.coloured):
        groups[OTHERS] = _REST
    colour = _colour("group", groups)
    return [
        PageChart(
            "spend",
            f"Spend per {span}",
            f"Credits per {span} (UTC), runs and parsing, by processor. Source: credit_ledger.",
            "days",
            "credits",
            {"day": span.capitalize(), "processor": "Processor", "kind": "Kind", "credits": "Credits"},
            groups,
            _spend(colour),
        ),
        PageChart(
            "month",
            "The months against the budget",
            "Credits from the first of each month on, added up. Source: credit_ledger.",
            "days",
            "credits",
            {"day": span.capitalize(), "processor": "Processor", "credits": "Credits"},
            {},
            _month(budget),
        ),
        PageChart(
            "units",
            "Unit costs by version",
            "Credits per document, per page and per accepted field, parsing left out; a dot is a version, at its first "
            "run. Of all time. Source: credit_unit_costs.",
            "units",
            "credits",
            {"processor": "Processor", "version": "Version", "since": "Since", "measure": "Unit", "credits": "Credits"},
            groups,
            _units(colour),
        ),
        PageChart(
            "distribution",
            "What documents cost",
            "Processed runs by their credits, parsing left out. Source: credit_ledger.",
            "bins",
            "runs",
            {"lower": "From", "upper": "Below", "processor": "Processor", "runs": "Runs"},
            groups,
            _distribution(colour),
        ),
        PageChart(
            "waste",
            "Spent in vain",
            "Credits by reason; a file processed again by the same version may be wanted. Source: credit_waste.",
            "waste",
            "credits",
            {"day": "Day", "reason": "Reason", "processor": "Processor", "credits": "Credits"},
            _REASONS,
            _waste(),
        ),
        PageChart(
            "coverage",
            "What is known",
            "Share of runs and files whose credits the API has reported, by month. Source: credit_ledger.",
            "days",
            "things",
            {"day": span.capitalize(), "processor": "Processor", "things": "Runs or files", "unknown": "Unknown"},
            _STATES,
            _coverage(),
        ),
    ]


def _colour(field: str, colours: dict[str, str]) -> Any:
    """Colour by a field; the legend is written by those who show the chart, as the page's one can wrap."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{field}:N", scale=scale, legend=None)


def _base(dataset: str) -> Any:
    return alt.Chart(alt.NamedData(dataset)).properties(width="container", height=_HEIGHT)


def _day_axis(field: str = "day") -> Any:
    return alt.X(f"utcyearmonthdate({field}):T", scale=alt.Scale(type="utc"), axis=alt.Axis(**_DAY))


def _month_axis() -> Any:
    return alt.X("utcyearmonth(day):T", scale=alt.Scale(type="utc"), axis=alt.Axis(**{**_DAY, "format": "%b %Y"}))


def _credits_axis(title: str = "credits") -> Any:
    return alt.Axis(title=title, titleAngle=0, titleAlign="left", titleY=-10, titleX=0, format=",~r", tickCount=5)


def _spend(colour: Any) -> Any:
    return (
        _base("days")
        .transform_filter(_KNOWN)
        .mark_bar()
        .encode(
            x=_day_axis(),
            y=alt.Y("sum(credits):Q", axis=_credits_axis()),
            color=colour,
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("utcyearmonthdate(day):T", title="Day", format="%d %b %Y"),
                alt.Tooltip("group:N", title="Processor"),
                alt.Tooltip("sum(credits):Q", title="Credits", format=",.2~f"),
                alt.Tooltip("sum(unknown):Q", title="Unknown runs and files"),
            ],
        )
    )


def _month(budget: float | None) -> Any:
    lines = (
        _base("days")
        .transform_filter(_KNOWN)
        .transform_timeunit(month="utcyearmonth(day)", date="utcyearmonthdate(day)")
        .transform_aggregate(credits="sum(credits)", groupby=["month", "date"])
        .transform_window(spent="sum(credits)", sort=[alt.SortField("date")], groupby=["month"], frame=[None, 0])
        .mark_area(interpolate="step-after", color=_COLOURS[0], opacity=0.25, line={"color": _COLOURS[0]})
        .encode(
            x=alt.X("date:T", scale=alt.Scale(type="utc"), axis=alt.Axis(**_DAY)),
            y=alt.Y("spent:Q", axis=_credits_axis()),
            detail="month:T",
            tooltip=[
                alt.Tooltip("date:T", title="Up to", format="%d %b %Y"),
                alt.Tooltip("spent:Q", title="Credits", format=",.2~f"),
            ],
        )
    )
    if budget is None:
        return lines
    rule = alt.Chart(alt.InlineData([{"budget": budget, "text": f"budget {budget:,g}"}])).encode(y="budget:Q")
    text = rule.mark_text(align="right", dy=-7, color="#A03000", x="width").encode(text="text:N")
    return lines + rule.mark_rule(color="#D55E00", strokeDash=[6, 4], strokeWidth=2) + text


def _units(colour: Any) -> Any:
    return (
        _base("units")
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True), strokeWidth=1.5)
        .encode(
            x=_day_axis("since"),
            y=alt.Y("credits:Q", axis=_credits_axis(), scale=alt.Scale(zero=True)),
            color=colour,
            detail="processor:N",
            tooltip=[
                alt.Tooltip("processor:N", title="Processor"),
                alt.Tooltip("version:N", title="Version"),
                alt.Tooltip("utcyearmonthdate(since):T", title="Since", format="%d %b %Y"),
                alt.Tooltip("credits:Q", title="Credits", format=",.4~f"),
                alt.Tooltip("runs:Q", title="Runs", format=","),
            ],
        )
        .transform_filter("datum.measure === shownMeasure")
        .add_params(alt.param(name="shownMeasure", value="per page"))
    )


def _distribution(colour: Any) -> Any:
    return (
        _base("bins")
        .mark_bar()
        .encode(
            x=alt.X("lower:Q", bin="binned", axis=alt.Axis(title="credits per document", format=",~r")),
            x2="upper:Q",
            y=alt.Y("sum(runs):Q", axis=_credits_axis("documents")),
            color=colour,
            tooltip=[
                alt.Tooltip("lower:Q", title="From", format=",~r"),
                alt.Tooltip("upper:Q", title="Below", format=",~r"),
                alt.Tooltip("group:N", title="Processor"),
                alt.Tooltip("sum(runs):Q", title="Documents", format=","),
            ],
        )
    )


def _waste() -> Any:
    return (
        _base("waste")
        .transform_filter(_KNOWN)
        .mark_bar()
        .encode(
            x=_month_axis(),
            y=alt.Y("sum(credits):Q", axis=_credits_axis()),
            color=_colour("reason", _REASONS),
            tooltip=[
                alt.Tooltip("utcyearmonth(day):T", title="Month", format="%b %Y"),
                alt.Tooltip("reason:N", title="Reason"),
                alt.Tooltip("sum(credits):Q", title="Credits", format=",.2~f"),
                alt.Tooltip("sum(things):Q", title="Runs or files", format=","),
                alt.Tooltip("sum(unknown):Q", title="of unknown cost", format=","),
            ],
        )
    )


def _coverage() -> Any:
    return (
        _base("days")
        .transform_calculate(known="datum.things - datum.unknown")
        .transform_fold(["known", "unknown"], ["state", "number"])
        .transform_calculate(rank="datum.state === 'known' ? 0 : 1")
        .properties(height=_STRIP_HEIGHT)
        .mark_bar()
        .encode(
            x=_month_axis(),
            y=alt.Y(
                "sum(number):Q",
                stack="normalize",
                axis=alt.Axis(title="share", format="%", titleAngle=0, titleAlign="left", titleY=-10, titleX=0),
            ),
            color=_colour("state", _STATES),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("utcyearmonth(day):T", title="Month", format="%b %Y"),
                alt.Tooltip("state:N", title="Credits are"),
                alt.Tooltip("sum(number):Q", title="Runs and files", format=","),
            ],
        )
    )


def spec_of(chart: Any) -> dict[str, Any]:
    """Return a chart as Vega-Lite, in the page's type and without a border."""
    styled = chart.configure(font="system-ui, sans-serif").configure_view(stroke=None)
    styled = styled.configure_axis(
        gridColor="#E8E8E8",
        domainColor="#999",
        tickColor="#999",
        labelColor="#444",
        titleColor="#444",
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
    ).configure_legend(labelFontSize=12, labelColor="#333")
    spec: dict[str, Any] = styled.to_dict()
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec
