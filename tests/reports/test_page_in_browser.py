"""The credit page in a real browser, with the network cut off."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from extend_source.reports.figures import DaySpend, UnitCost
from extend_source.reports.page import write_page
from tests.reports.browsing import (
    CHARTS,
    MARKS,
    choose,
    choose_processors,
    empty_charts,
    errors,
    marks,
    open_figures,
    open_page,
    require_browser,
    shown,
    visible,
    wait_for,
)
from tests.reports.example_figures import NAMES, days, example_figures, large_figures, legacy_figures, no_figures


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the example's page."""
    path = tmp_path_factory.mktemp("page") / "credits.html"
    write_page(example_figures(), path)
    return path.as_uri()


@pytest.mark.case("5.10")
@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("false", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
@pytest.mark.parametrize(
    ("chromium", "driver", "reason"),
    [
        (None, None, "Chromium is not installed"),
        (None, "/usr/bin/chromedriver", "Chromium is not installed"),
        ("/usr/bin/chromium", None, "/usr/bin/chromium is installed, but not chromedriver, which drives it"),
    ],
)
def test_without_chromium_or_its_driver_these_tests_are_skipped_but_in_ci(
    monkeypatch: pytest.MonkeyPatch,
    chromium: str | None,
    driver: str | None,
    reason: str,
    ci: str,
    outcome: type[BaseException],
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome) as caught:
        require_browser(chromium, driver)
    assert str(caught.value) == (
        f"{reason}; to run the tests of the page in a browser: apt-get install chromium chromium-driver"
    )


def test_every_chart_renders_without_a_network_and_without_an_error(browser: Chrome, page: str) -> None:
    open_page(browser, page)

    assert {chart: marks(browser, chart) > 0 for chart in CHARTS} == dict.fromkeys(CHARTS, True)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#expensive tbody tr")) == 20
    assert errors(browser) == []


def test_the_processor_filter_changes_charts_and_sums(browser: Chrome, page: str) -> None:
    open_page(browser, page)
    before, spent = marks(browser, "spend"), shown(browser)

    choose_processors(browser, NAMES[2])

    wait_for(browser, "return document.querySelectorAll(arguments[0]).length < arguments[1]", one("spend"), before)
    expected = sum(float(day.credits or 0) for day in example_figures().days if day.processor_id == "dp_2")
    assert shown(browser) == pytest.approx(expected, abs=0.05)
    assert shown(browser) < spent
    assert browser.find_element(By.CSS_SELECTOR, "#expensive .table").text == "None among the most expensive documents."
    assert errors(browser) == []


def one(chart: str) -> str:
    return MARKS.replace("{}", chart)


def test_the_dates_change_charts_and_the_button_brings_all_back(browser: Chrome, page: str) -> None:
    open_page(browser, page)
    before, spent = marks(browser, "spend"), shown(browser)

    set_date = "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
    browser.execute_script(set_date + "box.dispatchEvent(new Event('input', {bubbles: true}))", "first", "2026-02-01")

    wait_for(browser, "return document.querySelectorAll(arguments[0]).length < arguments[1]", one("spend"), before)
    expected = sum(float(day.credits or 0) for day in example_figures().days if day.day.isoformat() >= "2026-02-01")
    assert shown(browser) == pytest.approx(expected, abs=0.05)
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    wait_for(browser, "return document.querySelectorAll(arguments[0]).length === arguments[1]", one("spend"), before)
    assert shown(browser) == spent


def test_all_controls_can_be_reached_with_the_keyboard(browser: Chrome, page: str) -> None:
    open_page(browser, page)
    body = browser.find_element(By.TAG_NAME, "body")
    reached = set()
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB) if reached else body.send_keys(Keys.TAB)
        active = browser.switch_to.active_element
        reached.add(active.get_attribute("id") or active.tag_name)

    assert {"first", "last", "span", "button", "measure", "summary", "a"} <= reached


def test_the_page_of_an_empty_workspace_has_no_error_either(browser: Chrome, tmp_path: Path) -> None:
    write_page(no_figures(), tmp_path / "empty.html")

    open_page(browser, (tmp_path / "empty.html").as_uri())

    assert "Nothing was spent in this span." in browser.find_element(By.TAG_NAME, "main").text
    assert errors(browser) == []
    assert empty_charts(browser) == list(CHARTS)


def test_a_workspace_of_which_no_credits_are_known_draws_its_coverage_only(browser: Chrome, tmp_path: Path) -> None:
    open_figures(browser, legacy_figures(), tmp_path)

    assert empty_charts(browser) == ["spend", "month", "waste", "units", "distribution"]
    assert marks(browser, "coverage") > 0
    assert browser.find_element(By.ID, "shown").text.startswith("Credits unknown, 5,625 runs and files unknown. ")
    assert errors(browser) == []


def test_unit_costs_begin_with_what_is_known_and_say_where_nothing_is(browser: Chrome, tmp_path: Path) -> None:
    units = [replace(unit, per_page=None, per_accepted_field=None) for unit in example_figures().unit_costs]
    open_figures(browser, replace(example_figures(), unit_costs=units), tmp_path)

    measure = Select(browser.find_element(By.ID, "measure"))
    assert measure.first_selected_option.text == "per document"
    assert marks(browser, "units") == 2
    assert empty_charts(browser) == []

    choose(browser, "measure", "per page")
    assert empty_charts(browser) == ["units"]

    choose(browser, "measure", "per document")
    assert empty_charts(browser) == []
    assert marks(browser, "units") == 2
    assert errors(browser) == []


def test_a_choice_of_nothing_is_no_error_and_goes_away_again(browser: Chrome, page: str) -> None:
    open_page(browser, page)

    choose(browser, "last", "2025-09-15")  # nothing of September is known
    assert empty_charts(browser) == ["spend", "month", "waste"]

    choose(browser, "last", "2026-02-20")
    assert empty_charts(browser) == []
    assert errors(browser) == []


@pytest.mark.parametrize("name", ["Two  spaces", " before", "after ", "line\nbreak", '"><b>quoted'])
def test_a_processor_of_any_name_can_be_chosen(browser: Chrome, tmp_path: Path, name: str) -> None:
    named = [replace(day, processor=name) if day.processor_id == "dp_2" else day for day in days()]
    open_figures(browser, replace(example_figures(), days=named), tmp_path)

    choose_processors(browser, " ".join(name.split()))

    expected = sum(float(day.credits or 0) for day in named if day.processor_id == "dp_2")
    assert shown(browser) == pytest.approx(expected, abs=0.05)
    assert errors(browser) == []


def test_the_budget_and_the_projection_are_those_of_all_processors(browser: Chrome, page: str) -> None:
    open_page(browser, page)
    assert lines_and_texts(browser) == ["budget", "budget 2,500.0 credits", "projection"]

    choose_processors(browser, "Classifier")
    assert lines_and_texts(browser) == []

    choose_processors(browser)
    choose(browser, "first", "2026-02-02")  # February is not whole
    assert lines_and_texts(browser) == ["budget", "budget 2,500.0 credits"]
    assert errors(browser) == []


def lines_and_texts(browser: Chrome) -> list[str]:
    """What is seen of the budget and of the line to the end of the month."""
    script = (
        "return [...document.querySelectorAll('#month .role-mark :is(line, path, text)')]"
        ".filter(mark => mark.getAttribute('opacity') !== '0')"
        ".map(mark => mark.getAttribute('stroke-dasharray') || mark.textContent).filter(Boolean)"
    )
    names = {"6,4": "budget", "2,3": "projection"}
    return sorted(names.get(found, found) for found in browser.execute_script(script))


def test_a_month_that_does_not_begin_with_its_first_day_is_paler(browser: Chrome, page: str) -> None:
    open_page(browser, page)

    choose(browser, "first", "2025-12-10")

    script = (
        "return [...document.querySelectorAll('#month .mark-area path')].map(path => path.getAttribute('fill-opacity'))"
    )
    assert [opacity for opacity in browser.execute_script(script) if opacity] == ["0.1", "0.3", "0.3"]


def test_what_is_unknown_counts_beside_what_is_known_of_the_day(browser: Chrome, tmp_path: Path) -> None:
    day = date(2026, 2, 2)
    spend = [
        DaySpend(day, "dp_0", "Invoices", "dpv_0", "processing", 5, 5, Decimal(9)),
        DaySpend(day, "dp_0", "Invoices", "dpv_0", "parsing", 4, 0, None),
    ]
    open_figures(browser, replace(example_figures(), days=spend), tmp_path)

    bar = browser.find_element(By.CSS_SELECTOR, "#spend .mark-rect path")
    assert "Credits: 9.0; Unknown runs and files: 4" in str(bar.get_attribute("aria-label"))


def test_legends_name_what_is_drawn(browser: Chrome, page: str) -> None:
    open_page(browser, page)
    assert visible(browser, "#units .legend li") == ["Invoices"]
    assert len(visible(browser, "#spend .legend li")) == 5

    choose_processors(browser, "Classifier")

    assert visible(browser, "#spend .legend li") == ["Classifier"]
    assert visible(browser, "#units .legend li") == []


def test_a_processor_beyond_the_colours_is_drawn_in_the_grey_of_the_legend(browser: Chrome, tmp_path: Path) -> None:
    many = [replace(day, credits=Decimal(9 - int(day.processor_id[3:]))) for day in days(8) if day.processor_id]
    unit = UnitCost("dp_7", "Processor 7", "dpv", date(2025, 10, 1), 1, 1, Decimal(9), Decimal(3), None, None)

    open_figures(browser, replace(example_figures(), days=many, unit_costs=[unit]), tmp_path)

    assert visible(browser, "#units .legend li") == ["Other processors"]
    assert browser.find_element(By.CSS_SELECTOR, "#units .mark-symbol path").get_attribute("fill") == "#B5B5B5"


def test_on_a_phone_nothing_of_an_expensive_run_is_behind_a_scroll(browser: Chrome, tmp_path: Path) -> None:
    runs = [replace(run, run_id=f"{run.run_id}_Xj8mK2pL9nR4vT7qY5wZ") for run in example_figures().expensive]
    size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        open_figures(browser, replace(example_figures(), expensive=runs), tmp_path)
        cells = browser.find_elements(By.CSS_SELECTOR, "#expensive tbody :is(th, td)")
        right = "return Math.max(...arguments[0].map(cell => cell.getBoundingClientRect().right))"
        table = (
            "const table = document.querySelector('#expensive .table'); return table.scrollWidth - table.clientWidth"
        )
        assert len(cells) == 20 * 5
        assert browser.execute_script(right, cells) <= 360
        assert browser.execute_script(table) <= 0
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_unknown_stands_right_in_a_column_of_numbers(browser: Chrome, page: str) -> None:
    open_page(browser, page)

    pages = browser.find_elements(By.CSS_SELECTOR, "#expensive tbody [data-key=pages]")
    assert [cell.text for cell in pages[:2]] == ["12", "unknown"]
    assert {cell.value_of_css_property("text-align") for cell in pages} == {"right"}


@pytest.mark.slow
def test_a_large_workspace_draws_each_week_in_its_month(browser: Chrome, tmp_path: Path) -> None:
    figures = large_figures(processors=30)
    open_figures(browser, figures, tmp_path)

    # the 1st is a Thursday, of a week that begins in December
    expected = sum(float(day.credits or 0) for day in figures.days if day.day.isoformat()[:7] == "2026-01")
    assert january(browser) == pytest.approx(expected)
    assert errors(browser) == []


def january(browser: Chrome) -> float:
    """What January adds up to in the chart of months."""
    script = (
        "const items = [...document.querySelectorAll('#month .mark-area path')].flatMap(path => path.__data__.mark.items.map(item => item.datum));"
        "return Math.max(...items.filter(row => +row.month === Date.UTC(2026, 0)).map(row => row.spent))"
    )
    credits: float = browser.execute_script(script)
    return credits
