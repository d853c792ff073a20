"""How warehouses are told to keep rows of one owner together: the SQL that dlt makes, without a connection."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.schema import Schema
from dlt.destinations.impl.bigquery.bigquery_adapter import CLUSTER_COLUMNS_HINT

from extend_source.pipeline.hints import hints_of
from extend_source.pipeline.write_mode import active_write_mode
from extend_source.tables import TABLES

PLACES: dict[str, tuple[str, Any]] = {
    "redshift": ("psycopg2", "redshift://loader:secret@localhost:5439/db"),
    "snowflake": ("snowflake", "snowflake://loader:secret@account/db?warehouse=w&role=r"),
    "bigquery": ("google.cloud.bigquery", {"project_id": "p", "private_key": "k", "client_email": "loader@localhost"}),
    "databricks": (
        "databricks.sql",
        {"server_hostname": "localhost", "http_path": "/p", "access_token": "t", "catalog": "c"},
    ),
}
"""The module that a destination needs, and credentials that reach nothing."""


def statement(destination: str, table_name: str, folder: Path, *, layout: bool = True, is_new: bool = True) -> str:
    """The SQL by which dlt makes a table, or adds a column to it."""
    module, credentials = PLACES[destination]
    if importlib.util.find_spec(module.partition(".")[0]) is None or importlib.util.find_spec(module) is None:
        pytest.skip(f"{destination} is not installed: pip install dlt[{destination}]")
    place: Any = getattr(dlt.destinations, destination)(credentials=credentials)
    pipeline = dlt.pipeline("layout", destination=place, dataset_name="extend", pipelines_dir=str(folder))
    table = TABLES[table_name]
    resource = dlt.resource([], name=table.name)
    resource.apply_hints(**hints_of(table, active_write_mode(layout=layout)))
    pipeline.deactivate()
    known: Any = resource.compute_table_schema()
    columns = py_arrow_to_table_schema_columns(table.arrow_schema)
    known["columns"] = {name: {**column, **known["columns"].get(name, {})} for name, column in columns.items()}
    schema = Schema("extend")
    schema.update_table(known)
    client = place.client(schema, place.spec()._bind_dataset_name(dataset_name="extend"))
    new = list(schema.get_table_columns(table.name).values())
    return "\n".join(client._get_table_update_sql(table.name, new if is_new else new[-1:], not is_new))


@pytest.mark.parametrize(
    ("destination", "table", "expected"),
    [
        ("redshift", "extraction_fields", '"run_id" varchar(max) DISTKEY SORTKEY NOT NULL'),
        ("redshift", "processor_runs", '"id" varchar(max) DISTKEY SORTKEY NOT NULL'),
        ("snowflake", "extraction_fields", 'CLUSTER BY ("RUN_ID")'),
        ("bigquery", "extraction_fields", "CLUSTER BY `run_id`"),
        ("databricks", "extraction_fields", "CLUSTER BY (`run_id`)"),
    ],
)
def test_a_new_table_is_laid_out_by_the_owner_of_its_rows(
    destination: str, table: str, expected: str, tmp_path: Path
) -> None:
    assert expected in statement(destination, table, tmp_path)


def test_a_table_that_is_there_gets_a_column_as_ever_and_one_is_made_as_ever_where_no_layout_is_wanted(
    tmp_path: Path,
) -> None:
    added = statement("redshift", "extraction_fields", tmp_path, is_new=False)
    plain = statement("redshift", "extraction_fields", tmp_path, layout=False)

    assert added.strip() == 'ALTER TABLE "extend"."extraction_fields"\nADD COLUMN "_dlt_load_id" varchar(max)'
    assert '"run_id" varchar(max)  NOT NULL' in plain


def test_dlt_calls_the_clustering_of_bigquery_as_the_hint_does() -> None:
    assert CLUSTER_COLUMNS_HINT == "x-bigquery-cluster-columns"
