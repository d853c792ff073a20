"""Writing each chart as a picture, with everything that the page has around it: title, unit, source, legend."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extend_source.reports.figures import CreditFigures
from extend_source.reports.page.buckets import bucketed, drawn_days, fitting_span
from extend_source.reports.page.extra import require_extra
from extend_source.reports.page.private_files import write_private
from extend_source.reports.page.rows import PageRows, page_rows
from extend_source.reports.page.units import Unit, units_of
from extend_source.text.wording import printable

if TYPE_CHECKING:
    from extend_source.reports.page.charts import PageChart

_WIDTH, _SCALE = 900, 2
_LINE = 140
"""Characters of a subtitle that fit on a line."""


def write_pictures(figures: CreditFigures, folder: Path | str) -> list[Path]:
    """Write each chart as a PNG that only its owner may read.

    Args:
        figures: the figures of the report.
        folder: where to; it is made if need be.

    Returns:
        The files.

    Raises:
        InvalidSetting: the extra ``report`` is not installed.
    """
    specs = picture_specs(figures)
    import vl_convert

    Path(folder).mkdir(parents=True, exist_ok=True)
    written = []
    for name, spec in specs.items():
        path = Path(folder) / f"credits_{name}.png"
        write_private(path, vl_convert.vegalite_to_png(json.dumps(spec), scale=_SCALE))
        written.append(path)
    return written


def picture_specs(figures: CreditFigures) -> dict[str, dict[str, Any]]:
    """Return each picture as Vega-Lite, by the name of its chart."""
    require_extra()
    from extend_source.reports.page.charts import is_drawable, page_charts
    from extend_source.reports.page.drawing import spec_of

    rows, unit = page_rows(figures), units_of(figures)[0]
    shown = drawn_days(figures)
    of_spend = bucketed(rows.datasets["days"], fitting_span(*shown, rows.span), *shown)
    drawn = {**rows.datasets, "buckets": of_spend}
    specs = {}
    for chart in page_charts(rows, figures):
        drawable = is_drawable(chart, rows, unit)
        spec = spec_of(chart.charts[unit.name]) if drawable else _nothing()
        datasets = {**spec.get("datasets", {}), **({chart.dataset: drawn[chart.dataset]} if drawable else {})}
        specs[chart.name] = {
            **spec,
            "datasets": datasets,
            "title": _title(chart, rows, figures, unit),
            "background": "white",
            "padding": 12,
        }
        _prepare_for_paper(specs[chart.name])
    return specs


def _title(chart: PageChart, rows: PageRows, figures: CreditFigures, unit: Unit) -> dict[str, Any]:
    lines = textwrap.wrap(chart.text, _LINE)
    if chart.name == "units":
        lines.append(f"Here: {unit.label} {rows.measure}.")
    place = printable(f"{figures.destination}, dataset {figures.dataset}")
    lines.append(f"{figures.first_day} to {figures.last_day}, {place}")
    return {
        "text": chart.title,
        "subtitle": lines,
        "anchor": "start",
        "fontSize": 17,
        "subtitleFontSize": 12,
        "subtitleColor": "#5b6672",
        "subtitlePadding": 5,
        "offset": 16,
    }


def _nothing() -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": 60,
        "data": {"values": [{}]},
        "mark": {"type": "text", "fontSize": 14, "color": "#5b6672"},
        "encoding": {"text": {"value": "Nothing is known of this."}},
        "config": {"font": "system-ui, sans-serif", "view": {"stroke": None}},
    }


def _prepare_for_paper(spec: dict[str, Any]) -> None:
    """A picture has no container to take its width from, and no page around it that has the legend."""
    for part in (spec, *spec.get("layer", ())):
        if part.get("width") == "container":
            part["width"] = _WIDTH
        colour = part.get("encoding", {}).get("color", {})
        if "scale" in colour:
            colour["legend"] = {"title": None, "orient": "bottom", "columns": 4, "symbolType": "square"}
