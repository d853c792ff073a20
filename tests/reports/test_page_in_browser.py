"""The credit page in a real browser, with the network cut off."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from extend_source.reports.page import write_page
from tests.reports.example_figures import NAMES, example_figures, no_figures

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
CHARTS = ("spend", "month", "units", "distribution", "waste", "coverage")
MARKS = "#{} .chart svg .mark-rect path, #{} .chart svg .mark-area path, #{} .chart svg .mark-symbol path"

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and its driver: apt-get install chromium chromium-driver"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A browser without a network."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path_factory.mktemp('profile')}"),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(DRIVER))
    chrome.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    chrome.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    yield chrome
    chrome.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the example's page."""
    path = tmp_path_factory.mktemp("page") / "credits.html"
    write_page(example_figures(), path)
    return path.as_uri()


def open_page(browser: Chrome, address: str) -> None:
    browser.get_log("browser")  # what other pages have said
    browser.get(address)
    wait_for(browser, "return document.body.dataset.ready === 'yes'")


def wait_for(browser: Chrome, script: str, *arguments: object) -> None:
    WebDriverWait(browser, 30).until(lambda chrome: chrome.execute_script(script, *arguments))


def marks(browser: Chrome, chart: str) -> int:
    """The number of marks that a chart shows."""
    return len(browser.find_elements(By.CSS_SELECTOR, MARKS.replace("{}", chart)))


def shown(browser: Chrome) -> float:
    """The credits that the filter line names."""
    return float(browser.find_element(By.ID, "shown").text.split(" credits")[0].replace(",", ""))


def errors(browser: Chrome) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def test_every_chart_renders_without_a_network_and_without_an_error(browser: Chrome, page: str) -> None:
    open_page(browser, page)

    assert {chart: marks(browser, chart) > 0 for chart in CHARTS} == dict.fromkeys(CHARTS, True)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#expensive tbody tr")) == 20
    assert errors(browser) == []


def test_the_processor_filter_changes_charts_and_sums(browser: Chrome, page: str) -> None:
    open_page(browser, page)
    before, spent = marks(browser, "spend"), shown(browser)

    Select(browser.find_element(By.ID, "processor")).select_by_visible_text(NAMES[2])

    wait_for(browser, "return document.querySelectorAll(arguments[0]).length < arguments[1]", one("spend"), before)
    expected = sum(float(day.credits or 0) for day in example_figures().days if day.processor_id == "dp_2")
    assert shown(browser) == pytest.approx(expected, abs=0.01)
    assert shown(browser) < spent
    assert browser.find_element(By.CSS_SELECTOR, "#expensive .table").text == "Nothing in this choice."
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
    assert shown(browser) == pytest.approx(expected, abs=0.01)
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    wait_for(browser, "return document.querySelectorAll(arguments[0]).length === arguments[1]", one("spend"), before)
    assert shown(browser) == spent


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_is_wider_than_the_screen(browser: Chrome, page: str, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    open_page(browser, page)

    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        charts = "return [...document.querySelectorAll('.chart svg')].map(svg => svg.getBoundingClientRect().width)"
        assert min(browser.execute_script(charts)) > 200
        assert max(browser.execute_script(charts)) <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_all_controls_can_be_reached_with_the_keyboard(browser: Chrome, page: str) -> None:
    open_page(browser, page)
    body = browser.find_element(By.TAG_NAME, "body")
    reached = set()
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB) if reached else body.send_keys(Keys.TAB)
        active = browser.switch_to.active_element
        reached.add(active.get_attribute("id") or active.tag_name)

    assert {"processor", "first", "last", "button", "measure", "summary", "a"} <= reached


def test_the_page_of_an_empty_workspace_has_no_error_either(browser: Chrome, tmp_path: Path) -> None:
    write_page(no_figures(), tmp_path / "empty.html")

    open_page(browser, (tmp_path / "empty.html").as_uri())

    assert "Nothing was spent in this span." in browser.find_element(By.TAG_NAME, "main").text
    assert errors(browser) == []
