"""The credit models over API 2026-02-09: parse runs in place of files, and each thing once."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extend_source.api import CURRENT_VERSION
from extend_source.reports.credits import credit_report
from extend_source.reports.grouping import spend_by, total
from extend_source.reports.models import create_models
from extend_source.reports.products import spend_by_product
from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.shell import run_shell
from tests.acceptance.test_current_generation import new_id
from tests.acceptance.test_shell import only_line, settings
from tests.acceptance.warehouse import AnyWarehouse
from tests.reports.test_credit_models import file_of, run_of, select

pytestmark = pytest.mark.thorough

ALL_TIME = {"first_day": date(2020, 1, 1), "last_day": date(2026, 12, 31)}
NOON = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def any_empty(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """An empty warehouse in front of the stand-in without runs, in each destination."""
    return make_warehouse(empty_server)


def put(workspace: Workspace, run_id: str, credits: float | None, *files: str, hours: int = 0, **more: Any) -> None:
    """Put a run on files that are there already."""
    embedded = [workspace.file_payload(file_id) for file_id in files]
    workspace.put_run(run_of(run_id, credits, files=embedded, **more), created_at=NOON + timedelta(hours=hours))


def upload(workspace: Workspace, file_id: str, credits: float | None, pages: int = 1) -> None:
    workspace.put_file(file_of(file_id, pages, credits))
    workspace.files[file_id].pages = pages


def reuse(workspace: Workspace) -> None:
    """A fresh upload of 4 pages, extraction A with its parse, then extraction B on the same file."""
    upload(workspace, "file_1", 8, 4)
    put(workspace, "dpr_a", 12, "file_1")
    put(workspace, "dpr_b", 12, "file_1", hours=24)


LEDGER = (
    "select resource_type, resource_id, kind, credits, usage, run_id, files, file_id, file_type, pages, spent_on,"
    " dated_by from credit_ledger order by resource_id"
)
FILE = ("file_1", "PDF", 4)
REUSED = [
    ("processor_run", "exr_a", "processing", 12, "reported", "exr_a", 1, *FILE, date(2026, 7, 1), "created"),
    ("processor_run", "exr_b", "processing", 12, "reported", "exr_b", 1, *FILE, date(2026, 7, 2), "created"),
    ("parse_run", "pr_1", "parsing", 8, "reported", "exr_a", 1, *FILE, date(2026, 7, 1), "first_run"),
]


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.parametrize(
    "order", [("exr_a", "exr_b"), ("exr_b", "exr_a"), ("exr_a exr_b",)], ids=("older first", "newer first", "together")
)
def test_a_parse_that_a_later_run_uses_again_counts_once(any_empty: AnyWarehouse, order: Sequence[str]) -> None:
    reuse(any_empty.server.workspace)
    for ids in order:
        any_empty.sync(run_ids=ids.split(), api_version=CURRENT_VERSION)

    assert {(row["run_id"], row["resource_id"], row["credits"]) for row in any_empty.rows("credit_attributions")} == {
        *(("exr_a", "pr_1", 8), ("exr_a", "exr_a", 12), ("exr_b", "exr_b", 12))
    }
    assert {row["id"]: row["total_credits"] for row in any_empty.rows("processor_runs")} == {"exr_a": 20, "exr_b": 12}
    assert select(any_empty, LEDGER) == REUSED
    assert select(any_empty, "select sum(credits) from credit_ledger") == [(32,)]


def test_what_is_neither_a_run_nor_parsing_counts_beside_them(any_empty: AnyWarehouse) -> None:
    reuse(any_empty.server.workspace)
    any_empty.sync(api_version=CURRENT_VERSION)
    any_empty.execute(
        "insert into credit_usage (resource_type, resource_id, credits, basis, observed_at, _dlt_load_id)"
        " values ('edit_run', 'edr_1', 2, 'edit_run', '2026-07-05 12:00:00+00', '0')"
    )
    any_empty.execute(
        "insert into credit_attributions (run_id, resource_type, resource_id, credits, _dlt_load_id)"
        " values ('exr_b', 'edit_run', 'edr_1', 2, '0')"
    )

    row = select(any_empty, LEDGER)[0]
    (group,) = spend_by(credit_report(any_empty.pipeline, **ALL_TIME).days, "processor")

    assert row == ("edit_run", "edr_1", "edit_run", 2, "reported", "exr_b", *[None] * 4, date(2026, 7, 2), "first_run")
    assert (group.processing, group.parsing, group.other, group.credits) == (24, 8, 2, 34)
    gap = "select cause, things, gap from credit_reconciliation where comparison = 'ledger_with_totals' order by 1"
    assert select(any_empty, gap) == [("equal", 1, 0), ("figures_differ", 1, 2)]


# ---- many trees


def grow(workspace: Workspace, seed: int) -> None:
    """Let runs end in all ways, alone or after others on the same files, with one file or several."""
    choice = random.Random(seed)
    files: list[str] = []
    for _ in range(40):
        workspace.advance(3_600)
        run_id = workspace.add_run(
            processor=choice.choice(["invoices", "contracts", "splitter", "classifier"]),
            file_id=choice.choice(files) if files and choice.random() < 0.4 else None,
            status=choice.choice(["PROCESSED"] * 6 + ["FAILED", "CANCELLED", "PENDING"]),
            inline=choice.random() < 0.2,
        )
        files += [file["id"] for file in workspace.run_payload(run_id).get("files", ())]
    for _ in range(5):
        workspace.add_run(processor="invoices", status="PROCESSED", files=choice.randint(2, 4))


def own_account(workspace: Workspace) -> dict[str, Decimal]:
    """The credits of processed runs and of parse runs, from the stand-in's account."""
    account = workspace.credit_account()
    runs = {run.id for run in workspace.runs.values() if run.status == "PROCESSED" and run.id in account.runs}
    spent = {new_id(workspace, run_id): account.runs[run_id] for run_id in runs}
    return spent | {file_id.replace("file_", "pr_"): credits for file_id, credits in account.files.items()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_ledger_is_the_stand_ins_own_account(make_warehouse: MakeWarehouse, seed: int) -> None:
    with SandboxServer(workspaces=[Workspace(seed=seed, runs=30)]) as server:
        grow(server.workspace, seed)
        warehouse = make_warehouse(server)
        ids = [new_id(server.workspace, run_id) for run_id in server.workspace.run_ids()]
        random.Random(seed).shuffle(ids)
        warehouse.sync(run_ids=ids[:20], api_version=CURRENT_VERSION)
        warehouse.sync(api_version=CURRENT_VERSION)
    spent = own_account(server.workspace)

    ledger = select(warehouse, "select resource_id, credits from credit_ledger where credits is not null")
    products = select(
        warehouse, "select sum(credits), sum(case when product is null then credits else 0 end) from credits_by_product"
    )
    totals = select(
        warehouse,
        "select cause from credit_reconciliation where comparison in ('ledger_with_totals', 'ledger_with_runs')",
    )
    figures = credit_report(warehouse.pipeline, **ALL_TIME)

    assert dict(ledger) == spent
    assert products == [(sum(spent.values()), 0)]  # each says which products it was for
    assert totals == [("equal",), ("equal",)]
    assert total(figures.days).credits == sum(row.credits or 0 for row in figures.products) == sum(spent.values())
    assert {row.name for row in spend_by(figures.days, "processor")} >= {"no processor"}
    assert len(ids) == sum(row.runs for row in spend_by(figures.days, "version"))


# ---- what is not told


def test_parse_runs_that_nobody_tells_the_credits_of_are_unknown_and_files_are_no_rows(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    workspace.totals_since = NOON + timedelta(hours=1)
    upload(workspace, "file_1", 8)
    upload(workspace, "file_2", 3)
    upload(workspace, "file_3", 5)
    put(workspace, "dpr_before", 12, "file_1")
    put(workspace, "dpr_after", 6, "file_2", hours=2)
    put(workspace, "dpr_failed", None, "file_3", hours=3, status="FAILED", failureReason="OCR_ERROR")
    put(workspace, "dpr_going", None, hours=4, status="PROCESSING")
    # parse runs are not listed
    runs = ("processor_runs", "processor_run_files", "files", "processor_run_summaries")
    any_empty.run(*runs, "credit_usage", "credit_attributions", "credit_charges", api_version=CURRENT_VERSION)

    assert select(any_empty, "select resource_id, credits, usage from credit_ledger order by resource_id") == [
        ("exr_after", 6, "reported"),
        ("exr_before", 12, "reported"),
        ("exr_failed", None, "not_reported"),
        ("exr_going", None, "pending"),
        ("pr_1", None, "not_reported"),
        ("pr_2", 3, "reported"),
        ("pr_3", None, "not_reported"),
    ]
    coverage = "kind, things, reported, pending, not_reported, credits, totals, charged"
    assert select(any_empty, f"select {coverage} from credit_coverage order by kind") == [
        ("parsing", 3, 1, 0, 2, 3, 0, 1),
        ("processing", 4, 2, 1, 1, 18, 1, 1),
    ]
    found = select(any_empty, "select resource_id, reason, credits, run_id from credit_waste order by 1")
    assert found == [
        ("exr_failed", "failed_run", None, "exr_failed"),
        ("pr_3", "parsed_in_vain", None, "exr_failed"),
    ]
    warnings = credit_report(any_empty.pipeline, **ALL_TIME).warnings
    assert any("Unknown credits: 2 of 4 runs and 2 of 3 parse runs." in line for line in warnings)


def test_the_list_of_parse_runs_tells_what_no_run_tells(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    workspace.totals_since = NOON + timedelta(hours=1)
    upload(workspace, "file_1", 8, 4)
    upload(workspace, "file_2", 5)  # nobody reads it
    workspace.files["file_2"].payload["createdAt"] = "2026-06-30T08:00:00Z"
    put(workspace, "dpr_before", 12, "file_1")
    any_empty.sync(api_version=CURRENT_VERSION)

    columns = "resource_id, credits, run_id, file_id, dated_by"
    assert select(any_empty, f"select {columns} from credit_ledger order by resource_id") == [
        ("exr_before", 12, "exr_before", "file_1", "created"),
        ("pr_1", 8, "exr_before", "file_1", "created"),
        ("pr_2", 5, None, "file_2", "created"),
    ]


def test_runs_without_a_processor_and_of_several_files_have_their_place(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    for file_id in ("file_1", "file_2"):
        upload(workspace, file_id, 2, 3)
    put(workspace, "dpr_several", 6, "file_1", "file_2")
    workspace.runs["dpr_several"].file_ids = ["file_1", "file_2"]
    upload(workspace, "file_3", 1, 2)
    put(workspace, "dpr_inline", 4, "file_3")
    workspace.runs["dpr_inline"].inline = True
    any_empty.sync(api_version=CURRENT_VERSION)

    ledger = select(
        any_empty, "select resource_id, run_id, processor_id, files, file_id, pages from credit_ledger order by 1"
    )
    assert ledger == [
        ("exr_inline", "exr_inline", None, 1, "file_3", 2),
        ("exr_several", "exr_several", "ex_1", 2, None, 6),
        ("pr_1", "exr_several", "ex_1", 1, "file_1", 3),
        ("pr_2", "exr_several", "ex_1", 1, "file_2", 3),
        ("pr_3", "exr_inline", None, 1, "file_3", 2),
    ]
    figures = credit_report(any_empty.pipeline, **ALL_TIME)
    assert [(row.name, row.runs, row.files, row.credits) for row in spend_by(figures.days, "processor")] == [
        ("Letters", 1, 2, 10),
        ("no processor", 1, 1, 5),
    ]


# ---- products


CHARGES: list[tuple[str, str, str | None, str | None, float | None, str | None]] = [
    ("processor_run", "exr_a", "extraction_performance", "page", 4, "9"),
    ("processor_run", "exr_a", "agent_usage", "usd", 0.25, "3"),
    ("processor_run", "exr_b", "advanced_excel_parsing", "cell", 600, "2"),
    ("processor_run", "exr_b", "extraction_performance", "page", 4, "8"),
    ("parse_run", "pr_1", "parse_performance", "page", 4, "8"),
]


@pytest.mark.slow
@pytest.mark.core
def test_products_add_up_to_the_ledger_and_what_is_not_said_is_a_row(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    reuse(workspace)
    put(workspace, "dpr_c", 5, hours=24)
    put(workspace, "dpr_d", None, hours=48, status="FAILED")
    any_empty.sync(api_version=CURRENT_VERSION)
    charge(any_empty, CHARGES)

    columns = "spent_on, product, unit, charges, quantity, credits, pages"
    found = select(any_empty, f"select {columns} from credits_by_product order by spent_on, product")

    first, second, third = (date(2026, 7, day) for day in (1, 2, 3))
    assert sorted(found, key=str) == sorted(
        [
            (first, "agent_usage", "usd", 1, 0.25, 3, None),
            (first, "extraction_performance", "page", 1, 4, 9, 4),
            (first, "parse_performance", "page", 1, 4, 8, 4),
            (second, "advanced_excel_parsing", "cell", 1, 600, 2, None),
            (second, "extraction_performance", "page", 1, 4, 8, 4),
            (second, None, None, 0, None, 7, None),  # 2 of B, and all of C
            (third, None, None, 0, None, None, None),
        ],
        key=str,
    )
    assert [
        (row.name, row.unit, row.charges, row.quantity, row.credits, row.per_page)
        for row in spend_by_product(credit_report(any_empty.pipeline, **ALL_TIME).products)
    ] == [
        ("extraction_performance", "page", 2, 8, 17, Decimal("2.125")),
        ("parse_performance", "page", 1, 4, 8, 2),
        ("not said", None, 0, None, 7, None),
        ("agent_usage", "usd", 1, Decimal("0.25"), 3, None),
        ("advanced_excel_parsing", "cell", 1, 600, 2, None),
    ]


def charge(warehouse: AnyWarehouse, charges: Sequence[tuple[Any, ...]]) -> None:
    """Put charges in place of those that are there."""
    warehouse.execute("delete from credit_charges")
    for position, (kind, id_, product, unit, quantity, credits) in enumerate(charges):
        warehouse.execute(
            "insert into credit_charges (resource_type, resource_id, position, product, unit, quantity, credits, _dlt_load_id)"
            f" values ('{kind}', '{id_}', {position}, '{product}', '{unit}', {quantity}, {credits}, '0')"
        )


def test_the_shell_and_the_page_show_products(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", "--api-version", CURRENT_VERSION, **settings(server))
    span = ("--from", "2020-01-01", "--to", "2030-12-31")

    shown = run_shell(tmp_path, "report", "credits", *span, "--by", "product", "--html", "page.html")
    as_csv = run_shell(tmp_path, "report", "credits", *span, "--by", "product", "--csv")
    by_processor = run_shell(tmp_path, "report", "credits", *span)

    assert (shown.code, as_csv.code, as_csv.stderr) == (0, 0, "")
    heading = r"product +unit +charges +quantity +credits +share +credits per page\n(?:.+\n)*all +[0-9]"
    assert re.search(heading, shown.stdout)
    assert sum(Decimal(row["credits"] or 0) for row in csv.DictReader(io.StringIO(as_csv.stdout))) == sum(
        own_account(server.workspace).values()
    )
    assert '<figure id="products">' in (tmp_path / "page.html").read_text()
    assert re.search("processor +runs +parse runs +unknown +processing +parsing", by_processor.stdout)


def test_without_products_the_shell_says_why(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", **settings(server))

    shown = run_shell(tmp_path, "report", "credits", "--to", "2030-12-31", "--from", "2020-01-01", "--by", "product")
    refused = run_shell(tmp_path, "report", "credits", "--by", "product", "--from-listing")

    assert "No product is said: the API names products since 10 June 2026, in version 2026-02-09." in shown.stdout
    assert only_line(refused) == "--from-listing takes no --by product: the listing does not say what was charged."


# ---- what has not landed


def test_a_dataset_that_an_earlier_version_has_left_can_be_reported_on(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    workspace.put_run(run_of("dpr_1", 6, files=[file_of("file_1", 3, 1)]), created_at=NOON)
    any_empty.sync()
    before = select(any_empty, "select resource_id, credits from credit_ledger order by 1")
    for column in ("parse_run_id", "total_credits"):
        any_empty.execute(f"alter table processor_runs drop column {column}")
    for table in ("credit_attributions", "credit_charges"):
        any_empty.execute(f"drop table {table}")

    figures = credit_report(any_empty.pipeline, **ALL_TIME)

    assert select(any_empty, "select resource_id, credits from credit_ledger order by 1") == before
    assert sum(row.credits or 0 for row in figures.products) == total(figures.days).credits == 7
    assert not any("Not loaded" in line for line in figures.warnings)


def test_tables_of_the_newer_version_are_missed_where_it_was_read(any_empty: AnyWarehouse) -> None:
    reuse(any_empty.server.workspace)
    any_empty.run("processor_runs", "files", "processor_run_files", "credit_usage", api_version=CURRENT_VERSION)

    without = create_models(any_empty.pipeline).without

    assert without["credit_ledger"] == ["credit_attributions", "parse_run_summaries", "processor_run_summaries"]
    assert without["credits_by_product"] == ["credit_charges"]
    assert select(any_empty, LEDGER) == REUSED  # the run that names the parse run stands in
