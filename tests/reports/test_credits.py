"""The credit report: figures, listing and shell."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from extend_source.errors import UsageError
from extend_source.reports.credits import credit_report
from extend_source.reports.grouping import spend_by, total
from extend_source.reports.listed_credits import listed_credits
from extend_source.sandbox import SandboxServer
from tests.acceptance.shell import run_shell
from tests.acceptance.test_shell import only_line, settings
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

pytestmark = pytest.mark.thorough

ALL_TIME = {"first_day": date(2020, 1, 1), "last_day": date(2030, 12, 31)}
FROM_THE_BEGINNING = ("--from", "2020-01-01", "--to", "2030-12-31")


@pytest.mark.slow
@pytest.mark.core
def test_the_report_adds_up_to_the_stand_ins_own_account(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    account = any_warehouse.server.workspace.credit_account()

    figures = credit_report(any_warehouse.pipeline, **ALL_TIME)

    everything = total(figures.days)
    assert everything.credits == account.total
    assert everything.processing == sum(account.runs.values())
    assert everything.parsing == sum(account.files.values())
    assert {row.group: row.processing for row in spend_by(figures.days, "processor") if row.processing} == {
        key: credits for key, credits in account.processors.items() if credits
    }
    assert figures.expensive[0].credits == max(account.runs.values())
    assert sum(bin_.runs for bin_ in figures.distribution) == sum(
        1 for row in any_warehouse.rows("processor_runs") if row["status"] == "PROCESSED" and row["id"] in account.runs
    )


def test_the_month_to_date_ends_with_the_last_day(warehouse: Warehouse) -> None:
    warehouse.sync()
    spent: defaultdict[date, Decimal] = defaultdict(Decimal)
    for day in credit_report(warehouse.pipeline, **ALL_TIME).days:
        spent[day.day] += day.credits or 0
    last_day = sorted(spent)[-10]

    month = credit_report(warehouse.pipeline, last_day=last_day, budget=100).month

    start = last_day.replace(day=1)
    assert month.credits == sum(credits for day, credits in spent.items() if start <= day <= last_day)
    assert (month.month, month.days, month.budget) == (start, last_day.day, 100)


def test_the_report_says_what_a_reader_must_know(warehouse: Warehouse) -> None:
    warehouse.sync(max_requests=41)
    runs = warehouse.rows("processor_run_summaries")

    warnings = credit_report(warehouse.pipeline, **ALL_TIME, budget=0).warnings

    unknown = sum(row["credits"] is None for row in runs)
    files = warehouse.rows("files")
    assert f"Unknown credits: {unknown} of 120 runs and " in "\n".join(warnings)
    assert f"{sum(row['credits'] is None for row in files)} of {len(files)} files" in "\n".join(warnings)
    assert any(line.startswith("80 runs of the listing, ") for line in warnings)


def test_an_empty_workspace_has_a_report(empty_warehouse: Warehouse) -> None:
    empty_warehouse.sync()

    figures = credit_report(empty_warehouse.pipeline)

    assert (figures.days, figures.distribution, figures.newest_run) == ([], [], None)
    assert (figures.month.credits, figures.month.projected) == (0, 0)


def test_a_pipeline_that_has_loaded_nothing_is_told_to_sync(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match=r"tables that have not landed: credit_usage"):
        credit_report(warehouse.pipeline)


def test_days_in_the_wrong_order_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match="comes after the last one"):
        credit_report(warehouse.pipeline, first_day=date(2026, 1, 2), last_day=date(2026, 1, 1))


# ---- from the listing


def test_the_listing_says_what_runs_have_cost_in_one_request(server: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(server, tmp_path)
    account = server.workspace.credit_account()

    listed = listed_credits(**ALL_TIME, **warehouse.settings())

    assert server.requests.counts == {"list_runs": 1}
    assert listed.requests == 1
    assert total(listed.days).credits == sum(account.runs.values())
    assert total(listed.days).unknown == account.runs_without_usage
    assert {row.group: row.credits for row in spend_by(listed.days, "processor") if row.credits} == {
        key: credits for key, credits in account.processors.items() if credits
    }


def test_the_listing_is_read_only_as_far_back_as_asked(empty_server: SandboxServer, tmp_path: Path) -> None:
    workspace = empty_server.workspace
    for number in range(2500):
        workspace.put_run(
            {"id": f"dpr_{number:04}", "type": "EXTRACT", "status": "PROCESSED", "usage": {"credits": 1}},
            created_at=workspace.now - timedelta(hours=number),
        )
    today = workspace.now.date()

    listed = listed_credits(
        first_day=today - timedelta(days=1), last_day=today, **Warehouse(empty_server, tmp_path).settings()
    )

    assert empty_server.requests.counts == {"list_runs": 1}
    assert [day.day for day in listed.days] == [today - timedelta(days=1), today]
    assert listed.days[0].credits == 24


# ---- the shell


def test_the_shell_prints_the_report_and_fails_above_the_budget(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", **settings(server))
    spent = server.workspace.credit_account()

    shown = run_shell(tmp_path, "report", "credits", *FROM_THE_BEGINNING)
    last = max(server.workspace.summary(run)["createdAt"] for run in spent.runs)[:10]
    over = run_shell(tmp_path, "report", "credits", "--to", last, "--fail-over", "0")
    below = run_shell(tmp_path, "report", "credits", "--to", last, "--fail-over", "1000000")

    assert (shown.code, shown.stderr, below.code, below.stderr) == (0, "", 0, "")
    assert shown.stdout.startswith("Credits of duckdb duckdb:///")
    assert f"{spent.total.normalize():,f}" in shown.stdout
    assert "(DaySpend" not in shown.stdout
    assert over.code == 1
    assert only_line(over).endswith("credits, above 0.")


def test_the_shell_prints_csv_and_json(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", **settings(server))
    account = server.workspace.credit_account()

    as_csv = run_shell(tmp_path, "report", "credits", *FROM_THE_BEGINNING, "--by", "month", "--csv")
    as_json = run_shell(tmp_path, "report", "credits", *FROM_THE_BEGINNING, "--json")

    rows = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert sum(Decimal(row["credits"] or 0) for row in rows) == account.total
    assert [row["name"] for row in rows] == sorted({row["name"] for row in rows})
    found = json.loads(as_json.stdout)
    assert sum(Decimal(group["credits"] or 0) for group in found["groups"]) == account.total
    assert (found["by"], found["currency"]) == ("processor", None)


def test_the_shell_reports_from_the_listing(server: SandboxServer, tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "report", "credits", "--from-listing", *FROM_THE_BEGINNING, **settings(server))

    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("Credits of runs by the listing, 2020-01-01 to 2030-12-31 UTC, 1 request\n")
    assert "The parsing of files is not in here" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--by", "hour"], "--by takes day, week, month, processor, version, type, product; not 'hour'."),
        (["--from", "soon"], "--from takes a day such as 2026-01-31; not 'soon'."),
        (["--json", "--csv"], "Choose --json or --csv, not both."),
        (["--from-listing", "--fail-over", "1"], "--from-listing goes with --json and --csv only"),
    ],
)
def test_wrong_use_is_told_in_one_line(arguments: list[str], line: str, tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "report", "credits", *arguments)

    assert outcome.code == 2
    assert only_line(outcome).startswith(line)


def test_the_shell_makes_the_views(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", **settings(server))

    outcome = run_shell(tmp_path, "models")

    assert (outcome.code, outcome.stderr) == (0, "")
    assert "credit_ledger          thing that costs, a run or a file" in outcome.stdout
