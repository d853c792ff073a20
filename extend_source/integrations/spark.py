"""All tables from raw payloads, by Spark: for those whose payloads are more than one machine turns into rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from extend_source.config.installation import install_command
from extend_source.error_codes import ErrorCode
from extend_source.errors import NoRawPayloads, UsageError
from extend_source.ingest.payload_batches import (
    SHARED_TABLES,
    FlattenPlan,
    flatten_batches,
    flatten_files,
    in_utc,
    label_of,
    sighted_processors,
)
from extend_source.ingest.stored_payloads import RawPayload
from extend_source.tables import Tables, TypedName
from extend_source.tables.bookkeeping import FETCH_ERRORS, TYPED_COLUMNS
from extend_source.tables.contract import LOAD_ID, TableSchema
from extend_source.tables.seen_files import SEEN_FILES, TABLES_OF_FILES

try:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.functions import col, collect_set, count, countDistinct, inline, row_number
    from pyspark.sql.functions import max as greatest
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.window import Window
except ImportError:
    raise ImportError(f"Spark is not installed. Run: {install_command('spark')}") from None

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from extend_source.ingest.resolution import Arguments

Write = Callable[[str, DataFrame], None]
"""Writes the rows of a table, by name, in place of those that are there."""

_REQUIRED = ("id", "resource_type", "payload", "fetched_at")
_COLUMNS = (*RawPayload._fields, LOAD_ID)
_LABEL = "_batch"


@dataclass(frozen=True)
class SparkRebuildResult:
    """What was written.

    Attributes:
        tables: the names of the tables, those without rows included.
        failed: payloads that could not be read; rows in ``fetch_errors``.
    """

    tables: tuple[str, ...]
    failed: int


def rebuild(
    spark: SparkSession,
    raw: DataFrame,
    target: str | Write,
    *,
    staging: str | None = None,
    typed_columns: DataFrame | None = None,
    erased_files: Iterable[str] = (),
    **arguments: Unpack[Arguments],
) -> SparkRebuildResult:
    """Turn raw payloads into all tables, as `extend_source.rebuild` does for a dataset that has nothing else.

    Each payload is decoded twice: for the names of typed tables, on which the driver decides before workers begin, and
    for the rows of all tables, in one pass. These are staged, as one pass has one result. Rows have no
    ``_dlt_load_id``, as there is no load. Tables that are there are replaced, one after the other: after a kill, run it
    again.

    Args:
        spark: a classic session (not Spark Connect), on whose workers this package is installed.
        raw: payloads with the columns of ``raw_payloads``: id, resource_type, payload and fetched_at, and those of the
            others that there are. Of several payloads of one object the one fetched last counts.
        target: a folder, in which each table becomes a folder of Parquet files; or what writes a table.
        staging: an empty folder that all workers reach, deleted in the end; by default ``_staging`` in the target.
        typed_columns: names that were given earlier, and stay: the table ``typed_columns``.
        erased_files: ids of files that must not be written again, as in ``erasures``.
        **arguments: settings by name, as for `extend_source.rebuild`.

    Returns:
        What was written.

    Raises:
        NoRawPayloads: there is no payload.
        UsageError: a column is missing, or a folder for staging.
        ConfigurationValueError: a setting has a value that it does not take.
    """
    if missing := [name for name in _REQUIRED if name not in raw.columns]:
        raise _refused(f"The payloads lack columns: {', '.join(missing)}", "Pass the columns of raw_payloads")
    if staging is None and not isinstance(target, str):
        raise _refused("There is no folder for staging", "Name one with staging")
    folder = staging or f"{target}/_staging"
    write: Write = partial(_write_parquet, target) if isinstance(target, str) else target
    payloads = raw.select(*(name for name in _COLUMNS if name in raw.columns))
    found = payloads.agg(count("*"), countDistinct("id", "resource_type"), collect_set("resource_type")).first()
    if not found[0]:
        raise NoRawPayloads("There is no payload that tables could be built from")
    if found[0] > found[1]:
        payloads = _latest(payloads)
    plan = FlattenPlan.of(with_fetched_files="file" in found[2], erased_files=erased_files, **arguments)
    plan, names = _agreed(plan, payloads, typed_columns)
    tables = {name: table for name, table in plan.tables.items() if name != TYPED_COLUMNS.name}
    try:
        rows = _staged(payloads, partial(_flattened, plan=plan), [*tables.values(), SEEN_FILES], f"{folder}/rows")
        seen = _rows_of(rows, SEEN_FILES).drop(_LABEL)
        in_order = seen.repartition(col("id")).sortWithinPartitions("id", "fetched_at", "is_fetched", "seen_in")
        put_together = partial(_put_together, plan=plan)
        files = _staged(in_order, put_together, list(TABLES_OF_FILES.values()), f"{folder}/files")
        for name, table in tables.items():
            of_table = _rows_of(rows, table)
            if name in TABLES_OF_FILES:
                of_table = of_table.unionByName(_rows_of(files, table))
            write(name, _told_apart(of_table, table).drop(_LABEL))
        write(TYPED_COLUMNS.name, spark.createDataFrame(names))
        failed = _rows_of(rows, FETCH_ERRORS).count()
    finally:
        _delete(spark, folder)
    return SparkRebuildResult((*tables, TYPED_COLUMNS.name), failed)


def _latest(payloads: DataFrame) -> DataFrame:
    """Leave out payloads that later ones of the same object replace."""
    newest = Window.partitionBy("id", "resource_type").orderBy(col("fetched_at").desc())
    return payloads.withColumn("_place", row_number().over(newest)).where("_place = 1").drop("_place")


def _agreed(plan: FlattenPlan, payloads: DataFrame, before: DataFrame | None) -> tuple[FlattenPlan, pa.Table]:
    """Decide on the names of typed tables, here."""
    known = []
    if before is not None:
        columns = list(TypedName.__dataclass_fields__)
        rows = in_utc(before.orderBy("recorded_at").select(*columns).toArrow())
        known = [TypedName(**row) for row in rows.to_pylist()]
    if not plan.settings.typed_tables:
        return plan.agreed([], known)
    sighted = payloads.where("resource_type = 'processor_run'").mapInArrow(_sighted, "sightings binary").collect()
    return plan.agreed((_read(row[0]) for row in sighted), known)


def _sighted(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for table in sighted_processors(batches):
        yield pa.RecordBatch.from_arrays([pa.array([_written(table)], pa.binary())], ["sightings"])


def _flattened(batches: Iterator[pa.RecordBatch], schema: pa.Schema, plan: FlattenPlan) -> Iterator[pa.RecordBatch]:
    for tables in flatten_batches(batches, plan):
        yield _packed(tables, schema)


def _put_together(batches: Iterator[pa.RecordBatch], schema: pa.Schema, plan: FlattenPlan) -> Iterator[pa.RecordBatch]:
    for tables in flatten_files(batches, plan):
        yield _packed(tables, schema)


def _packed(tables: Tables, schema: pa.Schema) -> pa.RecordBatch:
    """Make one row of a batch: a list of rows for each table, as Spark wants one schema."""
    lists = []
    for field in schema:
        if field.name == _LABEL:
            lists.append(pa.array([label_of(tables)], pa.string()))
            continue
        kinds = {each.name: each.type for each in field.type.value_type}
        names = list(kinds)
        table = tables.get(field.name)
        rows = pa.array([], field.type.value_type) if table is None else table.select(names).to_struct_array()
        whole = rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows
        lists.append(pa.ListArray.from_arrays([0, len(whole)], whole).cast(field.type))
    return pa.RecordBatch.from_arrays(lists, schema=schema)


def _written(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _read(rows: bytes) -> pa.Table:
    with pa.ipc.open_stream(rows) as stream:
        return stream.read_all()


def _staged(rows: DataFrame, flatten: Any, tables: Iterable[TableSchema], folder: str) -> DataFrame:
    """Flatten what there is in one pass, and keep it: a row for each batch, with a list of rows for each table."""
    fields = [pa.field(table.name, pa.list_(pa.struct(_fields_of(table)))) for table in tables]
    schema = pa.schema([pa.field(_LABEL, pa.string()), *fields])
    spark_schema = from_arrow_schema(schema)
    rows.mapInArrow(partial(flatten, schema=schema), spark_schema).write.mode("overwrite").parquet(folder)
    return rows.sparkSession.read.schema(spark_schema).parquet(folder)


def _fields_of(table: TableSchema) -> list[pa.Field]:
    return [pa.field(field.name, field.type) for field in table.arrow_schema if field.name != LOAD_ID]


def _rows_of(staged: DataFrame, table: TableSchema) -> DataFrame:
    """Read the rows of a table, with the label of their batch."""
    return staged.select(_LABEL, inline(col(table.name)))


def _told_apart(rows: DataFrame, table: TableSchema) -> DataFrame:
    """Of what several batches tell, keep what the latest one says."""
    if table.name not in SHARED_TABLES:
        return rows
    same = Window.partitionBy(*SHARED_TABLES[table.name])
    if table.latest_by is None:
        latest = rows.withColumn("_latest", greatest(_LABEL).over(same))
        return latest.where(col(_LABEL) == col("_latest")).drop("_latest").dropDuplicates(list(table.key))
    in_order = same.orderBy(col(table.latest_by).desc(), col(_LABEL).desc())
    return rows.withColumn("_place", row_number().over(in_order)).where("_place = 1").drop("_place")


def _write_parquet(target: str, name: str, rows: DataFrame) -> None:
    """Write a table as Parquet, with times as all readers know them: the default is a type of Spark's own."""
    setting = "spark.sql.parquet.outputTimestampType"
    before = rows.sparkSession.conf.get(setting)
    rows.sparkSession.conf.set(setting, "TIMESTAMP_MICROS")
    try:
        rows.write.mode("overwrite").parquet(f"{target}/{name}")
    finally:
        rows.sparkSession.conf.set(setting, before)


def _delete(spark: SparkSession, folder: str) -> None:
    context: Any = spark.sparkContext
    path = context._jvm.org.apache.hadoop.fs.Path(folder)
    path.getFileSystem(context._jsc.hadoopConfiguration()).delete(path, True)


def _refused(what: str, advice: str) -> UsageError:
    return UsageError(what, advice, error_code=ErrorCode.BAD_SETTING)
