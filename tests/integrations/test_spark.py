"""Tables that Spark builds from raw payloads, held against what a rebuild writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, lit

from extend_source import NoRawPayloads, UsageError
from extend_source import rebuild as rebuild_dataset
from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION
from extend_source.integrations.spark import SparkRebuildResult, rebuild
from extend_source.sandbox import SandboxServer
from tests.acceptance.warehouse import Warehouse
from tests.integrations.pages import follow

pytestmark = pytest.mark.integrations

UNLIKE = {
    "files": {"row_counts"},  # a rebuild counts the text of a file only where its row comes in the same batch
    "parse_runs": {"row_counts"},  # and the charges that several runs tell where they are told first
    "processor_runs": {"row_counts"},
    "typed_columns": {"recorded_at"},
    "schema_drift": {"first_seen_at", "example_run_id"},
}
"""What says when, or in which order, rows were written."""

LEFT_AS_THEY_ARE = {
    *("raw_payloads", "tombstones", "erasures", "replacements", "sync_log", "sync_log_objects"),
    *("processor_run_summaries", "parse_run_summaries"),
}
"""What no payload gives."""


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Spark with two workers on this machine."""
    os.environ["PYSPARK_PYTHON"] = sys.executable  # the workers': by default the first python3 on the PATH
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", False)
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", 2)
        .config("spark.sql.codegen.wholeStage", False)  # compiling takes longer than a few rows
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
        .config("spark.sql.session.timeZone", "Asia/Kolkata")  # no value may depend on it
        .getOrCreate()
    )
    yield session
    session.stop()


@dataclass
class Built:
    """Runs of one generation, rebuilt twice.

    Attributes:
        rebuilt: the dataset, of which nothing but what a rebuild writes is left.
        raw: the payloads, as Parquet.
        target: the tables that Spark has written.
        result: what it says of them.
    """

    rebuilt: Warehouse
    raw: str
    target: Path
    result: SparkRebuildResult


@pytest.fixture(scope="module", params=[CURRENT_VERSION, API_VERSION])
def built(request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both, of runs of all types that two syncs have loaded, between which some have changed."""
    folder = tmp_path_factory.mktemp("spark")
    with SandboxServer(runs=150) as server:
        warehouse = Warehouse(server, folder)
        settings = {"keep_raw": True, "api_version": request.param, "file_contents": "fetch", "parse_output": "words"}
        warehouse.sync(max_runs=90, **settings)
        server.workspace.advance(900)
        warehouse.sync(**settings)
    raw = export(warehouse)
    for table in warehouse.tables() - LEFT_AS_THEY_ARE - {"typed_columns"}:
        warehouse.execute(f'delete from "{table}"')
    rebuild_dataset(warehouse.pipeline, parse_output="words")
    payloads = spark.read.parquet(raw).repartition(5)
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        names = connection.sql("select * exclude _dlt_load_id from extend.typed_columns").df()
    result = rebuild(
        spark,
        payloads,
        str(folder / "target"),
        typed_columns=spark.createDataFrame(names.astype(object).where(names.notna(), None)),
        parse_output="words",
    )
    return Built(warehouse, raw, folder / "target", result)


def export(warehouse: Warehouse) -> str:
    """Write the payloads as Parquet, and return the file."""
    path = str(warehouse.folder / "raw.parquet")
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        connection.execute(f"copy extend.raw_payloads to '{path}'")
    return path


def rows(relation: str, database: Path | None = None, without: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """The rows of a relation of DuckDB as a multiset: in one order, by name of column."""
    with duckdb.connect(str(database or ":memory:"), read_only=database is not None) as connection:
        connection.execute("set timezone = 'UTC'")
        found = connection.sql(f"select * from {relation}").to_arrow_table()
    kept = sorted(set(found.column_names) - without - {"_dlt_load_id", "_dlt_id"})
    return sorted(found.select(kept).to_pylist(), key=repr)


def test_every_table_is_the_one_of_a_rebuild_row_for_row(built: Built) -> None:
    tables = built.rebuilt.tables() - LEFT_AS_THEY_ARE
    assert built.result == SparkRebuildResult(built.result.tables, failed=0)
    assert set(built.result.tables) == tables
    assert len([table for table in tables if table.startswith("extraction_")]) > 15
    for table in sorted(tables):
        unlike = frozenset(UNLIKE.get(table, ()))
        theirs = rows(f'extend."{table}"', built.rebuilt.database, unlike)
        ours = rows(f"'{built.target / table}/*.parquet'", None, unlike)
        assert ours == theirs, table
    assert not (built.target / "_staging").exists()


def test_of_several_payloads_of_a_run_the_latest_counts_and_an_odd_one_is_told(
    built: Built, spark: SparkSession, tmp_path: Path
) -> None:
    raw = spark.read.parquet(built.raw).where("resource_type = 'processor_run'").limit(20).cache()
    first = raw.orderBy("id").first()
    earlier = raw.where(col("id") == first["id"]).withColumn("payload", lit(f'{{"id":"{first["id"]}"}}'))
    earlier = earlier.withColumn("fetched_at", lit("2020-01-01 00:00:00").cast("timestamp"))
    odd = raw.limit(1).withColumn("id", lit("dpr_odd")).withColumn("payload", lit("{"))

    written: dict[str, DataFrame] = {}
    result = rebuild(
        spark,
        raw.unionByName(earlier).unionByName(odd).select("id", "resource_type", "payload", "fetched_at"),
        lambda name, table: table.write.mode("overwrite").saveAsTable(f"lake_{name}") or written.update({name: table}),
        staging=str(tmp_path / "staging"),
        typed_tables=False,
    )

    assert result.failed == 1
    assert spark.table("lake_processor_runs").count() == 20
    kept = spark.table("lake_processor_runs").where(col("id") == first["id"]).first()
    assert kept["fetched_at"] == first["fetched_at"]
    error = spark.table("lake_fetch_errors").first()
    assert (error["id"], error["error_code"], error["attempts"]) == ("dpr_odd", "EXT-207", 1)
    assert "extraction_supplier_invoices" not in written


def test_what_cannot_be_built_from_is_refused_in_one_line(built: Built, spark: SparkSession, tmp_path: Path) -> None:
    raw = spark.read.parquet(built.raw)

    with pytest.raises(
        UsageError, match=r"^The payloads lack columns: id, fetched_at\. Pass the columns of raw_payloads"
    ):
        rebuild(spark, raw.select("payload", "resource_type"), str(tmp_path))
    with pytest.raises(UsageError, match="Name one with staging"):
        rebuild(spark, raw, lambda name, table: None)
    with pytest.raises(NoRawPayloads):
        rebuild(spark, raw.limit(0), str(tmp_path))


def test_the_page_on_spark_can_be_followed_and_the_loop_over_duckdb_writes_the_same_rows(tmp_path: Path) -> None:
    follow("spark.md", tmp_path)

    with duckdb.connect(str(tmp_path / "tables.duckdb"), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
    assert len(tables) > 30
    for table in tables:
        unlike = frozenset(UNLIKE.get(table, ()))
        by_spark = rows(f"'{tmp_path / 'tables' / table}/*.parquet'", None, unlike)
        assert rows(f'"{table}"', tmp_path / "tables.duckdb", unlike) == by_spark, table
