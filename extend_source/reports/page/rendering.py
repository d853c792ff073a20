"""Writing the page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from extend_source.reports.figures import CreditFigures
from extend_source.reports.page import words
from extend_source.reports.page.buckets import MAX_DAYS, drawn_days
from extend_source.reports.page.budget import budget_panel
from extend_source.reports.page.extra import require_extra
from extend_source.reports.page.labels import OTHERS
from extend_source.reports.page.private_files import write_private
from extend_source.reports.page.rows import MEASURES, RUNS_SHOWN, PageRows, Row, page_rows
from extend_source.reports.page.tiles import columns, tiles
from extend_source.reports.page.units import has_money, units_of
from extend_source.reports.page.words import shown

if TYPE_CHECKING:
    from extend_source.reports.page.charts import Column, PageChart

_TITLES = {"months": "By month", "by_processor": "By processor", "expensive": "The most expensive documents"}
_WIDE = ("spend", "coverage")


def render_page(figures: CreditFigures, title: str | None = None) -> str:
    """Make the page.

    Args:
        figures: the figures of the report.
        title: whose figures these are, for example an organisation; None: the ids of the workspaces, if known.

    Returns:
        An HTML document that needs no network and no other file.

    Raises:
        InvalidSetting: the extra ``report`` is not installed.
    """
    require_extra()
    from extend_source.reports.page.charts import page_charts, page_tables

    rows = page_rows(figures)
    charts, tables = page_charts(rows, figures), page_tables(figures)
    spend, *others = (_figure(chart, rows) for chart in charts)
    return _template("page.html").substitute(
        style=_style(figures),
        runtime=_runtime(),
        script=_script(),
        data=_script_json(_data(figures, rows, charts, tables)),
        place=shown(words.place(figures, title)),
        period=words.period(figures),
        loaded=words.loaded(figures),
        first=figures.first_day,
        last=figures.last_day,
        # by place: a browser would take doubled spaces out of a name
        processors="".join(
            f'<label><input type="checkbox" value="{place}">{shown(name)}</label>'
            for place, name in enumerate(rows.processors)
        ),
        units=_unit_choice(figures),
        max_runs=RUNS_SHOWN,
        budget=budget_panel(figures),
        tiles=tiles(figures),
        warnings=_warnings(figures, rows),
        spend=spend,
        figures="".join(others),
        **{f"{name}_table": _table(name, _TITLES[name]) for name in tables},
        counted=words.how_counted(figures),
        source=shown(_source(figures)),
    )


def write_page(figures: CreditFigures, path: Path | str, title: str | None = None) -> None:
    """Write the page to a file that only its owner may read; see `render_page`."""
    write_private(path, render_page(figures, title).encode())


def _style(figures: CreditFigures) -> str:
    return f":root {{ --columns: {columns(figures)}; }}\n{_text('page.css')}"


def _script() -> str:
    """The page's own script: its parts, in one function."""
    parts = "\n".join(_text(name) for name in ("page.data.js", "page.tables.js", "page.js"))
    return f'(function () {{\n"use strict";\n{parts}}})();'


@cache  # it takes seconds, and is always the same
def _runtime() -> str:
    """The library that draws the charts."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("</script", "<\\/script")


def _data(
    figures: CreditFigures, rows: PageRows, charts: Sequence[PageChart], tables: Mapping[str, Sequence[Column]]
) -> dict[str, Any]:
    from extend_source.reports.page.drawing import has_projection, spec_of

    units = units_of(figures)
    return {
        "processors": rows.processors,
        "coloured": len(rows.coloured),
        "others": OTHERS,
        "datasets": {name: _packed(dataset, rows.processors) for name, dataset in rows.datasets.items()},
        "charts": [
            {
                "name": chart.name,
                "dataset": chart.dataset,
                "table": chart.table,
                "value": chart.value,
                "key": chart.key,
                "columns": [asdict(column) for column in chart.columns],
                "specs": {name: spec_of(drawn) for name, drawn in chart.charts.items()},
            }
            for chart in charts
        ],
        "tables": {name: [asdict(column) for column in columns] for name, columns in tables.items()},
        "units": {unit.name: {"name": unit.name, "field": unit.field, "label": unit.label} for unit in units},
        "price": units[0].price if has_money(figures) else None,
        "finest": rows.span,
        "maxDays": MAX_DAYS,
        "first": figures.first_day.isoformat(),
        "last": figures.last_day.isoformat(),
        "drawn": [day.isoformat() for day in drawn_days(figures)],
        "month": figures.month.month.isoformat(),
        "isProjected": any(has_projection(figures.month, unit) for unit in units),
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
    return f"{place}; made {words.day(figures.at)}, {figures.at:%H:%M} UTC"


def _warnings(figures: CreditFigures, rows: PageRows) -> str:
    lines = [*figures.warnings, *rows.left_out]
    if not figures.days:
        lines.append("Nothing was spent in this span. Choose another one with --from and --to, or sync first.")
    return "".join(f"<li>{shown(words.with_dates(line))}</li>" for line in lines)


def _figure(chart: PageChart, rows: PageRows) -> str:
    title, text = shown(chart.title), shown(chart.text)
    legend = "".join(
        f'<li data-name="{shown(name)}"><span style="background:{colour}"></span>{shown(name)}</li>'
        for name, colour in chart.legend.items()
    )
    choice = _measure_choice(rows) if chart.name == "units" else ""
    wide = ' class="wide"' if chart.name in _WIDE else ""
    return (
        f'<figure id="{chart.name}"{wide}><figcaption><h2>{title}</h2><p>{text}</p>{choice}</figcaption>'
        f'<div class="drawing"><p class="nothing">Nothing is known in this choice.</p>'
        f'<div class="chart" role="img" aria-label="{title}. {text}"></div></div><ul class="legend">{legend}</ul>'
        f'<details class="numbers"><summary>The figures as a table</summary>{_table(chart.name, chart.title)}'
        "</details></figure>"
    )


def _table(name: str, title: str) -> str:
    """The place of a table, which the script fills, and the button that saves it."""
    return (
        f'<div class="listed"><div class="table" tabindex="0" role="region" aria-label="{shown(title)}: table"></div>'
        f'<button type="button" class="csv" data-table="{name}" aria-label="{shown(title)}: save as CSV">'
        "Save as CSV</button></div>"
    )


def _measure_choice(rows: PageRows) -> str:
    options = "".join(f"<option{' selected' if name == rows.measure else ''}>{name}</option>" for name in MEASURES)
    return f'<label class="choice">Cost <select id="measure">{options}</select></label>'


def _unit_choice(figures: CreditFigures) -> str:
    """A choice where there are two units."""
    if not has_money(figures):
        return ""
    names = {"money": f"money ({figures.currency})", "credits": "credits"}
    options = "".join(f'<option value="{unit.name}">{shown(names[unit.name])}</option>' for unit in units_of(figures))
    return f'<label>In <select id="unit">{options}</select></label>'


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
