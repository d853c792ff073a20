"""The credit report with prices and budgets, from Python and in the shell."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from extend_source.reports.credits import credit_report
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.shell import run_shell
from tests.acceptance.test_shell import only_line, settings
from tests.acceptance.warehouse import AnyWarehouse, Warehouse
from tests.reports.test_credit_models import run_of

pytestmark = pytest.mark.thorough

PRICES = '[{"from": "2025-11-01", "credit_price": 0.01, "currency": "EUR", "included_credits": 10}]'
NOVEMBER = ("--from", "2025-10-01", "--to", "2025-11-30")
EXTRA = {"SOURCES__EXTEND__PRICES": PRICES}


@pytest.fixture
def any_empty(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """An empty warehouse in front of the stand-in without runs, in each destination."""
    return make_warehouse(empty_server)


def put(server: SandboxServer, day: date, credits: float | None, **more: object) -> None:
    number = len(server.workspace.runs)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc)
    server.workspace.put_run(run_of(f"dpr_{number:04}", credits, **more), created_at=noon)


def put_two_months(server: SandboxServer) -> None:
    for day, credits in ((date(2025, 10, 20), 7), (date(2025, 11, 3), 40), (date(2025, 11, 4), None)):
        put(server, day, credits)
    put(server, date(2025, 11, 5), None, status="FAILED", processorId="dp_2", processorName="=1+1")


# ---- from Python


@pytest.mark.core
def test_the_report_prices_each_day_and_says_what_has_no_price(
    any_empty: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_two_months(any_empty.server)
    any_empty.sync()
    monkeypatch.setenv("SOURCES__EXTEND__PRICES", PRICES)

    figures = credit_report(any_empty.pipeline, first_day=date(2025, 10, 1), last_day=date(2025, 11, 30))

    assert [(day.day, day.credits, day.cost) for day in figures.days] == [
        (date(2025, 10, 20), Decimal(7), None),
        (date(2025, 11, 3), Decimal(40), Decimal("0.4")),
        (date(2025, 11, 4), None, None),
        (date(2025, 11, 5), None, None),
    ]
    month = figures.month
    assert (month.credits, month.projected, month.unknown) == (40, 40, 2)
    assert (month.cost, month.projected_cost) == (Decimal("0.30"), Decimal("0.30"))
    assert (month.list_cost, month.included) == (Decimal("0.4"), 10)
    assert month.before is not None
    assert (month.before.month, month.before.credits_in_all, month.before.cost_in_all) == (date(2025, 10, 1), 7, None)
    assert figures.credit_price == Decimal("0.01")
    assert "7 credits before 2025-11-01 have no price." in figures.warnings


@pytest.mark.slow
@pytest.mark.core
def test_expensive_runs_and_repeated_work_have_the_price_of_their_day_and_workspaces_are_named(
    empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(empty_warehouse.server, date(2025, 10, 20), 7)
    put(empty_warehouse.server, date(2025, 11, 3), 40, status="FAILED", failureReason="INTERNAL_ERROR")
    empty_warehouse.sync(workspace_id="ws_sandbox")
    monkeypatch.setenv("SOURCES__EXTEND__PRICES", PRICES)

    figures = credit_report(empty_warehouse.pipeline, first_day=date(2025, 10, 1), last_day=date(2025, 11, 30))

    assert [(run.credits, run.cost) for run in figures.expensive] == [(40, Decimal("0.4")), (7, None)]
    assert [(waste.reason, waste.credits, waste.cost) for waste in figures.waste] == [
        ("failed_run", 40, Decimal("0.4"))
    ]
    assert figures.workspaces == ["ws_sandbox"]


def test_bins_hold_what_their_bounds_say_on_every_destination(any_empty: AnyWarehouse) -> None:
    for tenths in range(25):  # bins of 0.1, and 0.3 / 0.1 is 2.999... in floating point
        put(any_empty.server, date(2025, 11, 3), tenths / 10)
    any_empty.sync()

    bins = credit_report(any_empty.pipeline, last_day=date(2025, 11, 30)).distribution

    assert [(bin_.lower, bin_.upper, bin_.runs) for bin_ in bins] == [
        (Decimal(tenths) / 10, Decimal(tenths + 1) / 10, 1) for tenths in range(25)
    ]


def test_what_is_negative_or_huge_is_in_the_bin_and_the_sum_that_hold_it(any_empty: AnyWarehouse) -> None:
    for credits in (-2.5, 0, 3):
        put(any_empty.server, date(2025, 10, 3), credits)
    for _ in range(2):
        put(any_empty.server, date(2025, 11, 3), 6e11)
    any_empty.sync()
    pipeline = any_empty.pipeline

    october = credit_report(pipeline, first_day=date(2025, 10, 1), last_day=date(2025, 10, 31)).distribution
    november = credit_report(pipeline, first_day=date(2025, 11, 1), last_day=date(2025, 11, 30))

    assert [(bin_.lower, bin_.upper, bin_.runs) for bin_ in october] == [
        (Decimal("-2.6"), Decimal("-2.4"), 1),
        (0, Decimal("0.2"), 1),
        (3, Decimal("3.2"), 1),
    ]
    assert [day.credits for day in november.days] == [1_200_000_000_000]


def test_each_processor_and_month_has_its_own_most_expensive_runs(any_empty: AnyWarehouse) -> None:
    for number in range(25):
        put(any_empty.server, date(2025, 10, 2), 1000 + number, processorId="dp_dear")
        put(any_empty.server, date(2025, 11, 2), 500 + number, processorId="dp_dear")
    put(any_empty.server, date(2025, 11, 3), 0.5, processorId="dp_cheap")
    any_empty.sync()

    runs = credit_report(any_empty.pipeline, last_day=date(2025, 11, 30)).expensive

    assert Counter((run.processor_id, run.day.month) for run in runs) == {
        ("dp_dear", 10): 20,
        ("dp_dear", 11): 20,
        ("dp_cheap", 11): 1,
    }
    assert [run.credits for run in runs] == [*range(1024, 1004, -1), *range(524, 504, -1), Decimal("0.5")]


# ---- the shell


@pytest.fixture
def folder(empty_server: SandboxServer, tmp_path: Path) -> Path:
    """A folder in which two months have been loaded."""
    put_two_months(empty_server)
    run_shell(tmp_path, "sync", **settings(empty_server))
    return tmp_path


def test_the_shell_shows_money_the_budget_and_waste_of_unknown_cost(folder: Path) -> None:
    outcome = run_shell(folder, "report", "credits", *NOVEMBER, "--budget", "2000000", **EXTRA)

    assert (outcome.code, outcome.stderr) == (0, "")
    lines = outcome.stdout.splitlines()
    assert lines[1:5] == [
        "November 2025: at least 40 in 30 of 30 days, heading for at least 40; the budget is 2,000,000"
        " (0% used, 0% expected)",
        "Beyond what the plan includes: at least 0.30 EUR, heading for at least 0.30",
        "Known: the credits of 2 of 4 runs",
        "Failed and repeated work: 1 failed run of unknown cost",
    ]
    assert "7 credits before 2025-11-01 have no price." in lines
    assert lines[6].endswith("  EUR at list price")
    assert [line.split()[-1] for line in lines[7:10]] == ["unknown", "unknown", "unknown"]  # some of it has no price


def test_the_page_has_the_title_that_it_is_given(folder: Path) -> None:
    page = ("--html", "credits.html", "--title", "Acme, accounts payable")

    written = run_shell(folder, "report", "credits", *NOVEMBER, *page, **EXTRA)
    alone = run_shell(folder, "report", "credits", *NOVEMBER, "--title", "Acme")

    assert written.code == 0
    assert '<p class="place">Acme, accounts payable</p>' in (folder / "credits.html").read_text("utf-8")
    assert (alone.code, only_line(alone)) == (2, "--title is the title of the page: it goes with --html.")


def test_the_limit_of_a_scheduler_is_not_the_budget(folder: Path) -> None:
    limit = {"SOURCES__EXTEND__CREDIT_BUDGET": "30"}

    below = run_shell(folder, "report", "credits", *NOVEMBER, "--fail-over", "2000000", "--json", **limit)
    above = run_shell(folder, "report", "credits", *NOVEMBER, "--fail-over", "39", "--budget", "1000000", "--json")

    assert (below.code, json.loads(below.stdout)["month"]["budget"]) == (0, "30.0")
    assert (above.code, json.loads(above.stdout)["month"]["budget"]) == (1, "1000000.0")
    assert only_line(above) == "The month is heading for 40 credits, above 39."


def test_an_unknown_month_is_said_to_be_and_fails_nothing(empty_server: SandboxServer, tmp_path: Path) -> None:
    put(empty_server, date(2025, 11, 3), None)
    run_shell(tmp_path, "sync", **settings(empty_server))

    outcome = run_shell(tmp_path, "report", "credits", *NOVEMBER, "--budget", "50", "--fail-over", "1000000")

    assert outcome.code == 0
    assert outcome.stderr == "Where the month is heading is unknown: it may or may not be above 1,000,000 credits.\n"
    assert outcome.stdout.splitlines()[1] == (
        "November 2025: unknown in 30 of 30 days: of none of its runs and files (1) the credits are known;"
        " the budget is 50"
    )


def test_csv_and_json_are_safe_for_spreadsheets_and_programs(empty_server: SandboxServer, folder: Path) -> None:
    run_shell(folder, "sync", **settings(empty_server))

    as_csv = run_shell(folder, "report", "credits", *NOVEMBER, "--csv")
    as_json = run_shell(folder, "report", "credits", *NOVEMBER, "--json")

    rows = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert [(row["name"], row["credits"]) for row in rows] == [("Letters", "47.000000"), ("'=1+1", "")]
    units = json.loads(as_json.stdout)["unit_costs"]
    assert [unit["per_document"] for unit in units] == ["23.5"]


def test_the_listing_says_that_parsing_is_not_in_it(empty_server: SandboxServer, tmp_path: Path) -> None:
    put(empty_server, date(2025, 11, 3), 100)
    listing = ("report", "credits", "--from-listing", *NOVEMBER)

    as_csv = run_shell(tmp_path, *listing, "--csv", **settings(empty_server))
    as_json = run_shell(tmp_path, *listing, "--json", **settings(empty_server))
    shown = run_shell(tmp_path, *listing, **settings(empty_server))

    [row] = csv.DictReader(io.StringIO(as_csv.stdout))
    assert (row["runs"], row["files"], row["processing"], row["parsing"]) == ("1", "", "100.000000", "")
    assert as_csv.stderr == "The parsing of files is not in here: only the runs themselves say it.\n"
    found = json.loads(as_json.stdout)
    assert (found["includes_parsing"], found["groups"][0]["files"], found["groups"][0]["parsing"]) == (
        False,
        None,
        None,
    )
    assert [line.split() for line in shown.stdout.splitlines()[4:5]] == [
        ["processor", "runs", "unknown", "processing", "credits", "share"]
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--budget", "inf"], "--budget takes a number of credits; not inf."),
        (["--fail-over", "inf"], "--fail-over takes a number of credits; not inf."),
        (["--to", "0001-01-02"], "There are no runs from 0001-01-02. Take a day from 1970-01-01 on."),
        (["--from", "0001-01-02"], "There are no runs from 0001-01-02. Take a day from 1970-01-01 on."),
        (["--from-listing", "--budget", "5"], "--from-listing goes with --json and --csv only: the listing has no"),
        (["--from-listing", "--by", "version"], "--from-listing takes no --by version: the listing does not say"),
    ],
)
def test_wrong_use_of_limits_and_days_is_one_line_and_exit_code_2(
    arguments: list[str], line: str, tmp_path: Path
) -> None:
    with duckdb.connect(str(tmp_path / "extend_pipeline.duckdb")) as connection:
        connection.execute("create schema extend")

    outcome = run_shell(tmp_path, "report", "credits", *arguments)

    assert outcome.code == 2
    assert only_line(outcome).startswith(line)


def test_the_last_day_that_there_is_can_be_asked_for(warehouse: Warehouse) -> None:
    warehouse.sync()

    figures = credit_report(warehouse.pipeline, last_day=date(9999, 12, 31))

    assert (figures.first_day, figures.days) == (date(9999, 12, 31) - timedelta(days=89), [])
