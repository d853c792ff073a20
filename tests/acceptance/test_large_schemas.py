"""Schemas of very many fields: members without a name, types within each other, and rows wider than a page."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest

from extend_source import quality_report
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import make_open_warehouse
from tests.acceptance.test_typed_tables import TEXT, put_invoice
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = [pytest.mark.thorough, pytest.mark.core]

make_warehouse = make_open_warehouse


@pytest.fixture
def invoices(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """A warehouse of a workspace without runs."""
    return make_warehouse(empty_server)


@pytest.mark.slow
@pytest.mark.case("3.8")
def test_members_that_each_run_names_in_its_own_way_are_no_drift_and_reported_in_seconds(
    invoices: AnyWarehouse,
) -> None:
    rates = {"type": "object", "properties": {"base": TEXT}, "additionalProperties": {"type": "number"}}
    own = [{f"k{run}_{number}": number + 0.5 for number in range(40)} for run in range(300)]
    for run, members in enumerate(own):
        put_invoice(invoices.server.workspace, run, {"rates": {"base": "EUR", **members}}, rates=rates)

    invoices.sync()

    assert invoices.rows("schema_drift") == []
    columns = "run_id, rates__base, rates__additional_properties"
    landed = {
        run_id: (base, text if isinstance(text, dict) else json.loads(text))
        for run_id, base, text in invoices.query(f"select {columns} from extraction_invoices")
    }
    assert landed == {f"dpr_{run}": ("EUR", members) for run, members in enumerate(own)}
    assert invoices.query("select count(*), count(distinct path_template) from extraction_fields") == [(12300, 12001)]
    began = time.monotonic()
    (report,) = quality_report(invoices.pipeline, ["field_fill_rate"]).queries
    assert time.monotonic() - began < 20
    names = list(report.columns)
    filled = {row[names.index("field")]: row[names.index("filled")] for row in report.rows}
    # a row for each member that any run of the versions has
    assert (filled["rates.base"], filled["rates.k7_3"], len(filled)) == (1, 1, 12001)


@pytest.mark.slow
@pytest.mark.case("3.9")
def test_types_that_may_each_hold_all_others_load_in_seconds_with_names_that_stay(invoices: AnyWarehouse) -> None:
    names = [f"n{number}" for number in range(10)]
    held = {name: {"type": "array", "items": {"$ref": f"#/$defs/{name}"}} for name in names}
    types = {name: {"type": "object", "properties": {"id": TEXT, **held}} for name in names}
    config = {"type": "EXTRACT", "schema": {"properties": {"root": {"$ref": "#/$defs/n0"}}, "$defs": types}}
    value = {"root": {"id": "a", "n1": [{"id": "b", "n2": [{"id": "c", "n1": []}]}, {"id": "d"}], "n0": []}}
    run = {"id": "dpr_1", "type": "EXTRACT", "status": "PROCESSED", "processorId": "dp_1", "processorName": "Nodes"}
    invoices.server.workspace.put_run({**run, "config": config, "output": {"value": value, "metadata": {}}})
    began = time.monotonic()

    invoices.sync()

    assert time.monotonic() - began < 30
    assert invoices.typed_tables() == {"extraction_nodes", *(f"extraction_nodes__root__{name}" for name in names)}
    assert invoices.rows("schema_drift") == []
    items = invoices.query("select row_path, value from extraction_nodes__root__n1 order by row_path")
    assert [(path, json.loads(text) if isinstance(text, str) else text) for path, text in items] == [
        ("root.n1[0]", {"id": "b", "n2": [{"id": "c", "n1": []}]}),
        ("root.n1[1]", {"id": "d"}),
    ]
    before = invoices.rows("typed_columns")
    invoices.sync(refresh=True)
    assert [row["column_name"] for row in invoices.rows("typed_columns")] == [row["column_name"] for row in before]
    assert len(invoices.rows("run_config_fields")) < 1000


@pytest.mark.slow
@pytest.mark.case("3.3")
def test_a_row_wider_than_a_page_of_postgresql_lands_with_what_fits_and_drift(
    invoices: AnyWarehouse, destination: str
) -> None:
    money = {"type": "object", "extend:type": "currency"}
    kinds: list[tuple[dict[str, Any], Any]] = [
        ({"type": "boolean"}, True),
        ({"type": "number"}, 1.5),
        (TEXT, "x" * 30),
        ({"type": "string", "extend:type": "date"}, "2026-02-03"),
        ({}, {"a": [1, 2, 3, 4, 5, 6]}),
        (money, {"amount": 12345678901234567890}),
        ({"type": "integer"}, 2**62),
        (TEXT, "y" * 23),
    ]
    fields = {f"f{number:03}": kind for number, kind in zip(range(850), itertools.cycle(kinds), strict=False)}
    schema = {name: schema for name, (schema, _) in fields.items()}
    put_invoice(invoices.server.workspace, 1, {name: value for name, (_, value) in fields.items()}, **schema)
    put_invoice(invoices.server.workspace, 2, {"f849": 2.5}, **schema)

    invoices.sync()

    wide, narrow = invoices.rows("extraction_invoices")
    assert narrow["f849"] == 2.5
    assert (wide["f000"], wide["f001"], wide["f002"]) == (True, 1.5, "x" * 30)
    lost = [name for name, value in wide.items() if value is None and name.startswith("f") and "iso" not in name]
    dropped = {row["path"] for row in invoices.rows("schema_drift") if row["reason"] == "no_column"}
    assert {name.replace("__", ".") for name in lost} == dropped
    assert (len(lost) > 200) if destination == "postgres" else (lost == [])
    long_rows = "select path, value_number from extraction_fields where run_id = 'dpr_1' and path in ('f001', 'f849')"
    assert sorted(invoices.query(long_rows)) == [("f001", 1.5), ("f849", 1.5)]
