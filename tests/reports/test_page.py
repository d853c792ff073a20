"""The credit page: one file, safe whatever the data say, and of a size that can be mailed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from extend_source.api import InvalidSetting
from extend_source.reports.page import render_page, write_pictures
from extend_source.reports.page.rows import MOST_ROWS, OTHERS, page_rows
from tests.reports.example_figures import example_figures, no_figures

HOSTILE = '</script><script>alert(1)</script><!-- "&'


class Page(HTMLParser):
    """What a browser would find in the page: addresses, the data, and text outside scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._inside = ""
        self.data = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        self._inside = named.get("id") or tag if tag in ("script", "style") else ""
        self.addresses += [named[name] or "" for name in ("src", "href") if name in named]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "data":
            self.data += data
        elif not self._inside:
            self.text += data


def test_the_page_asks_for_nothing_from_anywhere() -> None:
    html = render_page(example_figures())

    page = Page(html)
    assert page.addresses == ["data:,"]
    assert "default-src 'none'" in html
    assert len(html.encode()) < 3_000_000


def test_every_chart_has_a_title_a_unit_and_a_source() -> None:
    html = render_page(example_figures())

    figures = re.findall(r'<figure id="(\w+)"><figcaption><h2>([^<]+)</h2><p>([^<]+)</p>', html)
    assert [name for name, _, _ in figures] == [
        *("spend", "month", "units", "distribution", "waste", "coverage", "expensive")
    ]
    assert all("Source: credit_" in text for _, _, text in figures)


def test_what_the_data_say_cannot_leave_its_place() -> None:
    figures = example_figures()
    days = [replace(day, processor=HOSTILE) if day.processor_id == "dp_1" else day for day in figures.days]

    page = Page(render_page(replace(figures, days=days, warnings=[HOSTILE], destination=HOSTILE)))

    assert page.tags.count("script") == 3
    assert HOSTILE in page.text
    assert HOSTILE in {row["processor"] for row in json.loads(page.data)["datasets"]["days"]}


def test_links_lead_to_web_addresses_only() -> None:
    figures = example_figures()
    runs = [replace(figures.expensive[0], url="javascript:alert(1)"), figures.expensive[1]]

    rows = page_rows(replace(figures, expensive=runs)).datasets["runs"]

    assert [row["url"] for row in rows] == [None, "https://dashboard.extend.ai/runs/dpr_1"]


def test_unknown_is_no_zero() -> None:
    rows = page_rows(example_figures()).datasets["days"]

    before = [row for row in rows if row["day"] < "2025-10-07"]
    assert {row["credits"] for row in before} == {None}
    assert {row["unknown"] for row in before} == {4, 5}
    assert all(row["credits"] is not None for row in rows if row["day"] >= "2025-10-07")


def test_a_workspace_without_a_run_has_a_page_that_says_so() -> None:
    page = Page(render_page(no_figures()))

    assert "Nothing was spent in this span." in page.text
    assert json.loads(page.data)["datasets"]["days"] == []


def test_a_thousand_processors_over_three_years_fit_on_a_page() -> None:
    figures = example_figures(processors=1000, first=date(2023, 3, 1))
    all_credits = sum(day.credits for day in figures.days if day.credits is not None)

    rows = page_rows(figures)
    html = render_page(figures)

    assert len(html.encode()) < 3_000_000
    assert rows.span == "week"
    assert len(rows.datasets["days"]) <= MOST_ROWS
    assert rows.processors[-1] == OTHERS
    assert sum(row["credits"] or 0 for row in rows.datasets["days"]) == pytest.approx(float(all_credits))
    assert "added up to weeks" in html


def test_processors_of_one_name_are_told_apart_by_their_ids() -> None:
    figures = example_figures()
    days = [replace(day, processor="Invoices") if day.processor_id == "dp_1" else day for day in figures.days]
    others = {"unit_costs": [], "distribution": [], "expensive": [], "waste": []}

    processors = page_rows(replace(figures, days=days, **others)).processors

    assert {"Invoices (dp_0)", "Invoices (dp_1)"} <= set(processors)
    assert len(set(processors)) == len(processors) == 5


def test_money_is_shown_where_there_are_prices_only() -> None:
    figures = example_figures()
    priced = replace(figures.month, cost=Decimal("20.5"), projected_cost=Decimal("28"))

    without, with_prices = (
        Page(render_page(each)).text for each in (figures, replace(figures, currency="EUR", month=priced))
    )

    assert "20.50 EUR" in with_prices
    assert "Cost in" not in without


def test_each_chart_is_a_picture_as_well(tmp_path: Path) -> None:
    written = write_pictures(example_figures(), tmp_path / "new")

    assert [path.name for path in written] == [
        f"credits_{name}.png" for name in ("spend", "month", "units", "distribution", "waste", "coverage")
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000 for path in written)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extend_source.reports.page.rendering.find_spec", lambda name: None)

    with pytest.raises(InvalidSetting, match=r'pip install "dlt-source-extend\[report\]"'):
        render_page(example_figures())
