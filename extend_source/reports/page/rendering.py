"""Writing the page and the pictures."""

from __future__ import annotations

import html
import json
from datetime import date
from decimal import Decimal
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from extend_source.api import InvalidSetting
from extend_source.reports.figures import CreditFigures
from extend_source.reports.grouping import total
from extend_source.reports.page.rows import PageRows, page_rows
from extend_source.writing import figure

if TYPE_CHECKING:
    from extend_source.reports.page.charts import PageChart

_PICTURE_WIDTH, _PICTURE_SCALE = 900, 2

_MEASURE = (
    '<label class="choice">Unit <select id="measure"><option>per page</option><option>per document</option>'
    "<option>per accepted field</option></select></label>"
)


def render_page(figures: CreditFigures) -> str:
    """Make the page.

    Args:
        figures: the figures of the report.

    Returns:
        An HTML document that needs no network and no other file.

    Raises:
        InvalidSetting: the extra ``report`` is not installed.
    """
    _require_extra()
    import vl_convert

    from extend_source.reports.page.charts import page_charts, spec_of

    rows = page_rows(figures)
    budget = None if figures.month.budget is None else float(figures.month.budget)
    charts = page_charts(rows, budget)
    data = {
        "datasets": rows.datasets,
        "charts": [
            {
                "name": chart.name,
                "dataset": chart.dataset,
                "value": chart.value,
                "columns": chart.columns,
                "spec": spec_of(chart.chart),
            }
            for chart in charts
        ],
        "first": figures.first_day.isoformat(),
        "last": figures.last_day.isoformat(),
    }
    return _template("page.html").substitute(
        style=_text("page.css"),
        runtime=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script"),
        script=_text("page.js"),
        data=_script_json(data),
        span=f"{figures.first_day} to {figures.last_day}",
        first=figures.first_day,
        last=figures.last_day,
        processors="".join(f"<option>{html.escape(name)}</option>" for name in rows.processors),
        tiles=_tiles(figures),
        warnings=_warnings(figures, rows),
        figures="".join(_figure(chart) for chart in charts),
        source=html.escape(_source(figures)),
    )


def write_page(figures: CreditFigures, path: Path | str) -> None:
    """Write the page to a file; see `render_page`."""
    Path(path).write_text(render_page(figures), "utf-8")


def write_pictures(figures: CreditFigures, folder: Path | str) -> list[Path]:
    """Write each chart as a PNG.

    Args:
        figures: the figures of the report.
        folder: where to; it is made if need be.

    Returns:
        The files.

    Raises:
        InvalidSetting: the extra ``report`` is not installed.
    """
    _require_extra()
    import vl_convert

    from extend_source.reports.page.charts import page_charts, spec_of

    rows = page_rows(figures)
    Path(folder).mkdir(parents=True, exist_ok=True)
    written = []
    for chart in page_charts(rows, None if figures.month.budget is None else float(figures.month.budget)):
        spec = spec_of(chart.chart)
        spec = {
            **spec,
            "datasets": {**spec.get("datasets", {}), **rows.datasets},
            "title": chart.title,
            "background": "white",
        }
        _prepare_for_paper(spec)
        path = Path(folder) / f"credits_{chart.name}.png"
        path.write_bytes(vl_convert.vegalite_to_png(json.dumps(spec), scale=_PICTURE_SCALE))
        written.append(path)
    return written


def _prepare_for_paper(spec: dict[str, Any]) -> None:
    """A picture has no container to take its width from, and no page around it that has the legend."""
    for part in (spec, *spec.get("layer", ())):
        if part.get("width") == "container":
            part["width"] = _PICTURE_WIDTH
        colour = part.get("encoding", {}).get("color", {})
        if "scale" in colour:
            colour["legend"] = {"title": None, "orient": "bottom", "columns": 4, "symbolType": "square"}


def _require_extra() -> None:
    if find_spec("altair") is None or find_spec("vl_convert") is None:
        raise InvalidSetting(
            "The page and the pictures need the extra `report`", 'Install it: pip install "dlt-source-extend[report]"'
        )


def _source(figures: CreditFigures) -> str:
    place = f"{figures.destination}, dataset {figures.dataset}, pipeline {figures.pipeline}"
    return f"{place}; made {figures.at:%Y-%m-%d %H:%M} UTC"


def _tiles(figures: CreditFigures) -> str:
    month, everything = figures.month, total(figures.days)
    things = everything.runs + (everything.files or 0)
    vain = sum((waste.credits for waste in figures.waste if waste.credits is not None), Decimal(0))
    tiles = [
        ("Spent in the span", figure(everything.credits), "credits, as far as known"),
        (f"{month.month:%B %Y}", figure(month.credits), f"credits in {month.days} of {month.days_in_month} days"),
        ("Heading for", figure(month.projected), _against(month.budget, month.projected)),
    ]
    if month.cost is not None and month.projected_cost is not None:
        more = f"heading for {month.projected_cost:,.2f} {figures.currency}, beyond what the plan includes"
        tiles.append((f"Cost in {month.month:%B}", f"{month.cost:,.2f} {figures.currency}", more))
    known = "nothing was spent" if not things else f"of {things:,} runs and files"
    share = "" if not things else f"{(things - everything.unknown) / things:.0%}"
    tiles += [
        ("Credits known", share or "all", known),
        ("Spent in vain", figure(vain), "credits, see below"),
        ("Last load", _dated(figures.last_sync), f"newest run: {_dated(figures.newest_run)}"),
    ]
    return "".join(
        f'<div class="tile"><dt>{html.escape(title)}</dt><dd><b>{html.escape(value)}</b>'
        f"<span>{html.escape(note)}</span></dd></div>"
        for title, value, note in tiles
    )


def _against(budget: Decimal | None, projected: Decimal | None) -> str:
    if budget is None:
        return "credits at the end of the month"
    share = f", {projected / budget:.0%} of it" if budget and projected is not None else ""
    return f"credits at the end of the month; the budget is {figure(budget)}{share}"


def _dated(moment: Any) -> str:
    return "unknown" if moment is None else f"{moment:%Y-%m-%d}"


def _warnings(figures: CreditFigures, rows: PageRows) -> str:
    lines = list(figures.warnings)
    if rows.span != "day":
        lines.append(f"There are so many days and processors that days are added up to {rows.span}s here.")
    if not figures.days:
        lines.append("Nothing was spent in this span. Choose another one with --from and --to, or sync first.")
    return "".join(f"<li>{html.escape(line)}</li>" for line in lines)


def _figure(chart: PageChart) -> str:
    title, unit = html.escape(chart.title), html.escape(chart.unit)
    legend = "".join(
        f'<li><span style="background:{colour}"></span>{html.escape(name)}</li>'
        for name, colour in chart.legend.items()
    )
    choice = _MEASURE if chart.name == "units" else ""
    return (
        f'<figure id="{chart.name}"><figcaption><h2>{title}</h2><p>{unit}</p>{choice}</figcaption>'
        f'<div class="chart" role="img" aria-label="{title}. {unit}"></div><ul class="legend">{legend}</ul>'
        "<details><summary>The figures as a table</summary>"
        '<div class="table" tabindex="0"></div></details></figure>'
    )


def _script_json(value: Any) -> str:
    """Write JSON for a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"), default=_plain)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else float(value)


def _text(name: str) -> str:
    return (files("extend_source.reports.page") / name).read_text("utf-8")


def _template(name: str) -> Template:
    return Template(_text(name))
