"""The credit page: one file, safe whatever the data say, and of a size that can be mailed."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from extend_source.errors import InvalidSetting
from extend_source.reports.figures import BudgetMark
from extend_source.reports.page import render_page, write_page, write_pictures
from extend_source.reports.page.pictures import picture_specs
from extend_source.reports.page.units import credits, money
from tests.reports.example_figures import (
    LAST,
    example_figures,
    finance_figures,
    large_figures,
    legacy_figures,
    no_figures,
)

NBSP = "\u00a0"
HOSTILE = '</script><script>alert(1)</script><!-- "&'


class Page(HTMLParser):
    """What a browser would find in the page: addresses, the data, and text outside scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._inside = ""
        self._data = ""
        self.feed(html)
        self.data: dict[str, Any] = json.loads(self._data)

    def rows(self, dataset: str) -> list[dict[str, Any]]:
        """The rows of a dataset, as the page unpacks them."""
        packed = self.data["datasets"][dataset]
        rows = [dict(zip(packed["columns"], row, strict=True)) for row in packed["rows"]]
        return [{**row, "processor": self.data["processors"][row["processor"]]} for row in rows]

    def tile(self, title: str) -> tuple[str, str]:
        """The value and the note of a tile."""
        found = re.search(rf"<dt>{title}</dt><dd><b>([^<]*)</b><span>([^<]*)</span>", self.html.replace(NBSP, " "))
        assert found, f"there is no tile {title!r}"
        return found[1], found[2]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        self._inside = named.get("id") or tag if tag in ("script", "style") else ""
        self.addresses += [named[name] or "" for name in ("src", "href") if name in named]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "data":
            self._data += data
        elif not self._inside:
            self.text += data


@pytest.mark.slow
def test_the_page_asks_for_nothing_from_anywhere() -> None:
    html = render_page(example_figures())

    page = Page(html)
    assert page.addresses == ["data:,"]
    assert "default-src 'none'" in html
    assert len(html.encode()) < 3_000_000


def test_every_chart_has_a_title_and_plain_words_without_the_name_of_a_table() -> None:
    html = render_page(example_figures())

    figures = re.findall(r'<figure id="(\w+)"[^>]*><figcaption><h2>([^<]+)</h2><p>([^<]+)</p>', html)
    assert [name for name, _, _ in figures] == [
        *("spend", "months", "by_processor", "month", "waste", "units", "distribution", "coverage", "expensive")
    ]
    assert [text for _, _, text in figures if "_" in text or "Source" in text] == []
    assert "<h2>How this is counted</h2>" in html


def test_what_the_data_say_cannot_leave_its_place() -> None:
    figures = example_figures()
    days = [replace(day, processor=HOSTILE) if day.processor_id == "dp_1" else day for day in figures.days]

    page = Page(render_page(replace(figures, days=days, warnings=[HOSTILE], destination=HOSTILE)))

    assert page.tags.count("script") == 3
    assert HOSTILE in page.text
    assert HOSTILE in {row["processor"] for row in page.rows("days")}


@pytest.mark.case("4.5")
@pytest.mark.case("S5")
def test_names_that_a_browser_would_obey_are_shown_on_page_and_pictures() -> None:
    figures, hostile = example_figures(), "in\u202evoice\x1b[31m\nof \ud800 \u200bmine"
    shown = "in�voice�[31m of � �mine"
    odd = replace(
        figures,
        days=[replace(day, processor=hostile) if day.processor_id == "dp_1" else day for day in figures.days],
        expensive=[replace(run, run_id=hostile, url=f"https://x.example/{hostile}") for run in figures.expensive],
        unit_costs=[replace(unit, version_id=hostile) for unit in figures.unit_costs],
        warnings=[hostile],
        destination=hostile,
    )

    html = render_page(odd)
    page = Page(html)

    assert shown in {row["processor"] for row in page.rows("days")}
    assert {(row["run"], row["url"]) for row in page.rows("runs")} == {(shown, None)}
    assert {row["version"] for row in page.rows("units")} == {shown}
    assert f"<li>{shown}</li>" in html
    assert f"<footer><p>{shown}, dataset" in html
    without_library = "".join(re.split(r"<script>.*?</script>", html, flags=re.DOTALL))
    for obeyed in ("\u202e", "\x1b", "\ud800", "\u200b", "\\u202e", "\\u001b", "\\ud800", "\\u200b"):
        assert obeyed not in without_library
    assert not set(json.dumps(picture_specs(odd), ensure_ascii=False)) & set(hostile.replace("\n", "")) - set(shown)


@pytest.mark.case("S15")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_page_and_pictures_are_their_owners_alone(tmp_path: Path, umask: int) -> None:
    page, before = tmp_path / "credits.html", os.umask(umask)
    try:
        page.write_text("an older page")
        page.chmod(0o644)
        write_page(no_figures(), page)
        pictures = write_pictures(no_figures(), tmp_path / "pictures")
    finally:
        os.umask(before)

    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert {oct(path.stat().st_mode & 0o777) for path in (page, *pictures)} == {"0o600"}


def test_a_workspace_without_a_run_has_a_page_that_says_so() -> None:
    page = Page(render_page(no_figures()))

    assert "Nothing was spent in this span." in page.text
    assert page.rows("days") == []


def test_money_is_shown_where_there_are_prices_only() -> None:
    with_prices, without = Page(render_page(finance_figures())), Page(render_page(example_figures()))

    assert with_prices.tile("Spent, at least") == ("7.51 EUR", "375.5 credits in the period")
    assert (with_prices.tags.count("select"), without.tags.count("select")) == (3, 2)
    assert list(with_prices.data["units"]) == ["money", "credits"]
    assert list(without.data["units"]) == ["credits"]
    assert "cost" not in without.data["datasets"]["days"]["columns"]
    assert "Money" not in without.text


def test_money_needs_a_price_on_one_of_the_days() -> None:
    page = Page(render_page(replace(finance_figures(), credit_price=None)))  # all prices are of days to come

    assert page.tile("Spent, at least") == ("375.5", "credits in the period")
    assert list(page.data["units"]) == ["credits"]


def test_the_tiles_of_a_month_say_what_is_to_be_paid_and_what_is_left() -> None:
    page = Page(render_page(finance_figures()))

    assert page.tile("March 2026") == ("0.91 EUR", "45.5 credits in 10 of 31 days")
    assert page.tile("Heading for") == ("5.63 EUR", "281.5 credits at the end of March, 141% of the budget")
    assert page.tile("To pay for March") == ("0.00 EUR", "heading for 1.63 EUR, beyond what the plan includes")
    assert page.tile("Included credits left in March") == ("154.5", "of 200.0 credits")
    assert page.tile("Change on February") == (
        "\N{MINUS SIGN}74.7%",
        "first 9 days: 0.91 EUR, 45.5 credits; 3.60 EUR in February",
    )
    assert page.html.count('class="tile"') == 8
    assert ":root { --columns: 4; }" in page.html


def test_where_nothing_is_included_the_price_of_all_is_to_be_paid() -> None:
    figures = finance_figures()

    page = Page(render_page(replace(figures, month=replace(figures.month, included=Decimal(0)))))

    assert "To pay" not in page.html.split('<section id="counted">')[0]
    assert page.html.count('class="tile"') == 6
    assert ":root { --columns: 3; }" in page.html


def test_the_budget_has_marks_with_the_days_on_which_they_are_reached() -> None:
    figures = finance_figures()
    page, without = Page(render_page(figures)), Page(render_page(no_figures()))

    panel = page.html.split('<section id="budget"')[1].split("</section>")[0].replace(NBSP, " ")
    assert (
        "23% of the budget of 4.00 EUR (200.0 credits) is used after 10 of 31 days; 141% expected at its end." in panel
    )
    assert re.findall("<tr>(.*?)</tr>", panel)[1:] == [
        f'<th scope="row">{share}</th><td class="number">{euros}</td><td class="number">{credits}</td>'
        f'<td class="day">{day}</td>'
        for share, euros, credits, day in (
            ("50%", "2.00", "100.0", "expected on 15 Mar 2026"),
            ("80%", "3.20", "160.0", "expected on 21 Mar 2026"),
            ("100%", "4.00", "200.0", "expected on 24 Mar 2026"),
        )
    ]
    assert 'aria-label="23% of the budget used, 141% expected"' in panel
    assert 'id="budget"' not in without.html


@pytest.mark.parametrize(
    ("projected", "day", "reached", "words"),
    [
        (Decimal("281.5"), date(2026, 3, 9), True, "on 9 Mar 2026"),
        (Decimal("150"), None, False, "not in March"),
        (None, None, False, "unknown"),
    ],
)
def test_a_mark_was_reached_or_will_not_be_or_that_is_unknown(
    projected: Decimal | None, day: date | None, reached: bool, words: str
) -> None:
    figures = finance_figures()
    mark = BudgetMark(Decimal(1), Decimal(200), day, reached)
    month = replace(figures.month, projected=projected, marks=(mark,))

    page = Page(render_page(replace(figures, month=month)))

    assert f'<td class="day">{words}</td>' in page.html.replace(NBSP, " ")


@pytest.mark.slow
def test_the_head_says_whose_figures_and_of_when() -> None:
    figures, many = finance_figures(), [f"ws_{number}" for number in range(5)]

    heads = [
        render_page(replace(figures, workspaces=workspaces), title).split("</header>")[0].split("<header>")[1]
        for workspaces, title in (([], None), (["ws_1"], None), (many, None), (many, "Acme & Sons"))
    ]

    places = [re.findall('class="place">([^<]*)<', head)[0] for head in heads]
    assert places == [
        *("Pipeline extend_pipeline", "Workspace ws_1", "Workspaces ws_0, ws_1, ws_2 and 2 more", "Acme &amp; Sons")
    ]
    assert f"1{NBSP}Jan{NBSP}2026 to 10{NBSP}Mar{NBSP}2026 (69 days), days in UTC." in heads[0]


def test_little_is_not_written_as_nothing() -> None:
    amounts = ("0", "0.04", "0.05", "1234.25")

    assert [credits(Decimal(amount)) for amount in amounts] == [
        *("0.0 credits", "<0.1 credits", "0.1 credits", "1,234.3 credits")
    ]
    assert [money(Decimal(amount), "EUR") for amount in ("0.004", "0.005", "5.625")] == [
        *("<0.01 EUR", "0.01 EUR", "5.63 EUR")
    ]


def test_days_in_warnings_do_not_break_at_the_end_of_a_line() -> None:
    page = Page(render_page(replace(no_figures(), warnings=["2026-02-09: 2026-99-99 spent 30."])))

    assert f"9{NBSP}Feb{NBSP}2026: 2026-99-99 spent 30." in page.text


@pytest.mark.slow
def test_each_chart_is_a_picture_as_well(tmp_path: Path) -> None:
    written = write_pictures(example_figures(), tmp_path / "new")

    assert [path.name for path in written] == [
        f"credits_{name}.png" for name in ("spend", "month", "waste", "units", "distribution", "coverage")
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000 for path in written)


@pytest.mark.thorough
def test_a_large_workspace_over_three_years_has_a_page_of_less_than_three_megabytes() -> None:
    html = render_page(large_figures())

    page = Page(html)
    assert len(html.encode()) < 3_000_000
    assert min(len(page.rows(name)) for name in ("days", "bins", "waste", "runs", "units")) > 1000
    assert "this page holds weeks instead of days" in page.text
    assert "Unit costs are those of the newest 20 versions of a processor." in page.text


def test_a_processor_is_chosen_by_its_place_whatever_its_name() -> None:
    figures = example_figures()
    days = [replace(day, processor="  Two  spaces ") if day.processor_id == "dp_1" else day for day in figures.days]

    page = Page(render_page(replace(figures, days=days)))

    place = page.data["processors"].index("Two spaces")
    assert f'<input type="checkbox" value="{place}">Two spaces</label>' in page.html


def test_tiles_have_one_decimal() -> None:
    days = [replace(example_figures().days[-1], credits=Decimal("12543.8875"))]

    page = Page(render_page(replace(example_figures(), days=days)))

    assert page.tile("Spent") == ("12,543.9", "credits in the period")


def test_tiles_say_what_is_unknown_and_what_is_a_lower_bound_only() -> None:
    page, legacy = Page(render_page(example_figures())), Page(render_page(legacy_figures()))

    assert page.tile("Spent, at least") == ("12,543.9", "credits in the period")
    assert page.tile("Failed and repeated work, at least") == ("31.0", "credits in the period")
    assert page.tile("Credits known") == ("79%", "of 5,625 runs and files")
    assert legacy.tile("Spent") == ("unknown", "in the period")
    assert legacy.tile("February 2026") == ("unknown", "in 20 of 28 days")
    assert legacy.tile("Heading for") == ("unknown", "at the end of February")
    assert legacy.tile("Failed and repeated work") == ("unknown", "in the period")


def test_a_month_of_which_something_is_unknown_is_a_lower_bound() -> None:
    month = replace(example_figures().month, unknown=3)

    page = Page(render_page(replace(example_figures(), month=month)))

    assert page.tile("February 2026, at least") == ("2,000.0", "credits in 20 of 28 days")
    assert page.tile("Heading for, at least")[0] == "2,800.0"


def test_one_unknown_run_of_a_thousand_is_not_all_known() -> None:
    day = replace(example_figures().days[-1], things=1000, known=999)

    page = Page(render_page(replace(example_figures(), days=[day])))

    assert page.tile("Credits known") == ("99%", "of 1,000 runs and files")


def test_large_numbers_are_written_out() -> None:
    month = replace(example_figures().month, budget=Decimal("2500000"), projected=Decimal("1234567.891"))

    page = Page(render_page(replace(example_figures(), month=month)))

    assert "budget 2,500,000.0 credits" in json.dumps(page.data["charts"])
    assert "heading for 1,234,567.9 credits" in json.dumps(page.data["charts"])
    assert "e+06" not in json.dumps(page.data["charts"]) + page.text


def test_what_the_month_is_heading_for_is_a_line_to_its_end() -> None:
    ahead, over = example_figures(), replace(example_figures().month, days=28)

    assert [(row["moment"], row["spent"]) for row in projection(Page(render_page(ahead)))] == [
        ("2026-02-21", 2000.0),
        ("2026-03-01", 2800.0),
    ]
    assert projection(Page(render_page(replace(ahead, month=over)))) == []
    assert "Dotted" not in render_page(replace(ahead, month=over)).split("<script")[0]
    assert projection(Page(render_page(legacy_figures()))) == []


def projection(page: Page) -> list[dict[str, Any]]:
    """The points of the line that leads to the end of the month."""
    spec = next(chart for chart in page.data["charts"] if chart["name"] == "month")["specs"]["credits"]
    return [row for rows in spec.get("datasets", {}).values() for row in rows if "moment" in row]


def test_legends_name_what_is_drawn_and_nothing_else() -> None:
    html = render_page(example_figures())

    legends = {
        name: re.findall('<li data-name="([^"]*)"', html.split(f'<figure id="{name}"')[1].split("</figure>")[0])
        for name in ("units", "distribution", "waste")
    }
    assert legends["units"] == ["Invoices"]
    assert len(legends["distribution"]) == 5
    assert legends["waste"] == ["Files processed again", "Parsing that no run could use"]


def test_what_counts_whole_months_says_so() -> None:
    html = render_page(example_figures())

    whole = re.findall(r'<figure id="(\w+)"[^>]*><figcaption><h2>[^<]+</h2><p>[^<]*Whole months\.</p>', html)
    assert whole == ["waste", "distribution"]


def test_every_table_has_a_name() -> None:
    html = render_page(example_figures())

    named = re.findall('<div class="table" tabindex="0" role="region" aria-label="([^"]+)">', html)
    assert len(named) == len(set(named)) == html.count('class="table"') == 9


def test_pictures_say_what_is_counted_and_the_span() -> None:
    specs = picture_specs(example_figures())

    for name, spec in specs.items():
        subtitle = " ".join(spec["title"]["subtitle"])
        assert spec["title"]["text"], name
        assert "Source" not in subtitle, name
        assert f"2025-09-01 to {LAST}, duckdb duckdb:////data/extend.duckdb, dataset extend" in subtitle, name
    assert "Here: credits per page." in specs["units"]["title"]["subtitle"]


def test_pictures_of_nothing_say_so_instead_of_an_empty_chart(tmp_path: Path) -> None:
    specs = picture_specs(legacy_figures())

    nothing = [name for name, spec in specs.items() if "Nothing is known of this." in json.dumps(spec)]
    assert nothing == ["spend", "month", "waste", "units", "distribution"]
    assert len(write_pictures(legacy_figures(), tmp_path)) == 6


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extend_source.reports.page.extra.find_spec", lambda name: None)

    with pytest.raises(InvalidSetting, match=r'pip install "dlt-source-extend\[report\]"'):
        render_page(example_figures())
