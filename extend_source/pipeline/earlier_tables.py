"""Datasets of earlier versions carried over: rows of tables that have another name or shape today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dlt
import pyarrow as pa
from dlt.common import logger
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.extract import DltResource

from extend_source.config.settings import SECTION
from extend_source.error_codes import ErrorCode
from extend_source.errors import InvalidSetting
from extend_source.pipeline.columns import array_of
from extend_source.pipeline.conditions import one_of
from extend_source.pipeline.hints import apply_hints
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.loads import run_load
from extend_source.pipeline.write_mode import active_write_mode
from extend_source.tables.contract import TableSchema
from extend_source.tables.formers import FORMERS, Former

_ROWS_AT_ONCE = 100
"""A payload can have megabytes."""


def carry_over(pipeline: dlt.Pipeline, attempts: int) -> list[str]:
    """Carry the rows of earlier versions' tables over to today's, then drop those tables.

    A kill in between loses nothing: the rows keep the ids of their loads, and the next call writes them again.

    Args:
        pipeline: the pipeline, locked, with nothing pending.
        attempts: how often a load may fail before it is dropped.

    Returns:
        dlt's ids of the loads that were made; none where there was nothing to carry over.

    Raises:
        PipelineStepFailed: loading failed.
    """
    if SECTION not in pipeline.schema_names:
        pipeline.sync_destination()  # a new machine learns here what the dataset has
    found = _found(pipeline)
    if not found:
        return []
    landed = LandedData(pipeline, SECTION)
    landed.probe()
    if not landed.is_readable:
        return []
    filled = [former for former in found if _has_rows(landed, former)]
    loads = []
    if filled:
        names = ", ".join(f"{former.table.name} to {former.now.name}" for former in filled)
        logger.warning(f"Tables of an earlier version are carried over: {names}.")
        loads = run_load(pipeline, attempts, _carried_over(filled, landed))
    _drop(pipeline, found)
    return loads


def refuse_earlier_tables(landed: LandedData) -> None:
    """Refuse to load beside the tables of an earlier version, whose rows would not be known.

    Args:
        landed: what the destination holds.

    Raises:
        InvalidSetting: there are such tables.
    """
    found = [former.table.name for former in FORMERS if landed.knows_table(former.table) and _has_rows(landed, former)]
    if found:
        raise InvalidSetting(
            f"The dataset has tables of an earlier version: {', '.join(found)}",
            "Run `extend-source sync`, or extend_source.sync(), once: it carries them over",
            error_code=ErrorCode.EARLIER_TABLES,
        )


def _found(pipeline: dlt.Pipeline) -> list[Former]:
    if SECTION not in pipeline.schema_names:
        return []
    known = pipeline.schemas[SECTION].tables
    return [former for former in FORMERS if former.table.name in known]


def _has_rows(landed: LandedData, former: Former) -> bool:
    return any(True for _ in landed.rows(former.table, ("id",)))


def _carried_over(formers: Sequence[Former], landed: LandedData) -> Any:
    """The source of the load that writes the rows of earlier tables to today's."""
    tables: dict[str, TableSchema] = {former.now.name: former.now for former in formers}

    @dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
    def earlier_rows() -> list[DltResource]:
        return [_resource(table, [former for former in formers if former.now is table]) for table in tables.values()]

    def _resource(table: TableSchema, of_table: Sequence[Former]) -> DltResource:
        @dlt.resource(name=table.name)
        def rows() -> Iterator[pa.Table]:
            for former in of_table:
                yield from _rows_of(former, landed)

        return apply_hints(rows, table, active_write_mode())

    return earlier_rows()


def _rows_of(former: Former, landed: LandedData) -> Iterator[pa.Table]:
    """Read an earlier table some rows at a time, in the shape of today's."""
    ids = [row[0] for row in landed.rows(former.table, ("id",))]
    names, schema = former.table.column_names, former.now.arrow_schema
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        chosen = one_of("id", ids[start : start + _ROWS_AT_ONCE])
        read = [dict(zip(names, row, strict=True)) for row in landed.rows(former.table, names, chosen)]
        for row in read:
            row["resource_type"] = former.resource_type
        arrays = [array_of([row.get(field.name) for row in read], field.type) for field in schema]
        yield pa.Table.from_arrays(arrays, schema=schema)


def _drop(pipeline: dlt.Pipeline, formers: Sequence[Former]) -> None:
    """Drop earlier tables, their current views, and what dlt knows of them."""
    names = [former.table.name for former in formers]
    with pipeline.destination_client(SECTION) as connected:
        client: Any = connected
        if isinstance(client, SqlJobClientBase):
            _drop_views(client, [f"{name}_current" for name in names])
        try:
            client.drop_tables(*names, delete_schema=False)
        except DatabaseException as error:  # views of the user's own stand on them
            logger.warning(f"Tables of an earlier version can be dropped by hand: {', '.join(names)} ({error}).")
            client.sql_client.truncate_tables(*names)
        if hasattr(client, "with_staging_dataset"):
            with client.with_staging_dataset():
                if client.is_storage_initialized():
                    client.drop_tables(*names, delete_schema=False)
    schema = pipeline.schemas[SECTION]
    schema.drop_tables(names)
    pipeline.schemas.save_schema(schema)


def _drop_views(client: Any, names: Sequence[str]) -> None:
    for name in names:
        client.sql_client.execute_sql(f"DROP VIEW IF EXISTS {client.sql_client.make_qualified_table_name(name)}")
