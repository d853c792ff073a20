"""Markers are left out only where they would delete nothing, and make nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from extend_source import extend_source
from extend_source.sandbox import SandboxServer
from tests.acceptance.small_world import fill, invoice
from tests.acceptance.warehouse import Warehouse

LINES = "extraction_invoices__lines"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Five runs in DuckDB, the last invoice without lines."""
    with SandboxServer(runs=0) as server:
        fill(server.workspace)
        warehouse = Warehouse(server, tmp_path_factory.mktemp("idle"))
        with warehouse.kept_open():
            warehouse.sync()
            yield warehouse


def put(warehouse: Warehouse, run: dict[str, Any]) -> None:
    warehouse.server.workspace.advance(60)
    warehouse.server.workspace.put_run(run)


@pytest.mark.slow
def test_rows_that_a_waiting_load_will_write_go_with_the_next_one(warehouse: Warehouse) -> None:
    for lines in (2, 0):  # neither is there when the next load is made
        put(warehouse, invoice("dpr_3", lines, "file_3"))
        warehouse.pipeline.extract(extend_source(**warehouse.settings()))
    warehouse.pipeline.normalize()
    warehouse.pipeline.load()

    assert warehouse.column(LINES, "run_id") == ["dpr_1", "dpr_1", "dpr_1", "dpr_2"]


def test_a_column_that_is_new_to_a_table_is_made_by_a_run_without_rows_in_it(warehouse: Warehouse) -> None:
    run = copy.deepcopy(invoice("dpr_3", 0, "file_3"))
    run["config"]["schema"]["properties"]["lines"]["items"]["properties"]["price"] = {"type": "number"}
    put(warehouse, run)
    warehouse.sync()

    named = [row["column_name"] for row in warehouse.rows("typed_columns") if row["table_name"] == LINES]
    assert "price" in named
    assert warehouse.query(f'select price from "{LINES}"') == [(None,)] * 4
