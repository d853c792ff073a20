"""The charts themselves, in Altair: drawn from datasets that the page fills and filters.

The page sets three parameters: ``everything`` (no processor is chosen), ``projecting`` (what the month is heading for
belongs to the choice), ``firstShown`` and ``lastShown`` (the first and the last day of the choice).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import altair as alt

from extend_source.reports.figures import MonthToDate
from extend_source.reports.grouping import Span
from extend_source.wording import figure

_HEIGHT, _STRIP_HEIGHT = 260, 110
_BLUE, _RED, _DARK_RED = "#0072B2", "#D55E00", "#A03000"
_KNOWN = "isValid(datum.credits)"
"""A sum over nothing that is known would be no number."""
_DATE, _MONTH = "%d %b %Y", "%b %Y"
_CREDITS = ",.2~f"


def _colour(field: str, colours: Mapping[str, str]) -> Any:
    """Colour by a field; the legend is written by those who show the chart, as the page's one can wrap."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{field}:N", scale=scale, legend=None)


def _base(dataset: str) -> Any:
    return alt.Chart(alt.NamedData(dataset)).properties(width="container", height=_HEIGHT)


def _time_axis(shorthand: str, form: str = _DATE) -> Any:
    axis = alt.Axis(format=form, labelOverlap=True, labelSeparation=12, labelFlush=True, tickCount=6, title=None)
    return alt.X(shorthand, scale=alt.Scale(type="utc"), axis=axis)


def _amount_axis(title: str = "credits", form: str = ",~r", ticks: int = 5) -> Any:
    """An axis whose title stands above it, where it can be read without turning the head."""
    return alt.Axis(title=title, titleAngle=0, titleAlign="left", titleY=-10, titleX=0, format=form, tickCount=ticks)


def _day(field: str, title: str) -> Any:
    return alt.Tooltip(f"utcyearmonthdate({field}):T", title=title, format=_DATE)


def spend(span: Span, colours: Mapping[str, str]) -> Any:
    """Spend by day, week or month, stacked by processor."""
    last_of_all = [] if span == "day" else [_day("last", "to")]
    return (
        _base("days")
        .transform_aggregate(
            credits="sum(credits)",
            known="valid(credits)",
            unknown="sum(unknown)",
            rank="min(rank)",
            groupby=["day", "until", "group"],
        )
        # what is unknown counts in the tooltip of a bar, so only bars of which nothing is known are left out
        .transform_filter("datum.known > 0")
        .transform_calculate(last="time(toDate(datum.until)) - 86400000")
        # bars as wide as their span; those that have a width are not stacked by themselves
        .transform_stack(stack="credits", as_=["bottom", "top"], groupby=["day"], sort=[alt.SortField("rank")])
        .mark_rect()
        .encode(
            x=_time_axis("day:T"),
            x2="until:T",
            y=alt.Y("bottom:Q", axis=_amount_axis()),
            y2="top:Q",
            color=_colour("group", colours),
            tooltip=[
                _day("day", "Day" if span == "day" else "From"),
                *last_of_all,
                alt.Tooltip("group:N", title="Processor"),
                alt.Tooltip("credits:Q", title="Credits", format=_CREDITS),
                alt.Tooltip("unknown:Q", title="Unknown runs and files", format=","),
            ],
        )
    )


def months(month: MonthToDate, first_day: date, last_day: date) -> Any:
    """Credits added up within each month, the budget, and what the last month is heading for."""
    layers = [_added_up(), *_budget(month), *_projection(month, last_day)]
    return (
        alt.layer(*layers)
        .properties(width="container", height=_HEIGHT)
        .add_params(
            alt.param(name="everything", value=True),
            alt.param(name="projecting", value=first_day <= month.month),
            alt.param(name="firstShown", value=first_day.isoformat()),
            alt.param(name="lastShown", value=last_day.isoformat()),
        )
    )


def has_projection(month: MonthToDate) -> bool:
    """Say whether the end of a month can be drawn: it is to come, and something is known."""
    return None not in (month.credits, month.projected) and month.days < month.days_in_month


def _added_up() -> Any:
    return (
        alt.Chart(alt.NamedData("days"))
        .transform_filter(_KNOWN)
        .transform_timeunit(month="utcyearmonth(day)")
        .transform_aggregate(credits="sum(credits)", groupby=["month", "day", "until"])
        .transform_calculate(begin="time(toDate(datum.day))", end="time(toDate(datum.until))")
        .transform_window(spent="sum(credits)", sort=[alt.SortField("begin")], groupby=["month"], frame=[None, 0])
        .transform_window(following="lead(begin)", sort=[alt.SortField("begin")], groupby=["month"])
        # two points a day, from its beginning to the next day with spend: a staircase that shows the last day, too
        .transform_calculate(
            end="isValid(datum.following) ? datum.following : datum.end",
            partial="time(datum.month) < time(toDate(firstShown))",
        )
        .transform_fold(["begin", "end"], ["edge", "moment"])
        .mark_area(interpolate="linear", color=_BLUE, line={"color": _BLUE, "strokeWidth": 1.5})
        .encode(
            x=_time_axis("moment:T"),
            y=alt.Y("spent:Q", stack=None, axis=_amount_axis()),
            detail="month:T",
            fillOpacity=alt.condition("datum.partial", alt.value(0.1), alt.value(0.3)),
            tooltip=[_day("begin", "Up to"), alt.Tooltip("spent:Q", title="Credits", format=_CREDITS)],
        )
    )


def _budget(month: MonthToDate) -> list[Any]:
    if month.budget is None:
        return []
    # what is not shown lies at zero, unseen: filtered away, it would leave a scale without any value
    data = alt.InlineData([{"budget": float(month.budget), "text": f"budget {figure(month.budget)}"}])
    rule = (
        alt.Chart(data)
        .transform_calculate(budget="everything ? datum.budget : 0")
        .encode(y="budget:Q", opacity=_if("everything"))
    )
    # on the left, where a month has only begun
    text = rule.mark_text(align="left", dx=5, dy=-8, color=_DARK_RED, fontSize=12).encode(x=alt.value(0), text="text:N")
    return [rule.mark_rule(color=_RED, strokeDash=[6, 4], strokeWidth=2), text]


def _projection(month: MonthToDate, last_day: date) -> list[Any]:
    """A line to the end of the month; none where nothing is known, or the month is over."""
    if month.projected is None or month.credits is None or not has_projection(month):
        return []
    begin = last_day + timedelta(days=1)
    end = begin + timedelta(days=month.days_in_month - month.days)
    text = f"heading for {figure(round(month.projected, 2))}"
    data = alt.InlineData(
        [
            {"moment": begin.isoformat(), "spent": float(month.credits), "text": text},
            {"moment": end.isoformat(), "spent": float(month.projected), "text": text},
        ]
    )
    line = (
        alt.Chart(data)
        .transform_calculate(
            moment="toDate(projecting ? datum.moment : lastShown)", spent="projecting ? datum.spent : 0"
        )
        .mark_line(color=_BLUE, strokeDash=[2, 3], strokeWidth=2)
        .encode(x="moment:T", y="spent:Q", opacity=_if("projecting"), tooltip=alt.Tooltip("text:N", title=" "))
    )
    return [line]


def _if(parameter: str) -> Any:
    """Opacity: seen or not, as a parameter says."""
    return alt.condition(parameter, alt.value(1), alt.value(0))


def units(colours: Mapping[str, str], measure: str) -> Any:
    """Unit costs of each version, at the day of its first run."""
    return (
        _base("units")
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True), strokeWidth=1.5)
        .encode(
            x=_time_axis("utcyearmonthdate(since):T"),
            y=alt.Y("credits:Q", axis=_amount_axis(), scale=alt.Scale(zero=True)),
            color=_colour("group", colours),
            detail="processor:N",
            tooltip=[
                alt.Tooltip("processor:N", title="Processor"),
                alt.Tooltip("version:N", title="Version"),
                _day("since", "Since"),
                alt.Tooltip("credits:Q", title="Credits", format=",.4~f"),
                alt.Tooltip("runs:Q", title="Runs", format=","),
            ],
        )
        .transform_filter("datum.measure === shownMeasure")
        .add_params(alt.param(name="shownMeasure", value=measure))
    )


def distribution(colours: Mapping[str, str]) -> Any:
    """Documents by what they cost."""
    return (
        _base("bins")
        .transform_aggregate(runs="sum(runs)", rank="min(rank)", groupby=["lower", "upper", "group"])
        .mark_bar()
        .encode(
            x=alt.X("lower:Q", bin="binned", axis=alt.Axis(title="credits per document", format=",~r", tickCount=8)),
            x2="upper:Q",
            y=alt.Y("runs:Q", stack="zero", axis=_amount_axis("documents")),
            color=_colour("group", colours),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("lower:Q", title="From", format=",~r"),
                alt.Tooltip("upper:Q", title="Below", format=",~r"),
                alt.Tooltip("group:N", title="Processor"),
                alt.Tooltip("runs:Q", title="Documents", format=","),
            ],
        )
    )


def waste(colours: Mapping[str, str]) -> Any:
    """What was spent without result, by month and reason."""
    return (
        _base("waste")
        .transform_timeunit(month="utcyearmonth(day)")
        .transform_aggregate(
            credits="sum(credits)",
            known="valid(credits)",
            unknown="sum(unknown)",
            things="sum(things)",
            groupby=["month", "reason"],
        )
        .transform_filter("datum.known > 0")
        .mark_bar()
        .encode(
            x=_time_axis("utcyearmonth(month):T", _MONTH),
            y=alt.Y("credits:Q", stack="zero", axis=_amount_axis()),
            color=_colour("reason", colours),
            tooltip=[
                alt.Tooltip("utcyearmonth(month):T", title="Month", format=_MONTH),
                alt.Tooltip("reason:N", title="Reason"),
                alt.Tooltip("credits:Q", title="Credits", format=_CREDITS),
                alt.Tooltip("things:Q", title="Runs or files", format=","),
                alt.Tooltip("unknown:Q", title="of unknown cost", format=","),
            ],
        )
    )


def products(colours: Mapping[str, str]) -> Any:
    """What was charged for, by month and product."""
    return (
        _base("products")
        .transform_timeunit(month="utcyearmonth(day)")
        .transform_aggregate(
            credits="sum(credits)", known="valid(credits)", charges="sum(charges)", groupby=["month", "product"]
        )
        .transform_filter("datum.known > 0")
        .mark_bar()
        .encode(
            x=_time_axis("utcyearmonth(month):T", _MONTH),
            y=alt.Y("credits:Q", stack="zero", axis=_amount_axis()),
            color=_colour("product", colours),
            tooltip=[
                alt.Tooltip("utcyearmonth(month):T", title="Month", format=_MONTH),
                alt.Tooltip("product:N", title="Product"),
                alt.Tooltip("credits:Q", title="Credits", format=_CREDITS),
                alt.Tooltip("charges:Q", title="Charges", format=","),
            ],
        )
    )


def coverage(colours: Mapping[str, str]) -> Any:
    """Of how many runs and files the credits are known, by month."""
    return (
        _base("days")
        .transform_calculate(known="datum.things - datum.unknown")
        .transform_fold(["known", "unknown"], ["state", "number"])
        .transform_calculate(rank="datum.state === 'known' ? 0 : 1")
        .properties(height=_STRIP_HEIGHT)
        .mark_bar()
        .encode(
            x=_time_axis("utcyearmonth(day):T", _MONTH),
            y=alt.Y("sum(number):Q", stack="normalize", axis=_amount_axis("share", "%", 2)),
            color=_colour("state", colours),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("utcyearmonth(day):T", title="Month", format=_MONTH),
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
