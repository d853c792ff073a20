"""Compacting: what has landed written anew, so that it takes less room and is read faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import dlt

from extend_source.config.settings import SECTION
from extend_source.error_codes import ErrorCode
from extend_source.errors import NothingLanded, UsageError
from extend_source.ingest.resolution import resolved_settings
from extend_source.pipeline.duckdb_file import compact as compact_file
from extend_source.pipeline.held_database import database_file
from extend_source.pipeline.lake_compaction import CompactedTable, compact_lake
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.lock import exclusive
from extend_source.pipeline.pending import settle
from extend_source.pipeline.read_only import location
from extend_source.pipeline.write_mode import supersedes
from extend_source.tables.objects import TABLES


@dataclass(frozen=True)
class CompactResult:
    """What was written anew.

    Attributes:
        tables: of a destination of files: each table, with its files and their bytes before and after.
        bytes_before: the size of everything, in bytes.
        bytes: its size now; of Delta and Iceberg tables older versions come on top, until their own library deletes
            them.
        destination: where it is, without any password.
        dataset: the dataset (schema).
    """

    tables: list[CompactedTable]
    bytes_before: int
    bytes: int
    destination: str
    dataset: str


def compact(pipeline: dlt.Pipeline, *, on_table: Callable[[CompactedTable], None] | None = None) -> CompactResult:
    """Write anew what has landed: the many small files of a lake as few, or a DuckDB file without free space.

    In a lake the rows that later loads have superseded are left out. The current views say the same before, while it
    works, and after; a query that runs meanwhile may fail, as the file that it reads is gone. A kill at any moment
    loses nothing: the next call goes on.

    Args:
        pipeline: the pipeline that has loaded the tables.
        on_table: called after each table of a lake.

    Returns:
        What was written anew.

    Raises:
        UsageError: the destination is a database that frees its space by itself, nothing has landed, files are not
            Parquet, or nothing tells those of two tables apart; or the DuckDB file is open elsewhere.
        InvalidSetting: the destination can hold no tables of this source.
        SyncUnderWay: the pipeline is being synced.
        SyncError: the DuckDB file could not be written anew, and is as it was; or files of a lake went meanwhile, or
            there was no room for new ones: nothing is lost.
        PipelineStepFailed: a load that an earlier sync left behind could not be loaded.
    """
    settings = resolved_settings(needs_key=False)
    file = database_file(pipeline)
    if file is None and not supersedes(pipeline):
        raise UsageError(
            f"The destination {pipeline.destination.destination_name} has no files to compact",
            "Let the database free its space (PostgreSQL: VACUUM FULL)",
            error_code=ErrorCode.UNFIT_DESTINATION,
        )
    with exclusive(pipeline):
        settle(pipeline, settings.package_attempts)
        landed = LandedData(pipeline, SECTION)
        if not landed.knows_table(TABLES["processor_runs"]):
            raise NothingLanded("Nothing has landed yet")
        if file is not None:
            before, after = compact_file(file)
            return CompactResult([], before, after, location(pipeline), pipeline.dataset_name)
        tables = []
        for table in compact_lake(pipeline, SECTION, [*TABLES.values(), *landed.typed_tables()]):
            tables.append(table)
            if on_table is not None:
                on_table(table)
    return CompactResult(
        tables,
        sum(table.bytes_before for table in tables),
        sum(table.bytes for table in tables),
        location(pipeline),
        pipeline.dataset_name,
    )
