"""What a finance person is shown in a browser: figures added up by hand, on screens, on paper and as CSV."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.base import AXE_SCRIPT
from pypdf import PdfReader
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from extend_source.reports.page import write_page
from extend_source.reports.page.words import NONE
from tests.reports.browsing import (
    choose,
    choose_processors,
    errors,
    open_figures,
    open_page,
    screen,
    settle,
    table,
    visible,
    wait_for,
)
from tests.reports.example_figures import example_figures, finance_figures, large_figures

BY_MONTH = [
    ["Month", "EUR", "Credits", "Change", "Runs", "Files", "Unknown"],
    ["Jan 2026", "3.00", "150.0", NONE, "6", "4", "0"],
    ["Feb 2026", "3.60", "180.0", "+20.0%", "9", "0", "4"],
    ["Mar 2026", "0.91", "45.5", NONE, "2", "2", "0"],
    ["All", "7.51", "375.5", NONE, "17", "6", "4"],
]
BY_PROCESSOR = [
    ["Processor", "EUR", "Credits", "Share", "Runs", "Files", "Unknown"],
    ["Invoices", "5.60", "280.0", "74.6%", "11", "4", "1"],
    ["Contracts", "1.91", "95.5", "25.4%", "3", "2", "0"],
    ["-Letters", "unknown", "unknown", NONE, "3", "0", "3"],
    ["All", "7.51", "375.5", "100.0%", "17", "6", "4"],
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the page of `finance_figures`."""
    path = tmp_path_factory.mktemp("finance") / "credits.html"
    write_page(finance_figures(), path, "Acme, accounts payable")
    return path.as_uri()


@pytest.fixture(scope="module")
def opened(browser: Chrome, address: str) -> Chrome:
    """A browser that shows the page, opened once for all tests."""
    open_page(browser, address)
    return browser


@pytest.fixture
def finance(opened: Chrome, address: str) -> Iterator[Chrome]:
    """The page with nothing chosen; whatever a test does, no error is told of."""
    if opened.current_url != address:
        open_page(opened, address)
    yield opened
    opened.execute_script("for (const each of document.querySelectorAll('details')) each.open = false")
    opened.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    wait_for(opened, "return document.getElementById('shown').textContent.includes('all processors')")
    settle(opened)
    assert errors(opened) == []


def drawn(browser: Chrome) -> list[tuple[str, str, float]]:
    """The bars of spend: the first day of their day, week or month, the processor, and what they are high."""
    script = (
        "return [...document.querySelectorAll('#spend .mark-rect path')].map(path => path.__data__.datum)"
        ".map(row => [row.bucket, row.group, arguments[0] in row ? row[arguments[0]] : null])"
    )
    field = browser.execute_script("return document.getElementById('unit').value") == "money"
    rows = browser.execute_script(script, "cost" if field else "credits")
    return sorted((bucket, group, round(amount, 6)) for bucket, group, amount in rows)


# ---- what is shown


@pytest.mark.slow
def test_the_totals_by_month_and_by_processor_are_tables_on_the_page(finance: Chrome) -> None:
    assert table(finance, "months") == BY_MONTH
    assert table(finance, "by_processor") == BY_PROCESSOR
    scopes = "return [...document.querySelectorAll('#months th')].map(head => head.scope)"
    assert finance.execute_script(scopes) == ["col"] * 7 + ["row"] * 4
    assert visible(finance, "#months table") != []


def test_ten_weeks_are_drawn_by_week(finance: Chrome) -> None:
    assert drawn(finance) == [
        *(("2026-01-05", "Invoices", 2.4), ("2026-01-19", "Contracts", 0.6)),
        *(("2026-02-02", "Contracts", 1.2), ("2026-02-02", "Invoices", 2.4)),
        *(("2026-03-02", "Contracts", 0.11), ("2026-03-02", "Invoices", 0.8)),
    ]
    days = "return [...document.getElementById('span').options].filter(choice => choice.disabled).map(choice => choice.text)"
    assert finance.execute_script(days) == ["day"]  # more than 60 days


def test_a_week_is_named_by_its_days_in_the_choice(finance: Chrome) -> None:
    choose(finance, "first", "2026-02-04")
    choose(finance, "span", "week")

    assert table(finance, "spend")[1:] == [
        ["16 Feb 2026", "22 Feb 2026", "-Letters", "unknown", "unknown", "3"],
        ["2 Mar 2026", "8 Mar 2026", "Invoices", "0.80", "40.0", "0"],
        ["2 Mar 2026", "8 Mar 2026", "Contracts", "0.11", "5.5", "0"],
    ]

    choose(finance, "last", "2026-03-04")

    assert table(finance, "spend")[-1][:2] == ["2 Mar 2026", "4 Mar 2026"]


def test_months_and_days_can_be_asked_for(finance: Chrome) -> None:
    choose(finance, "span", "month")
    assert drawn(finance) == [
        *(("2026-01-01", "Contracts", 0.6), ("2026-01-01", "Invoices", 2.4)),
        *(("2026-02-01", "Contracts", 1.2), ("2026-02-01", "Invoices", 2.4)),
        *(("2026-03-01", "Contracts", 0.11), ("2026-03-01", "Invoices", 0.8)),
    ]
    names = "return [...document.querySelectorAll('#spend .role-axis-label text')].map(text => text.textContent)"
    assert finance.execute_script(names)[:3] == ["Jan 2026", "Feb 2026", "Mar 2026"]

    choose(finance, "first", "2026-02-01")
    choose(finance, "span", "day")
    assert [row[0] for row in drawn(finance)] == ["2026-02-03", "2026-02-03", "2026-03-02", "2026-03-02"]


def test_months_are_named_below_their_middle(finance: Chrome) -> None:
    choose(finance, "span", "month")

    middles = (
        "return [...document.querySelectorAll(arguments[0])].map(each => each.getBoundingClientRect())"
        ".map(box => (box.left + box.right) / 2)"
    )
    names = finance.execute_script(middles, "#spend .role-axis-label text")[:3]
    bars = finance.execute_script(middles, "#spend .mark-rect path")
    assert sorted({round(bar) for bar in bars}) == pytest.approx(names, abs=1.5)


def test_credits_can_be_shown_instead_of_money(finance: Chrome) -> None:
    choose(finance, "unit", "credits")

    assert table(finance, "months")[0] == ["Month", "Credits", "Change", "Runs", "Files", "Unknown"]
    assert table(finance, "by_processor")[1] == ["Invoices", "280.0", "74.6%", "11", "4", "1"]
    assert ("2026-03-02", "Contracts", 5.5) in drawn(finance)
    assert shown(finance) == "375.5 credits, 4 runs and files unknown. 1 Jan 2026 to 10 Mar 2026, all processors."
    titles = "return [...document.querySelectorAll('.chart .role-axis-title text')].map(title => title.textContent)"
    assert "EUR" not in finance.execute_script(titles)

    choose(finance, "unit", "money")
    assert "EUR" in finance.execute_script(titles)
    assert ("2026-03-02", "Contracts", 0.11) in drawn(finance)


def shown(browser: Chrome) -> str:
    """The line below the filters."""
    return browser.find_element(By.ID, "shown").text.replace("\u00a0", " ")


# ---- what is chosen


def test_several_processors_can_be_chosen(finance: Chrome) -> None:
    choose_processors(finance, "Contracts", "-Letters")

    assert shown(finance) == (
        "1.91 EUR, 95.5 credits, 3 runs and files unknown. 1 Jan 2026 to 10 Mar 2026, Contracts, -Letters."
    )
    assert finance.find_element(By.ID, "chosen").text == "2 processors"
    assert table(finance, "months")[1:] == [
        ["Jan 2026", "0.60", "30.0", NONE, "2", "0", "0"],
        ["Feb 2026", "1.20", "60.0", "+100.0%", "4", "0", "3"],
        ["Mar 2026", "0.11", "5.5", NONE, "0", "2", "0"],
        ["All", "1.91", "95.5", NONE, "6", "2", "3"],
    ]
    assert {group for _, group, _ in drawn(finance)} == {"Contracts"}
    assert table(finance, "expensive")[1:] == [["dpr_1", "1.20", "60.0", "3 Feb 2026", "Contracts", "12"]]


def test_days_and_processors_are_chosen_together(finance: Chrome) -> None:
    choose(finance, "first", "2026-02-01")
    choose_processors(finance, "Invoices")

    assert table(finance, "by_processor")[1:] == [
        ["Invoices", "3.20", "160.0", "100.0%", "7", "0", "1"],
        ["All", "3.20", "160.0", "100.0%", "7", "0", "1"],
    ]
    assert table(finance, "months")[1][3] == NONE  # January is not among what is chosen


def test_the_list_of_processors_closes_with_the_keyboard(finance: Chrome) -> None:
    listed = finance.find_element(By.ID, "processors")
    listed.find_element(By.TAG_NAME, "summary").send_keys("\n")
    assert listed.get_attribute("open") is not None

    listed.find_element(By.TAG_NAME, "input").send_keys(" \ue00c")  # a space chooses, Escape closes

    assert listed.get_attribute("open") is None
    assert finance.find_element(By.ID, "chosen").text == "Invoices"
    assert finance.switch_to.active_element.tag_name == "summary"


# ---- CSV


def test_a_table_is_saved_as_csv_with_what_is_chosen(finance: Chrome, tmp_path: Path) -> None:
    saving = {"behavior": "allow", "downloadPath": str(tmp_path)}
    finance.execute_cdp_cmd("Browser.setDownloadBehavior", saving)
    choose_processors(finance, "Contracts", "-Letters")

    finance.find_element(By.CSS_SELECTOR, "button[data-table=by_processor]").click()

    saved = tmp_path / "extend_credits_by_processor_2026-01-01_2026-03-10.csv"
    WebDriverWait(finance, 30).until(lambda _: saved.exists())
    assert saved.read_bytes().decode("utf-8-sig").split("\r\n") == [
        "Processor,EUR,Credits,Share,Runs,Files,Unknown",
        "Contracts,1.91,95.5,1,3,2,0",
        "'-Letters,,,,3,0,3",
        "",
    ]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "spend",
            [
                "From,To,Processor,EUR,Credits,Unknown",
                "2026-02-03,2026-02-03,Invoices,2.4,120,1",
                "2026-02-03,2026-02-03,Contracts,1.2,60,0",
                "2026-02-17,2026-02-17,'-Letters,,,3",
            ],
        ),
        (
            "month",
            [
                "Day,EUR,Credits,EUR so far,Credits so far",
                "2026-02-03,3.6,180,3.6,180",
                "2026-02-17,,,3.6,180",
            ],
        ),
        ("coverage", ["Month,Runs and files,Unknown,Known", "2026-02-01,9,4,0.555555555555556"]),
        ("expensive", ["Run,EUR,Credits,Day,Processor,Pages", "dpr_1,1.2,60,2026-02-03,Contracts,12"]),
    ],
)
def test_each_chart_is_csv_as_well(finance: Chrome, name: str, lines: list[str]) -> None:
    choose(finance, "first", "2026-02-01")
    choose(finance, "last", "2026-02-28")

    assert finance.execute_script("return creditPage.csvOf(arguments[0])", name).split("\r\n") == [*lines, ""]


# ---- screens


def broken_words(browser: Chrome) -> list[str]:
    """The words of the page that stand on two lines; ids may, as they have no other place to break."""
    script = """
        const broken = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          if (node.parentElement.closest('script, style, svg, a, footer') || !node.parentElement.checkVisibility()) continue;
          for (const word of node.data.matchAll(/[^\\s]+/g)) {
            const range = document.createRange();
            range.setStart(node, word.index); range.setEnd(node, word.index + word[0].length);
            const lines = [...range.getClientRects()].filter(box => box.width > 0).map(box => Math.round(box.top));
            if (new Set(lines).size > 1) broken.push(word[0]);
          }
        }
        return broken"""
    found: list[str] = browser.execute_script(script)
    return found


@pytest.mark.parametrize("width", [390, 900, 1600])
def test_nothing_is_wider_than_the_screen_and_no_word_is_broken(finance: Chrome, address: str, width: int) -> None:
    with screen(finance, width):
        open_page(finance, address)

        assert finance.execute_script("return document.documentElement.scrollWidth") <= width
        assert broken_words(finance) == []
        charts = "return [...document.querySelectorAll('.chart svg')].map(svg => svg.getBoundingClientRect().width)"
        assert 200 < min(finance.execute_script(charts)) <= max(finance.execute_script(charts)) <= width
        scrolled = (
            "return [...document.querySelectorAll(':is(.listing, #expensive) .table')]"
            ".map(table => table.scrollWidth - table.clientWidth)"
        )
        assert finance.execute_script(scrolled) == [0, 0, 0]
        heights = "return [...document.querySelectorAll('.tile')].map(tile => Math.round(tile.getBoundingClientRect().height))"
        assert len(set(finance.execute_script(heights))) == 1


@pytest.mark.parametrize(
    ("width", "dark"),
    [
        (1600, False),
        pytest.param(390, True, marks=pytest.mark.thorough),
        pytest.param(390, False, marks=pytest.mark.thorough),
        pytest.param(1600, True, marks=pytest.mark.thorough),
    ],
)
def test_contrast_names_and_roles_are_as_axe_wants_them(finance: Chrome, address: str, width: int, dark: bool) -> None:
    with screen(finance, width, dark=dark):
        open_page(finance, address)
        finance.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")

        assert violations(finance) == []


def violations(browser: Chrome) -> list[str]:
    """What axe finds; the marks of charts have no text, and take it long."""
    browser.set_script_timeout(120)
    browser.execute_script(AXE_SCRIPT)
    found: list[dict[str, Any]] = browser.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run({exclude: [['.chart svg']]}, {preload: false, resultTypes: ['violations']})"
        ".then(found => done(found.violations), error => done([{id: String(error), nodes: []}]))"
    )
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


# ---- paper


def printed(browser: Chrome) -> list[str]:
    """The text of each page of paper."""
    made = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    reader = PdfReader(io.BytesIO(base64.b64decode(made["data"])))
    return [page.extract_text().replace("\u00a0", " ") for page in reader.pages]


def test_on_paper_no_table_is_cut(finance: Chrome) -> None:
    pages = printed(finance)

    assert 3 <= len(pages) <= 7
    for rows in (BY_MONTH, BY_PROCESSOR):
        lines = [" ".join(row) for row in rows]
        assert [number for number, page in enumerate(pages) if all(line in squeezed(page) for line in lines)] != []
    everything = squeezed(" ".join(pages))
    assert "Acme, accounts payable" in everything
    assert "1 Jan 2026 to 10 Mar 2026, all processors." in everything
    assert "Save as CSV" not in everything


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.thorough
def test_a_long_table_repeats_its_head_on_paper_and_cuts_no_row(browser: Chrome, tmp_path: Path) -> None:
    figures = example_figures()
    runs = [replace(run, run_id=f"dpr_{number:03}") for number, run in enumerate(figures.expensive)]
    open_figures(browser, replace(figures, expensive=runs), tmp_path)

    pages = [squeezed(page) for page in printed(browser)]

    rows = [re.findall(r"dpr_\d{3} [\d.]+ \d+ Jan 2026 Invoices", page) for page in pages]
    assert sum(map(len, rows)) == 20
    assert all("Run Credits Day Processor Pages" in page for page, found in zip(pages, rows, strict=True) if found)


@pytest.mark.thorough
@pytest.mark.parametrize("width", [390, 900, 1600])
def test_a_large_workspace_fits_the_screen_too(browser: Chrome, tmp_path: Path, width: int) -> None:
    with screen(browser, width):
        open_figures(browser, large_figures(processors=60), tmp_path)

        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert errors(browser) == []
