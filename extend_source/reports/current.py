"""The views ``<table>_current``: runs and files as the last load that has ended left them, none half replaced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import dlt

from extend_source.api import InvalidRequest
from extend_source.config import SECTION
from extend_source.destination import equals
from extend_source.landed import LandedData
from extend_source.locking import only_sync
from extend_source.reports.running import QueryRunner, parsed, tables_of
from extend_source.tables.bookkeeping import ERASURES, RAW_FILES, RAW_PROCESSOR_RUNS, REPLACEMENTS, TYPED_COLUMNS
from extend_source.tables.contract import LOAD_ID
from extend_source.tables.schemas import CREDIT_USAGE, FILE_CONTENTS, FILES, PROCESSOR_RUNS, TABLES
from extend_source.tables.selection import BOOKS
from extend_source.viewing import location

_ENDED = "select load_id from _dlt_loads where status = 0"
_HIDDEN = (
    f"select id from {REPLACEMENTS.name} where {LOAD_ID} not in ({_ENDED}) union all select id from {ERASURES.name}"
)


@dataclass(frozen=True)
class CurrentViewsResult:
    """The views that were made.

    Attributes:
        views: their names, with what a row stands for.
        left_out: tables that have not landed, so that they have no view.
        destination: where the views are, without any password.
        dataset: the dataset (schema) they are in.
    """

    views: dict[str, str]
    left_out: list[str]
    destination: str
    dataset: str


def create_current_views(pipeline: dlt.Pipeline) -> CurrentViewsResult:
    """Make a view of each table that shows whole runs and files only, in place of those that are there.

    While a load replaces the rows of a run, and after one that was cut off, the run is in none of the views until it is
    whole again. The tables themselves replace one after the other, each in a transaction of its own.

    Run it again once there are new typed tables, or columns in them.

    Args:
        pipeline: the pipeline that has loaded the tables.

    Returns:
        The views.

    Raises:
        InvalidRequest: the destination takes no SQL, nothing has landed, or views that others have built on cannot be
            replaced.
        SyncUnderWay: the pipeline is being synced.
    """
    definitions: dict[str, str] = {}
    grains: dict[str, str] = {}
    left_out: list[str] = []
    with only_sync(pipeline), QueryRunner.on(pipeline) as runner:
        for table, grain, sql in _selections(LandedData(pipeline, SECTION)):
            tree = parsed(sql)
            if runner.missing(name for name in tables_of(tree) if name not in definitions):
                left_out.append(table)
                continue
            name = view_of(table)
            definitions[name], grains[name] = runner.translated(tree), grain
        if not definitions:
            raise InvalidRequest("Nothing has landed yet", "Run extend-source sync first")
        runner.create_views(definitions)
    return CurrentViewsResult(grains, left_out, location(pipeline), pipeline.dataset_name)


def view_of(table: str) -> str:
    """Name the view of a table."""
    return f"{table}_current"


def _selections(landed: LandedData) -> Iterator[tuple[str, str, str]]:
    """Each table with its grain and the query of its view; those that others build on first."""
    for table in (PROCESSOR_RUNS, FILES):
        yield table.name, table.grain, _whole(table.name, "id")
    for table in TABLES.values():
        if table in (PROCESSOR_RUNS, FILES) or table.name in BOOKS:
            continue
        if table in (RAW_PROCESSOR_RUNS, RAW_FILES):
            yield table.name, table.grain, _whole(table.name, "id")
        elif table is CREDIT_USAGE:
            yield table.name, table.grain, _whole(table.name, "resource_id")
        elif table.replaced_by == "run_id":
            yield table.name, table.grain, _of_owner(table.name, "run_id", PROCESSOR_RUNS.name)
        elif table.replaced_by == "file_id" or table is FILE_CONTENTS:
            yield table.name, table.grain, _of_owner(table.name, "file_id", FILES.name)
        else:
            yield table.name, table.grain, _of_ended_loads(table.name)
    for name, path in sorted(landed.rows(TYPED_COLUMNS, ("table_name", "path"), equals("data_type", "table"))):
        yield name, "run" if path == "$" else f"element of {path}", _of_owner(name, "run_id", PROCESSOR_RUNS.name)


def _of_ended_loads(table: str) -> str:
    return f"select own.* from {table} as own where own.{LOAD_ID} in ({_ENDED})"


def _whole(table: str, key: str) -> str:
    return f"{_of_ended_loads(table)} and own.{key} not in ({_HIDDEN})"


def _of_owner(table: str, column: str, owners: str) -> str:
    return f"{_of_ended_loads(table)} and own.{column} in (select id from {view_of(owners)})"
