"""The charts themselves, in Altair: drawn from datasets that the page fills and filters, in money or in credits.

The page sets parameters: ``bands`` (the days, weeks or months of the choice), ``bandFormat``, ``middles`` (where months
are named), ``everything`` (no processor is chosen), ``projecting`` (what the month is heading for belongs to the
choice), ``firstShown`` and ``lastShown`` (the first and the last day of the choice).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import altair as alt

from extend_source.reports.figures import CreditFigures, MonthToDate
from extend_source.reports.page.buckets import MONTH_FORM, band_form, bands, drawn_days, fitting_span, middles
from extend_source.reports.page.units import CREDITS_FORM, Unit

_HEIGHT, _STRIP_HEIGHT = 260, 110
_BLUE, _RED, _DARK_RED = "#0072B2", "#D55E00", "#A03000"
_DATE = "%-d %b %Y"
_OF_MONTH = "utcFormat(toDate(datum.day), '%Y-%m-01')"


def _colour(field: str, colours: Mapping[str, str]) -> Any:
    """Colour by a field; the legend is written by those who show the chart, as the page's one can wrap."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{field}:N", scale=scale, legend=None)


def _base(dataset: str, height: int = _HEIGHT) -> Any:
    return alt.Chart(alt.NamedData(dataset)).properties(width="container", height=height)


def _with_bands(chart: Any, figures: CreditFigures, *, by_month: bool) -> Any:
    """Give a chart a place for each month (or day, or week) of the choice, also for those without any row."""
    first, last = drawn_days(figures)
    span = "month" if by_month else fitting_span(first, last)
    return chart.add_params(
        alt.param(name="bands", value=bands(first, last, span)),
        alt.param(name="bandFormat", value=band_form(first, last, span)),
    )


def _band_axis() -> Any:
    """Days, weeks or months, each named in its middle."""
    axis = alt.Axis(
        labelExpr="utcFormat(toDate(datum.value), bandFormat)",
        **{"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 10, "ticks": False, "title": None},
    )
    return alt.X("bucket:O", scale=alt.Scale(domain=alt.ExprRef("bands")), axis=axis)


def _amount_axis(title: str, form: str = ",~r", ticks: int = 5) -> Any:
    """An axis whose title stands above it, where it can be read without turning the head."""
    return alt.Axis(title=title, titleAngle=0, titleAlign="left", titleY=-10, titleX=0, format=form, tickCount=ticks)


def _day(field: str, title: str, form: str = _DATE) -> Any:
    return alt.Tooltip(f"utcyearmonthdate({field}):T", title=title, format=form)


def _month_tooltip() -> Any:
    return _day("bucket", "Month", MONTH_FORM)


def _amounts(unit: Unit) -> list[Any]:
    """The tooltip of an amount: of money with the credits beside it."""
    of_credits = alt.Tooltip("credits:Q", title="Credits", format=CREDITS_FORM)
    if unit.name == "credits":
        return [of_credits]
    return [alt.Tooltip(f"{unit.field}:Q", title=unit.label, format=unit.form), of_credits]


def _known(unit: Unit) -> str:
    """A sum over nothing that is known would be no number."""
    return f"isValid(datum.{unit.field})"


def spend(figures: CreditFigures, unit: Unit, colours: Mapping[str, str]) -> Any:
    """Spend by day, week or month, stacked by processor."""
    chart = (
        # what is unknown counts in the tooltip of a bar, so only bars of which nothing is known are left out
        _base("buckets")
        .transform_filter(_known(unit))
        .mark_bar()
        .encode(
            x=_band_axis(),
            y=alt.Y(f"{unit.field}:Q", stack="zero", axis=_amount_axis(unit.label)),
            color=_colour("group", colours),
            order=alt.Order("rank:Q"),
            tooltip=[
                *(_day("first", "From"), _day("last", "To"), alt.Tooltip("group:N", title="Processor")),
                *_amounts(unit),
                alt.Tooltip("unknown:Q", title="Unknown runs and files", format=","),
            ],
        )
    )
    return _with_bands(chart, figures, by_month=False)


def months(figures: CreditFigures, unit: Unit) -> Any:
    """Spend added up within each month, the budget, and what the last month is heading for."""
    month = figures.month
    is_projecting = figures.first_day <= month.month
    first, last = drawn_days(figures)
    if is_projecting and has_projection(month, unit):
        last = month.month + timedelta(days=month.days_in_month - 1)
    layers = [_added_up(unit), *_budget(month, unit), *_projection(month, figures.last_day, unit)]
    return (
        alt.layer(*layers)
        .properties(width="container", height=_HEIGHT)
        .add_params(
            alt.param(name="middles", value=middles(first, last)),
            alt.param(name="everything", value=True),
            alt.param(name="projecting", value=is_projecting),
            alt.param(name="firstShown", value=figures.first_day.isoformat()),
            alt.param(name="lastShown", value=figures.last_day.isoformat()),
        )
    )


def has_projection(month: MonthToDate, unit: Unit) -> bool:
    """Say whether the end of a month can be drawn: it is to come, and something is known."""
    return None not in _ends(month, unit) and month.days < month.days_in_month


def _ends(month: MonthToDate, unit: Unit) -> tuple[Decimal | None, Decimal | None]:
    if unit.name == "money":
        return month.list_cost, month.projected_list_cost
    return month.credits, month.projected


def _added_up(unit: Unit) -> Any:
    axis = alt.Axis(
        values=alt.ExprRef("middles"),
        **{"format": MONTH_FORM, "labelOverlap": "greedy", "labelSeparation": 10},
        **{"ticks": False, "grid": False, "title": None},
    )
    return (
        alt.Chart(alt.NamedData("days"))
        .transform_filter(_known(unit))
        .transform_timeunit(month="utcyearmonth(day)")
        .transform_aggregate(amount=f"sum({unit.field})", groupby=["month", "day", "until"])
        .transform_calculate(begin="time(toDate(datum.day))", end="time(toDate(datum.until))")
        .transform_window(spent="sum(amount)", sort=[alt.SortField("begin")], groupby=["month"], frame=[None, 0])
        .transform_window(following="lead(begin)", sort=[alt.SortField("begin")], groupby=["month"])
        # two points a day, from its beginning to the next day with spend: a staircase that shows the last day, too
        .transform_calculate(
            end="isValid(datum.following) ? datum.following : datum.end",
            partial="time(datum.month) < time(toDate(firstShown))",
        )
        .transform_fold(["begin", "end"], ["edge", "moment"])
        .mark_area(interpolate="linear", color=_BLUE, line={"color": _BLUE, "strokeWidth": 1.5})
        .encode(
            x=alt.X("moment:T", scale=alt.Scale(type="utc"), axis=axis),
            y=alt.Y("spent:Q", stack=None, axis=_amount_axis(unit.label)),
            detail="month:T",
            fillOpacity=alt.condition("datum.partial", alt.value(0.1), alt.value(0.3)),
            tooltip=[_day("begin", "Up to"), alt.Tooltip("spent:Q", title=unit.label, format=unit.form)],
        )
    )


def _budget(month: MonthToDate, unit: Unit) -> list[Any]:
    if month.budget is None:
        return []
    # what is not shown lies at zero, unseen: filtered away, it would leave a scale without any value
    budget = month.budget * unit.price
    data = alt.InlineData([{"budget": float(budget), "text": f"budget {_written(budget, unit)}"}])
    rule = (
        alt.Chart(data)
        .transform_calculate(budget="everything ? datum.budget : 0")
        .encode(y="budget:Q", opacity=_if("everything"))
    )
    # on the left, where a month has only begun
    text = rule.mark_text(align="left", dx=5, dy=-8, color=_DARK_RED, fontSize=12).encode(x=alt.value(0), text="text:N")
    return [rule.mark_rule(color=_RED, strokeDash=[6, 4], strokeWidth=2), text]


def _written(amount: Decimal, unit: Unit) -> str:
    return f"{format(amount, unit.form)} {unit.label}"


def _projection(month: MonthToDate, last_day: date, unit: Unit) -> list[Any]:
    """A line to the end of the month; none where nothing is known, or the month is over."""
    spent, projected = _ends(month, unit)
    if spent is None or projected is None or not has_projection(month, unit):
        return []
    begin = last_day + timedelta(days=1)
    end = begin + timedelta(days=month.days_in_month - month.days)
    text = f"heading for {_written(projected, unit)}"
    data = alt.InlineData(
        [
            {"moment": begin.isoformat(), "spent": float(spent), "text": text},
            {"moment": end.isoformat(), "spent": float(projected), "text": text},
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


def units(unit: Unit, colours: Mapping[str, str], measure: str) -> Any:
    """Unit costs of each version, at the day of its first run."""
    axis = alt.Axis(format=_DATE, labelOverlap="greedy", labelSeparation=12, labelFlush=True, tickCount=6, title=None)
    return (
        _base("units")
        .transform_calculate(amount=f"datum.credits * {unit.price}")
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True), strokeWidth=1.5)
        .encode(
            x=alt.X("utcyearmonthdate(since):T", scale=alt.Scale(type="utc"), axis=axis),
            y=alt.Y("amount:Q", axis=_amount_axis(unit.label), scale=alt.Scale(zero=True)),
            color=_colour("group", colours),
            detail="processor:N",
            tooltip=[
                alt.Tooltip("processor:N", title="Processor"),
                alt.Tooltip("version:N", title="Version"),
                _day("since", "Since"),
                alt.Tooltip("amount:Q", title=unit.label, format=unit.of_one),
                alt.Tooltip("runs:Q", title="Runs", format=","),
            ],
        )
        .transform_filter("datum.measure === shownMeasure")
        .add_params(alt.param(name="shownMeasure", value=measure))
    )


def distribution(unit: Unit, colours: Mapping[str, str]) -> Any:
    """Documents by what they cost."""
    axis = alt.Axis(title=f"{unit.label} per document", format=",~r", tickCount=8)
    return (
        _base("bins")
        .transform_aggregate(runs="sum(runs)", rank="min(rank)", groupby=["lower", "upper", "group"])
        .transform_calculate(begin=f"datum.lower * {unit.price}", end=f"datum.upper * {unit.price}")
        .mark_bar()
        .encode(
            x=alt.X("begin:Q", bin="binned", axis=axis),
            x2="end:Q",
            y=alt.Y("runs:Q", stack="zero", axis=_amount_axis("documents")),
            color=_colour("group", colours),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("begin:Q", title="From", format=",~r"),
                alt.Tooltip("end:Q", title="Below", format=",~r"),
                alt.Tooltip("group:N", title="Processor"),
                alt.Tooltip("runs:Q", title="Documents", format=","),
            ],
        )
    )


def waste(figures: CreditFigures, unit: Unit, colours: Mapping[str, str]) -> Any:
    """What failed and repeated work has cost, by month and reason."""
    counts = {"things": "Runs or files", "unknown": "of unknown cost"}
    return _with_bands(_by_month("waste", unit, "reason", colours, counts), figures, by_month=True)


def products(figures: CreditFigures, unit: Unit, colours: Mapping[str, str]) -> Any:
    """What was charged for, by month and product."""
    chart = _by_month("products", unit, "product", colours, {"charges": "Charges"})
    return _with_bands(chart, figures, by_month=True)


def _by_month(dataset: str, unit: Unit, key: str, colours: Mapping[str, str], counts: Mapping[str, str]) -> Any:
    """Bars by month, stacked by a key; the tooltip counts, too."""
    summed = dict.fromkeys((unit.field, "credits", *counts))
    return (
        _base(dataset)
        .transform_calculate(bucket=_OF_MONTH)
        .transform_filter(_known(unit))
        .transform_aggregate(**{name: f"sum({name})" for name in summed}, groupby=["bucket", key])
        .mark_bar()
        .encode(
            x=_band_axis(),
            y=alt.Y(f"{unit.field}:Q", stack="zero", axis=_amount_axis(unit.label)),
            color=_colour(key, colours),
            tooltip=[
                *(_month_tooltip(), alt.Tooltip(f"{key}:N", title=key.capitalize()), *_amounts(unit)),
                *(alt.Tooltip(f"{name}:Q", title=title, format=",") for name, title in counts.items()),
            ],
        )
    )


def coverage(figures: CreditFigures, colours: Mapping[str, str]) -> Any:
    """Of how many runs and files the credits are known, by month."""
    chart = (
        _base("days", _STRIP_HEIGHT)
        .transform_calculate(bucket=_OF_MONTH, known="datum.things - datum.unknown")
        .transform_fold(["known", "unknown"], ["state", "number"])
        .transform_calculate(rank="datum.state === 'known' ? 0 : 1")
        .mark_bar()
        .encode(
            x=_band_axis(),
            y=alt.Y("sum(number):Q", stack="normalize", axis=_amount_axis("share", "%", 2)),
            color=_colour("state", colours),
            order=alt.Order("rank:Q"),
            tooltip=[
                _month_tooltip(),
                alt.Tooltip("state:N", title="Credits are"),
                alt.Tooltip("sum(number):Q", title="Runs and files", format=","),
            ],
        )
    )
    return _with_bands(chart, figures, by_month=True)


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
    spec["background"] = "transparent"
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    return spec
