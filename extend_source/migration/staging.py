"""The second dataset, which the new version is loaded into until it takes the place of the first."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource

from extend_source.config.settings import SECTION
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.ingest.id_map import IdMap
from extend_source.ingest.state import SyncState
from extend_source.operations.erase import erase
from extend_source.pipeline.hints import apply_hints
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.loads import run_load
from extend_source.pipeline.lock import exclusive
from extend_source.pipeline.pending import settle
from extend_source.pipeline.sibling_datasets import STAGED, dataset_name_of, sibling_folder, sibling_pipeline, tables_in
from extend_source.pipeline.write_mode import active_write_mode
from extend_source.source import load_id
from extend_source.tables.bookkeeping import ERASURES, MIGRATED_IDS
from extend_source.tables.contract import TableSchema
from extend_source.tables.schemas import PROCESSOR_RUNS

_ROWS_AT_ONCE = 50_000

Row = tuple[Any, ...]


def staged_pipeline(pipeline: dlt.Pipeline) -> dlt.Pipeline:
    """Open the pipeline of the second dataset.

    Raises:
        UsageError: there is a dataset of its name that something else has made.
    """
    dataset = dataset_name_of(pipeline, STAGED)
    tables = tables_in(pipeline, dataset)
    if tables and MIGRATED_IDS.name not in tables:
        raise UsageError(
            f"There is a dataset {dataset} already, and it was not made by migrate",
            "Rename it, or drop it",
            error_code=ErrorCode.CANNOT_MIGRATE,
        )
    staged = sibling_pipeline(pipeline, STAGED)
    if tables:
        staged.sync_destination()
    return staged


def delete_staging_folder(pipeline: dlt.Pipeline) -> None:
    """Delete dlt's notes of the second dataset, which is no more; documents are in its loads."""
    shutil.rmtree(sibling_folder(pipeline, STAGED), ignore_errors=True)


def carry(staged: dlt.Pipeline, id_map: IdMap, landed: LandedData, attempts: int) -> None:
    """Write the map and the erasures to the second dataset, before anything is loaded there.

    Args:
        staged: its pipeline.
        id_map: the map.
        landed: what the first dataset holds: it knows when something was erased.
        attempts: how often a load may fail before it is dropped.
    """
    erasures = {
        new_id: (new_id, kind, erased_at)
        for old_id, kind, erased_at in landed.erasures()
        for new_id in id_map.erased.get((kind, old_id), (old_id,))  # the old id alone where nothing tells the new one
    }
    with exclusive(staged):
        settle(staged, attempts)
    late = [erasures[object_id] for object_id in erasures.keys() - _erased_there(staged)]
    if late and LandedData(staged, SECTION).knows_table(PROCESSOR_RUNS):  # erased in the first dataset since
        runs, files = (sorted(row[0] for row in late if (row[1] == "file") is is_file) for is_file in (False, True))
        erase(staged, run_ids=runs, file_ids=files)
    number = len(_erased_there(staged) | erasures.keys())  # with what was just erased along with others
    with exclusive(staged):
        run_load(staged, attempts, _carried(id_map, list(erasures.values()), number))


def _erased_there(staged: dlt.Pipeline) -> set[str]:
    return {erasure[0] for erasure in LandedData(staged, SECTION).erasures()}


def _carried(id_map: IdMap, erasures: list[Row], number: int) -> Any:
    """The source of the load that writes the map and the erasures."""

    @dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
    def carried_rows() -> list[DltResource]:
        return [_resource(ERASURES, _erasures()), _resource(MIGRATED_IDS, _ids())]

    def _erasures() -> Iterator[Row]:
        SyncState(dlt.current.source_state()).remember_rows("erasures", number)
        yield from erasures

    def _ids() -> Iterator[Row]:
        now = datetime.now(timezone.utc)
        for row in id_map.rows():
            yield (*row, now)

    def _resource(table: TableSchema, rows: Iterator[Row]) -> DltResource:
        @dlt.resource(name=table.name)
        def arrow_tables() -> Iterator[pa.Table]:
            yield from _in_portions(table, rows)

        return apply_hints(arrow_tables, table, active_write_mode())

    return carried_rows()


def _in_portions(table: TableSchema, rows: Iterator[Row]) -> Iterator[pa.Table]:
    schema = table.arrow_schema
    columns: list[list[Any]] = [[] for _ in table.column_names]
    for row in rows:
        for column, value in zip(columns, (*row, load_id()), strict=True):
            column.append(value)
        if len(columns[0]) == _ROWS_AT_ONCE:
            yield pa.table(columns, schema=schema)
            columns = [[] for _ in table.column_names]
    yield pa.table(columns, schema=schema)
