"""A dataset that 0.1.0 has made (six runs; one gone at the source, one erased), carried over by the first sync of today.

Its tables are in the folder ``earlier``, as DuckDB exports them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source import erase, extend_source, rebuild
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

EARLIER = Path(__file__).parent / "earlier"
FORMERS = {"processor_run_tombstones", "raw_processor_runs", "raw_files"}
GONE = "dpr_HsLLBxo9gkPjJGwtcR77v"
ERASED = "dpr_Is9t8oDivgKP5P4cep1wn"
WITH_FIELDS = "dpr_5hVyJauvWyrVcLcUWgglv"


def exported(table: str) -> list[dict[str, str]]:
    with (EARLIER / f"extend_{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def earlier(any_warehouse: AnyWarehouse) -> AnyWarehouse:
    """The dataset in a database of today, and a machine that has never loaded anything."""
    definitions = (EARLIER / "schema.sql").read_text("utf-8")
    if isinstance(any_warehouse, Warehouse):
        loads = (EARLIER / "load.sql").read_text("utf-8").replace("{folder}", str(EARLIER))
        any_warehouse.execute(definitions + loads)
        return any_warehouse
    assert isinstance(any_warehouse, PostgresWarehouse)
    for own, theirs in ((r"\bDOUBLE\b", "double precision"), (r"\bJSON\b", "jsonb"), (";;", ";")):
        definitions = re.sub(own, theirs, definitions)
    any_warehouse.execute(definitions)
    for file in sorted(EARLIER.glob("extend_*.csv")):
        any_warehouse.copy(file.stem.removeprefix("extend_"), file)
    return any_warehouse


@pytest.fixture
def any_warehouse(make_warehouse: MakeWarehouse, empty_server: SandboxServer) -> Iterator[AnyWarehouse]:
    warehouse = make_warehouse(empty_server)
    with warehouse.kept_open():
        yield warehouse


@pytest.mark.slow
def test_tombstones_and_payloads_are_where_they_belong_today_and_not_carried_over_twice(earlier: AnyWarehouse) -> None:
    first = earlier.sync(run_ids=["dpr_unknown"])

    tombstones = {row["id"]: (row["resource_type"], row["reason"]) for row in earlier.rows("tombstones")}
    assert tombstones == {GONE: ("processor_run", "not_found")}
    carried = {(row["resource_type"], row["id"], row["payload"]) for row in earlier.rows("raw_payloads")}
    runs = {("processor_run", row["id"], row["payload"]) for row in exported("raw_processor_runs")}
    files = {("file", row["id"], row["payload"]) for row in exported("raw_files")}
    assert (len(runs), len(files)) == (5, 5)
    assert carried == runs | files
    loads = dict(earlier.query("select id, _dlt_load_id from raw_payloads"))
    assert loads == {
        row["id"]: row["_dlt_load_id"] for name in ("raw_processor_runs", "raw_files") for row in exported(name)
    }
    assert not earlier.tables() & FORMERS
    assert earlier.pipeline.default_schema.tables.keys().isdisjoint(FORMERS)

    second = earlier.sync(run_ids=["dpr_unknown"])
    third = earlier.on_another_machine().sync(run_ids=["dpr_unknown"])

    assert [len(result.load_ids) for result in (first, second, third)] == [2, 1, 1]
    assert len(earlier.rows("raw_payloads")) == 10


def test_all_tables_are_rebuilt_from_payloads_that_were_carried_over(earlier: AnyWarehouse) -> None:
    before = {(row["run_id"], row["path"]): row["value_text"] or None for row in exported("extraction_fields")}

    result = rebuild(earlier.pipeline)

    assert (result.runs, result.failed) == (5, 0)
    after = {(row["run_id"], row["path"]): row["value_text"] or None for row in earlier.rows("extraction_fields")}
    assert after == before
    assert not earlier.tables() & FORMERS


def test_what_is_erased_leaves_no_payload_behind(earlier: AnyWarehouse) -> None:
    result = erase(earlier.pipeline, run_ids=[WITH_FIELDS])

    assert result.rows["raw_payloads"] == 1
    assert WITH_FIELDS not in earlier.column("raw_payloads", "id")
    assert not earlier.tables() & FORMERS
    assert {row["id"] for row in earlier.rows("erasures")} == {ERASED, WITH_FIELDS}


def test_a_plain_run_of_the_pipeline_asks_for_one_sync(earlier: AnyWarehouse) -> None:
    with pytest.raises(PipelineStepFailed, match=r"tables of an earlier version: processor_run_tombstones.* once"):
        earlier.run("processor_runs")
    assert len(earlier.rows("raw_processor_runs")) == 5
    earlier.sync(run_ids=["dpr_unknown"])
    earlier.pipeline.run(extend_source(["dpr_unknown"], **earlier.settings()))


def test_a_kill_before_the_earlier_tables_are_dropped_loses_and_doubles_nothing(
    earlier: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("extend_source.pipeline.earlier_tables._drop", _killed)
        with pytest.raises(KeyboardInterrupt):
            earlier.sync(run_ids=["dpr_unknown"])
    assert (len(earlier.rows("raw_payloads")), earlier.tables() >= FORMERS) == (10, True)

    earlier.sync(run_ids=["dpr_unknown"])

    assert (len(earlier.rows("raw_payloads")), earlier.tables() & FORMERS) == (10, set())


def _killed(*arguments: Any) -> None:
    raise KeyboardInterrupt


def test_a_users_own_view_on_an_earlier_table_keeps_nothing_from_being_carried_over(earlier: AnyWarehouse) -> None:
    earlier.execute("create view my_gone as select id from extend.processor_run_tombstones")

    earlier.sync(run_ids=["dpr_unknown"])

    assert GONE in earlier.column("tombstones", "id")
    if isinstance(earlier, PostgresWarehouse):  # the view keeps the table, not its rows
        assert earlier.query("select count(*) from processor_run_tombstones") == [(0,)]
