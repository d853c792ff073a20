"""Typed tables in DuckDB and PostgreSQL: they hold what the runs say, whatever changes, under names that stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from extend_source import rebuild
from extend_source.ingest import load
from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import change_runs, ids_with_status, make_open_warehouse
from tests.acceptance.truth import assert_typed_tables
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse

TEXT = {"type": ["string", "null"]}
NUMBER = {"type": ["number", "null"]}
LINES = {"type": "array", "items": {"type": "object", "properties": {"sku": TEXT, "price": NUMBER}}}


def put_invoice(workspace: Workspace, number: int, value: dict[str, Any], **properties: Any) -> str:
    """Serve an invoice whose version has just these properties; higher numbers are older."""
    config = {"type": "EXTRACT", "schema": {"type": "object", "properties": properties}}
    run = {
        **{"id": f"dpr_{number}", "type": "EXTRACT", "status": "PROCESSED", "reviewed": False, "config": config},
        **{"processorId": "dp_1", "processorName": "Invoices", "processorVersionId": f"dpv_{number}"},
        "output": {"value": value, "metadata": {}},
    }
    return workspace.put_run(run, created_at=workspace.now - timedelta(days=number))


def test_they_hold_what_runs_of_every_kind_say(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()

    assert len(any_warehouse.typed_tables()) > 10
    assert_typed_tables(any_warehouse)


def test_a_repeated_and_a_later_load_leave_no_row_of_before(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    workspace = any_warehouse.server.workspace
    change_runs(workspace, ids_with_status(workspace, "PROCESSED")[:20])

    any_warehouse.sync()
    assert_typed_tables(any_warehouse)
    any_warehouse.sync(refresh=True)
    assert_typed_tables(any_warehouse)


def test_another_machine_keeps_the_names_and_fetches_nothing_again(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.server.workspace.advance(86_400)  # so that nothing is in flight
    any_warehouse.sync()
    names = {(row["path"], row["column_name"]) for row in any_warehouse.rows("typed_columns")}
    server = any_warehouse.server
    server.workspace.set_processor_name("invoices", "Something else")
    change_runs(server.workspace, ids_with_status(server.workspace, "PROCESSED")[:10])
    server.requests.reset()

    any_warehouse.on_another_machine().sync()

    assert server.requests.counts["get_run"] == 10
    assert {(row["path"], row["column_name"]) for row in any_warehouse.rows("typed_columns")} == names
    assert_typed_tables(any_warehouse)


@pytest.fixture
def invoices(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """A warehouse of a workspace without runs."""
    return make_warehouse(empty_server)


def test_a_list_that_a_run_no_longer_has_vanishes(invoices: AnyWarehouse) -> None:
    workspace = invoices.server.workspace
    put_invoice(workspace, 1, {"lines": [{"sku": "a", "price": 1.5}, {"sku": "b"}]}, lines=LINES)
    put_invoice(workspace, 2, {"lines": [{"sku": "c"}]}, lines=LINES)
    invoices.sync()
    put_invoice(workspace, 1, {"lines": []}, lines=LINES)

    invoices.sync(refresh=True)

    assert invoices.query("select run_id, sku from extraction_invoices__lines") == [("dpr_2", "c")]


def test_versions_that_add_fields_and_change_types_load_in_one_load_of_many_batches(
    invoices: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "BATCH_RUNS", 1)
    workspace = invoices.server.workspace
    put_invoice(workspace, 0, {"total": "12,50 EUR", "due": "2026-03-01"}, total=TEXT, due=TEXT)
    put_invoice(workspace, 1, {"total": 12.5}, total=NUMBER)
    put_invoice(workspace, 2, {"total": 3, "lines": [{"sku": "a"}]}, total=NUMBER, lines=LINES)
    put_invoice(workspace, 3, {"Total": "x"}, Total=TEXT)

    invoices.sync(max_concurrency=1)

    rows = invoices.query("select run_id, total, total__number, due from extraction_invoices order by run_id")
    assert rows == [
        ("dpr_0", "12,50 EUR", None, "2026-03-01"),
        ("dpr_1", None, 12.5, None),
        ("dpr_2", None, 3.0, None),
        ("dpr_3", None, None, None),
    ]
    assert_typed_tables(invoices)
    put_invoice(workspace, 4, {"total": True}, total={"type": "boolean"})
    invoices.sync(refresh=True)
    assert invoices.query("select total__boolean from extraction_invoices where run_id = 'dpr_4'") == [(True,)]
    assert_typed_tables(invoices)


@pytest.mark.slow
@pytest.mark.core
def test_types_and_descriptions_of_columns_come_from_the_schema(invoices: AnyWarehouse) -> None:
    day = {"type": "string", "extend:type": "date", "description": "When it is due"}
    money = {"type": "object", "extend:type": "currency"}
    put_invoice(invoices.server.workspace, 1, {}, due=day, total=money, paid={"type": "boolean"}, meta={})

    invoices.sync()

    sql = (
        "select column_name, lower(data_type) from information_schema.columns where table_name = 'extraction_invoices'"
    )
    kinds = dict(invoices.query(sql))
    assert (kinds["due"], kinds["paid"]) == ("date", "boolean")
    assert kinds["total__amount"].startswith(("decimal(38,9)", "numeric"))
    assert kinds["meta"].startswith("json")
    columns = invoices.pipeline.default_schema.get_table_columns("extraction_invoices")
    assert columns["due"]["description"] == "due: When it is due."


def test_they_can_be_left_out_and_had_later(invoices: AnyWarehouse) -> None:
    put_invoice(invoices.server.workspace, 1, {"total": "x"}, total=TEXT)
    invoices.sync(typed_tables=False)
    assert not any(name.startswith("extraction_invoices") for name in invoices.tables())
    assert "typed_columns" not in invoices.tables()

    results = [invoices.sync(typed_tables=False).fetched, invoices.sync().fetched, invoices.sync().fetched]

    assert results == [0, 1, 0]
    assert_typed_tables(invoices)


def test_they_can_be_loaded_alone(invoices: AnyWarehouse) -> None:
    put_invoice(invoices.server.workspace, 1, {"total": "x"}, total=TEXT)

    invoices.run("typed_tables", "typed_columns")

    assert invoices.tables() == {"extraction_invoices", "typed_columns"}
    assert invoices.query("select run_id, total from extraction_invoices") == [("dpr_1", "x")]


def test_what_a_load_by_id_does_not_know_of_times_is_not_erased(invoices: AnyWarehouse) -> None:
    workspace = invoices.server.workspace
    put_invoice(workspace, 1, {"total": "x"}, total=TEXT)
    invoices.sync(run_ids=["dpr_1"])
    assert invoices.query("select created_at from extraction_invoices") == [(None,)]
    invoices.sync()
    assert_typed_tables(invoices)

    invoices.sync(run_ids=["dpr_1"], refresh=True)

    assert_typed_tables(invoices)


def test_a_rebuild_writes_them_as_the_load_did(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync(keep_raw=True)
    for name in any_warehouse.typed_tables():
        any_warehouse.execute(f'delete from "{name}"')

    rebuild(any_warehouse.pipeline)

    assert_typed_tables(any_warehouse)


def test_a_processor_with_too_many_fields_says_which_have_no_column(invoices: AnyWarehouse) -> None:
    fields = {f"field {number}": TEXT for number in range(1003)}
    put_invoice(invoices.server.workspace, 1, dict.fromkeys(fields, "x"), **fields)

    result = invoices.sync()

    assert result.complete
    sql = "select path from typed_columns where column_name is null and data_type = 'text' order by path"
    beyond = [("field 1000",), ("field 1001",), ("field 1002",)]
    assert invoices.query(sql) == beyond
    assert invoices.query("select path from schema_drift where reason = 'no_column' order by path") == beyond
    assert invoices.query("select count(*) from extraction_fields") == [(1003,)]
