"""The demo: a stand-in API, a sync into DuckDB, and what there is to see in it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import dlt
from dlt.destinations import duckdb
from dlt.destinations.sql_client import SqlClientBase
from rich.console import Console

from extend_source.cli.display.results import show_result
from extend_source.cli.display.terminal import show_lines, show_rows
from extend_source.config.groups import DEFAULT_GROUPS
from extend_source.ingest.progress import SyncProgress
from extend_source.operations.sync import SyncResult, sync
from extend_source.reports.credits import credit_report
from extend_source.reports.page import write_page
from extend_source.tables import wanted_tables
from extend_source.text.wording import figure

DATASET = "extend"
_PAGE_DAYS = 120
_BUDGET = 900

CREDITS_BY_PROCESSOR = """
select coalesce(processor_name, 'all') as processor, coalesce(type, '') as type, count(*) as runs,
       count(*) - count(credits) as unknown, sum(credits) as credits
from extend.processor_runs
group by grouping sets ((processor_name, type), ()) order by processor_name is null, credits desc nulls last"""

LAST_DAY = "select cast(max(created_at at time zone 'UTC') as date) from extend.processor_runs"

_PARSE_OUTPUT: Final = "chunks"

TYPED_TABLES = """
select table_name, processor_name, path from extend.typed_columns where data_type = 'table' order by table_name"""

PARSING_CREDITS = "select count(*), count(*) - count(credits), sum(credits) from extend.files"

QUERIES = {
    "What do we owe, by year and currency?": """
select year(invoice_date) as year, total__iso_4217_currency_code as currency, count(*) as invoices,
       sum(total__amount)::decimal(12, 2) as total, count(*) filter (reviewed) as reviewed
from extend.extraction_supplier_invoices
where total__amount is not null
group by all order by year desc, total desc limit 5;""",
    "Which lines of invoices cost most?": """
select i.invoice_date, i.vendor__name as vendor, l.sku, l.amount__amount::decimal(12, 2) as amount,
       l.amount__iso_4217_currency_code as currency
from extend.extraction_supplier_invoices__line_items l join extend.extraction_supplier_invoices i using (run_id)
where i.vendor__name is not null
order by amount desc nulls last limit 5;""",
    "Which deadlines of contracts come first in 2026, and what do they cost if missed?": """
select d.date, c.title, d.parent_row_path as obligation, d.penalty__amount::decimal(12, 2) as penalty,
       d.penalty__iso_4217_currency_code as currency
from extend.extraction_contracts__obligations__deadlines d
join extend.extraction_contracts c using (run_id)
where d.date >= date '2026-01-01' and c.title is not null
order by d.date, c.title limit 5;""",
}
"""What an analyst might ask next: a question and its SQL, on DuckDB."""


@dataclass(frozen=True)
class DemoResult:
    """What the demo loaded.

    Attributes:
        sync: the sync's own result.
        row_counts: rows of each table that has any.
        typed_counts: typed table, rows, processor and path.
        credits: processor, type, runs, runs of unknown cost and credits; a total at the end.
        files: number of files.
        files_unknown: files of which the cost of parsing is unknown.
        parsing_credits: credits for parsing the others.
        page: the credit page; None: the extra `report` is not installed.
    """

    sync: SyncResult
    row_counts: list[tuple[str, int, str]]
    typed_counts: list[tuple[str, int, str, str]]
    credits: list[tuple[Any, ...]]
    files: int
    files_unknown: int
    parsing_credits: Any
    page: Path | None


@contextmanager
def stand_in(seed: int, runs: int, now: datetime | None = None) -> Iterator[tuple[str, str]]:
    """Serve a stand-in API, of now or another moment, on a free loopback port; yield its base URL and a key."""
    from extend_source.sandbox import SandboxServer

    with SandboxServer(seed=seed, runs=runs, now=now) as server:
        yield server.base_url, server.api_key


def run_demo(database: Path, base_url: str, api_key: str, progress: SyncProgress) -> DemoResult:
    """Load everything that an API has into a new DuckDB file.

    Args:
        database: the file; one that is there is replaced once all is loaded.
        base_url: the API.
        api_key: a key for it.
        progress: filled while it runs.

    Returns:
        What was loaded.
    """
    with tempfile.TemporaryDirectory(prefix="extend-demo-") as folder:
        fresh = Path(folder) / "demo.duckdb"
        pipeline = dlt.pipeline(
            "extend_demo", destination=duckdb(str(fresh)), dataset_name=DATASET, pipelines_dir=folder
        )
        result = sync(
            pipeline,
            progress=progress,
            api_key=api_key,
            base_url=base_url,
            requests_per_second=0,
            file_contents="fetch",
            objects=list(DEFAULT_GROUPS),  # whatever the reader's own settings leave out
            details=True,
            parse_output=_PARSE_OUTPUT,
            typed_tables=True,
        )
        with pipeline.sql_client() as client:
            tables = wanted_tables(keep_raw=False, parse_output=_PARSE_OUTPUT, groups=DEFAULT_GROUPS)
            counts = [(table.name, _count(client, table.name), table.grain) for table in tables]
            typed = [
                (table, _count(client, table), processor, path)
                for table, processor, path in client.execute_sql(TYPED_TABLES) or []
            ]
            credits = [tuple(row) for row in client.execute_sql(CREDITS_BY_PROCESSOR) or []]
            files, unknown, parsing = (client.execute_sql(PARSING_CREDITS) or [])[0]
            last_day = (client.execute_sql(LAST_DAY) or [])[0][0]
        page = _write_page(pipeline, date.fromisoformat(str(last_day)), database.with_suffix(".html"))
        shutil.move(fresh, database)
    result = replace(result, destination=str(database))
    return DemoResult(result, [row for row in counts if row[1]], typed, credits, files, unknown, parsing, page)


def _write_page(pipeline: dlt.Pipeline, last_day: date, path: Path) -> Path | None:
    """Write the credit page; None where the extra `report` is not installed."""
    if find_spec("altair") is None or find_spec("vl_convert") is None:
        return None
    first_day = last_day - timedelta(days=_PAGE_DAYS)
    write_page(credit_report(pipeline, first_day=first_day, last_day=last_day, budget=_BUDGET), path)
    return path


def _count(client: SqlClientBase[Any], table: str) -> int:
    return int((client.execute_sql(f"select count(*) from {table}") or [])[0][0])


def show_demo(console: Console, database: Path, result: DemoResult) -> None:
    """Print what the demo loaded, what it cost, and queries to try next."""
    show_result(console, result.sync)
    console.print()
    show_rows(console, f"Tables in {database}", ("table", "rows", "one row per"), result.row_counts)
    console.print()
    show_rows(
        console, "Fields as columns, by processor", ("typed table", "rows", "processor", "path"), result.typed_counts
    )
    console.print()
    show_rows(console, "Credits by processor", ("processor", "type", "runs", "unknown", "credits"), result.credits)
    show_lines(
        console,
        f"Parsing cost {figure(result.parsing_credits)} credits more, each file counted once; of "
        f"{result.files_unknown:,} of {result.files:,} files it is unknown.",
        "",
    )
    program = f"import duckdb, sys; print(duckdb.connect('{database}').sql(sys.stdin.read()))"
    show_lines(console, "Queries to try. Start this, paste one, then Ctrl-D:", f'  {_typed("python")} -c "{program}"')
    for question, sql in QUERIES.items():
        show_lines(console, "", f"-- {question}", *sql.strip().split("\n"))
    things = [
        *([] if result.page is None else [f"Open {result.page} in a browser: what was spent, and on what."]),
        "Ask one of the questions above.",
        f"Load your own runs: {_typed('extend-source')} init",
    ]
    show_lines(console, "", "Next:", *(f"{number}. {thing}" for number, thing in enumerate(things, 1)))


def _typed(program: str) -> str:
    """A program beside the interpreter as one would type it here."""
    path = Path(sys.executable).with_name(program)
    short = os.path.relpath(path)
    return str(path) if short.startswith("..") else short
