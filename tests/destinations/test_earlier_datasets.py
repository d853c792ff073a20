"""A dataset that 0.1.0 has made is carried over on destinations beside DuckDB and PostgreSQL as well."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pytest
from dlt.common.schema import Schema
from dlt.extract import DltResource, DltSource

from extend_source.sandbox import SandboxServer
from extend_source.source import load_id
from tests.acceptance.test_migration import EARLIER, FORMERS, GONE, exported
from tests.destinations.places import Place, make_destination

pytestmark = pytest.mark.destinations

PAYLOADS = {"raw_processor_runs": "processor_run", "raw_files": "file"}
"""The tables of payloads of 0.1.0, and what their rows are payloads of."""


def exported_tables() -> dict[str, pa.Table]:
    """The tables of 0.1.0 with the types that they had."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute((EARLIER / "schema.sql").read_text("utf-8").replace(";;", ";"))
        connection.execute((EARLIER / "load.sql").read_text("utf-8").replace("{folder}", str(EARLIER)))
        names = [file.stem.removeprefix("extend_") for file in sorted(EARLIER.glob("extend_*.csv"))]
        return {
            name: connection.sql(f'select * from extend."{name}"').to_arrow_table()
            for name in names
            if not name.startswith("_dlt")
        }


def of_this_load(name: str, rows: pa.Table) -> DltResource:
    """Rows that are written as if this load had brought them."""

    @dlt.resource(name=name, write_disposition="append")
    def resource() -> Iterator[pa.Table]:
        at = rows.column_names.index("_dlt_load_id")
        yield rows.set_column(at, "_dlt_load_id", pa.array([load_id()] * len(rows), pa.string()))

    return resource


@pytest.fixture(params=["sqlite", "filesystem"])
def earlier(request: pytest.FixtureRequest, tmp_path: Path, empty_server: SandboxServer) -> Place:
    """The dataset of 0.1.0, and a machine that has never loaded anything."""
    (version,) = csv.DictReader((EARLIER / "extend__dlt_version.csv").open(encoding="utf-8", newline=""))
    schema = Schema.from_stored_schema(json.loads(version["schema"]))
    place = Place(request.param, make_destination(request.param, tmp_path, request), empty_server, tmp_path)
    resources = [of_this_load(name, rows) for name, rows in exported_tables().items()]
    file_format = "parquet" if request.param == "filesystem" else None
    place.pipeline.run(DltSource(schema, "extend", resources), loader_file_format=file_format)
    return place.on_another_machine()


def rows(place: Place, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of all rows of a table: views show no runs of which today's tables lack rows."""
    with place.pipeline.sql_client("extend") as client:
        names = ", ".join(map(client.escape_column_name, columns))
        found = client.execute_sql(f"select {names} from {client.make_qualified_table_name(table)}") or ()
        return sorted(tuple(row) for row in found)


def test_what_it_holds_is_carried_over_once(earlier: Place) -> None:
    loads = [len(earlier.sync(run_ids=["dpr_unknown"]).load_ids) for _ in range(2)]

    assert loads == [2, 1]
    assert rows(earlier, "tombstones", "id", "resource_type", "reason") == [(GONE, "processor_run", "not_found")]
    payloads = [(kind, row["id"], row["payload"]) for name, kind in PAYLOADS.items() for row in exported(name)]
    assert rows(earlier, "raw_payloads", "resource_type", "id", "payload") == sorted(payloads)
    assert len(payloads) == 10
    assert earlier.pipeline.default_schema.tables.keys().isdisjoint(FORMERS)
