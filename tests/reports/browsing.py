"""A real browser with the network cut off, and what it shows of a credit page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from extend_source.reports.figures import CreditFigures
from extend_source.reports.page import write_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
CHARTS = ("spend", "month", "waste", "units", "distribution", "coverage")
MARKS = "#{} .chart svg .mark-rect path, #{} .chart svg .mark-area path, #{} .chart svg .mark-symbol path"


def require_browser(chromium: str | None, driver: str | None) -> None:
    """Do without these tests where there is no browser, or nothing to drive it with."""
    if chromium is None:
        do_without("Chromium is not installed")
    if driver is None:
        do_without(f"{chromium} is installed, but not chromedriver, which drives it")


def do_without(reason: str) -> NoReturn:
    """Skip a test, with what would mend it; CI insists, as nobody looks at its skips."""
    line = f"{reason}; to run the tests of the page in a browser: apt-get install chromium chromium-driver"
    if os.environ.get("CI") == "true":
        pytest.fail(line)
    pytest.skip(line)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A browser without a network."""
    require_browser(CHROMIUM, DRIVER)
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path_factory.mktemp('profile')}"),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        chrome = Chrome(options=options, service=Service(DRIVER))
    except WebDriverException as error:  # of another version, say, or a stub without the program
        do_without(f"{CHROMIUM} does not start ({(error.msg or '').partition(chr(10))[0]})")
    chrome.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    chrome.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    yield chrome
    chrome.quit()


def open_figures(browser: Chrome, figures: CreditFigures, folder: Path) -> None:
    write_page(figures, folder / "page.html")
    open_page(browser, (folder / "page.html").as_uri())


def choose(browser: Chrome, box: str, value: str) -> None:
    """Choose in a list, or a day, and wait until the charts are drawn."""
    browser.execute_script(
        "const box = document.getElementById(arguments[0]); box.value = arguments[1];"
        "for (const kind of ['input', 'change']) box.dispatchEvent(new Event(kind, {bubbles: true}))",
        *(box, value),
    )
    settle(browser)


def choose_processors(browser: Chrome, *names: str) -> None:
    """Tick processors, and untick all others."""
    script = (
        "for (const label of document.querySelectorAll('#processors label'))"
        " if (label.firstChild.checked !== arguments[0].includes(label.textContent)) label.firstChild.click()"
    )
    browser.execute_script(script, names)
    settle(browser)


def settle(browser: Chrome) -> None:
    browser.execute_async_script("creditPage.settled().then(arguments[arguments.length - 1])")


def visible(browser: Chrome, selector: str) -> list[str]:
    """The texts that can be seen."""
    return [found.text for found in browser.find_elements(By.CSS_SELECTOR, selector) if found.is_displayed()]


def empty_charts(browser: Chrome) -> list[str]:
    """The charts that say that nothing is known."""
    return [chart for chart in CHARTS if visible(browser, f"#{chart} .nothing") == ["Nothing is known in this choice."]]


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


def table(browser: Chrome, name: str) -> list[list[str]]:
    """The rows of a table as they are written, headings first; dates have plain spaces here."""
    script = (
        "return [...document.querySelectorAll(`#${arguments[0]} table tr`)]"
        ".map(row => [...row.cells].map(cell => cell.textContent.replaceAll('\\u00a0', ' ')))"
    )
    rows: list[list[str]] = browser.execute_script(script, name)
    return rows


@contextmanager
def screen(browser: Chrome, width: int, *, dark: bool = False) -> Iterator[None]:
    """A screen of a width, light or dark."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
