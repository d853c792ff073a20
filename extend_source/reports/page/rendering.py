"""Writing the page."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from extend_source.reports.figures import CreditFigures
from extend_source.reports.page.extra import require_extra
from extend_source.reports.page.labels import OTHERS
from extend_source.reports.page.private_files import write_private
from extend_source.reports.page.rows import MEASURES, RUNS_SHOWN, PageRows, Row, page_rows
from extend_source.reports.page.tiles import tiles
from extend_source.wording import printable

if TYPE_CHECKING:
    from extend_source.reports.page.charts import PageChart


def render_page(figures: CreditFigures) -> str:
    """Make the page.

    Args:
        figures: the figures of the report.

    Returns:
        An HTML document that needs no network and no other file.

    Raises:
        InvalidSetting: the extra ``report`` is not installed.
    """
    require_extra()
    from extend_source.reports.page.charts import page_charts

    rows = page_rows(figures)
    charts = page_charts(rows, figures)
    return _template("page.html").substitute(
        style=_text("page.css"),
        runtime=_runtime(),
        script=_text("page.js"),
        data=_script_json(_data(figures, rows, charts)),
        span=f"{figures.first_day} to {figures.last_day}",
        first=figures.first_day,
        last=figures.last_day,
        # by place: a browser would take doubled spaces out of a name
        processors="".join(
            f'<option value="{place}">{_shown(name)}</option>' for place, name in enumerate(rows.processors)
        ),
        max_runs=RUNS_SHOWN,
        tiles=tiles(figures),
        warnings=_warnings(figures, rows),
        figures="".join(_figure(chart, rows) for chart in charts),
        source=_shown(_source(figures)),
    )


def write_page(figures: CreditFigures, path: Path | str) -> None:
    """Write the page to a file that only its owner may read; see `render_page`."""
    write_private(path, render_page(figures).encode())


@cache  # it takes seconds, and is always the same
def _runtime() -> str:
    """The library that draws the charts."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("</script", "<\\/script")


def _data(figures: CreditFigures, rows: PageRows, charts: Sequence[PageChart]) -> dict[str, Any]:
    from extend_source.reports.page.drawing import spec_of

    return {
        "processors": rows.processors,
        "coloured": len(rows.coloured),
        "others": OTHERS,
        "datasets": {name: _packed(dataset, rows.processors) for name, dataset in rows.datasets.items()},
        "charts": [
            {
                "name": chart.name,
                "dataset": chart.dataset,
                "value": chart.value,
                "key": chart.key,
                "columns": chart.columns,
                "spec": spec_of(chart.chart),
            }
            for chart in charts
        ],
        "first": figures.first_day.isoformat(),
        "last": figures.last_day.isoformat(),
        "month": figures.month.month.isoformat(),
        "mostRuns": RUNS_SHOWN,
    }


def _packed(rows: Sequence[Row], processors: Sequence[str]) -> dict[str, Any]:
    """Write names once: the columns' before the rows, the processors' elsewhere; the page unpacks them."""
    place = {name: number for number, name in enumerate(processors)}
    columns = [key for key in (rows[0] if rows else ()) if key not in ("group", "rank")]
    return {
        "columns": columns,
        "rows": [[place[row[key]] if key == "processor" else row[key] for key in columns] for row in rows],
    }


def _source(figures: CreditFigures) -> str:
    place = f"{figures.destination}, dataset {figures.dataset}, pipeline {figures.pipeline}"
    return f"{place}; made {figures.at:%Y-%m-%d %H:%M} UTC"


def _warnings(figures: CreditFigures, rows: PageRows) -> str:
    lines = [*figures.warnings, *rows.left_out]
    if not figures.days:
        lines.append("Nothing was spent in this span. Choose another one with --from and --to, or sync first.")
    return "".join(f"<li>{_shown(line)}</li>" for line in lines)


def _figure(chart: PageChart, rows: PageRows) -> str:
    title, unit = _shown(chart.title), _shown(chart.unit)
    legend = "".join(
        f'<li data-name="{_shown(name)}"><span style="background:{colour}"></span>{_shown(name)}</li>'
        for name, colour in chart.legend.items()
    )
    choice = _measure_choice(rows) if chart.name == "units" else ""
    return (
        f'<figure id="{chart.name}"><figcaption><h2>{title}</h2><p>{unit}</p>{choice}</figcaption>'
        f'<p class="nothing">Nothing is known in this choice.</p>'
        f'<div class="chart" role="img" aria-label="{title}. {unit}"></div><ul class="legend">{legend}</ul>'
        "<details><summary>The figures as a table</summary>"
        f'<div class="table" tabindex="0" role="region" aria-label="{title}: the figures as a table"></div>'
        "</details></figure>"
    )


def _measure_choice(rows: PageRows) -> str:
    options = "".join(f"<option{' selected' if name == rows.measure else ''}>{name}</option>" for name in MEASURES)
    return f'<label class="choice">Credits <select id="measure">{options}</select></label>'


def _shown(text: str) -> str:
    return html.escape(printable(text))


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
