"""The views ``<table>_current``: runs and files as the last load that has ended left them, none half replaced."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema import Schema
from dlt.common.schema.typing import LOADS_TABLE_NAME

from extend_source.config.settings import SECTION
from extend_source.error_codes import ErrorCode
from extend_source.errors import NothingLanded, UsageError
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.lock import only_sync
from extend_source.pipeline.read_only import location, viewed
from extend_source.pipeline.write_mode import IN_ENDED_LOADS, current_rows, replacement_of
from extend_source.reports.queries import parsed, tables_of
from extend_source.reports.runner import Description, QueryRunner
from extend_source.tables.bookkeeping import ERASURES, REPLACEMENTS
from extend_source.tables.contract import ANY_OBJECT, LOAD_ID, TableSchema
from extend_source.tables.history import VALID_TO
from extend_source.tables.objects import OBJECT_TYPES, TABLE_OF, TABLES
from extend_source.tables.schemas import PROCESSOR_RUNS
from extend_source.tables.typed.identifiers import CURRENT_SUFFIX, MAX_BYTES

_ENDED = f"select load_id from {LOADS_TABLE_NAME} where status = 0"
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
        script: where the destination is files and has no views, the SQL that makes them in any DuckDB database; None
            where they have been made.
    """

    views: dict[str, str]
    left_out: list[str]
    destination: str
    dataset: str
    script: str | None = None


def create_current_views(pipeline: dlt.Pipeline) -> CurrentViewsResult:
    """Make a view of each table that shows whole runs and files only, in place of those that are there.

    While a load replaces the rows of a run, and after one that was cut off, the run is in none of the views until it is
    whole again. The tables themselves replace one after the other, each in a transaction of its own.

    Run it again once there are new typed tables, or columns in them.

    A destination of files has no views, and its tables have superseded rows as well, which nobody wants to read: there
    the views come as a script for DuckDB.

    Args:
        pipeline: the pipeline that has loaded the tables.

    Returns:
        The views.

    Raises:
        UsageError: the destination takes no SQL, nothing has landed, files are not Parquet, or views that others
            have built on cannot be replaced.
        InvalidSetting: the destination can hold no tables of this source.
        SyncUnderWay: the pipeline is being synced.
    """
    if replacement_of(pipeline) == "supersede":
        with viewed(pipeline) as view:
            if SECTION not in view.schema_names:
                raise NothingLanded("Nothing has landed yet")
            return _scripted(view)
    definitions: dict[str, str] = {}
    grains: dict[str, str] = {}
    left_out: list[str] = []
    with only_sync(pipeline), QueryRunner.on(pipeline, simple=True) as runner:
        for table, grain, sql in selections(LandedData(pipeline, SECTION)):
            tree = parsed(sql)
            if runner.missing(name for name in tables_of(tree) if name not in definitions):
                left_out.append(table)
                continue
            name = view_of(table)
            definitions[name], grains[name] = runner.translation.of(tree), grain
        if not definitions:
            raise NothingLanded("Nothing has landed yet")
        runner.create_views(definitions)
        runner.describe_views(dict(_descriptions(pipeline, definitions)))
    return CurrentViewsResult(grains, left_out, location(pipeline), pipeline.dataset_name)


def view_of(table: str) -> str:
    """Name the view of a table: shortened where databases, which take 63 bytes, would cut the end off."""
    if len(table) + len(CURRENT_SUFFIX) <= MAX_BYTES:
        return table + CURRENT_SUFFIX
    digest = hashlib.sha256(table.encode()).hexdigest()[:8]
    return f"{table[: MAX_BYTES - len(CURRENT_SUFFIX) - len(digest) - 1]}_{digest}{CURRENT_SUFFIX}"


def selections(landed: LandedData) -> Iterator[tuple[str, str, str]]:
    """Write the queries of the views, for destinations that delete replaced rows.

    Args:
        landed: what the destination holds; it says which typed tables there are.

    Yields:
        A table, its grain and the query of its view, in DuckDB's SQL; those that others build on come first.
    """
    owners = [kind.table for kind in OBJECT_TYPES.values()]
    for table in owners:
        yield table.name, table.grain, _whole(table.name, "id")
    for table in TABLES.values():
        if table in owners or table is REPLACEMENTS:
            continue
        owner = table.owner
        if table.since is not None and owner is not None:
            yield table.name, table.grain, dated(table, _whole(table.name, owner.name))
        elif table.is_book or owner is None or owner.about not in (*OBJECT_TYPES, ANY_OBJECT):
            # of one row each time, or shared by runs of many loads and the same in each
            yield table.name, table.grain, f"select own.* from {table.name} as own"
        elif owner.about == ANY_OBJECT or table.opt_in:  # these stand by themselves
            yield table.name, table.grain, _whole(table.name, owner.name)
        else:
            yield table.name, table.grain, _of_owner(table.name, owner.name, TABLE_OF[str(owner.about)].name)
    for table in landed.typed_tables():
        yield table.name, table.grain, _of_owner(table.name, "run_id", PROCESSOR_RUNS.name)


def _descriptions(pipeline: dlt.Pipeline, views: Collection[str]) -> Iterator[tuple[str, Description]]:
    """What dlt's schema says of the tables of some views, typed ones too."""
    for table in pipeline.schemas[SECTION].data_tables():
        name = str(table["name"])
        if (view := view_of(name)) in views:
            columns = {each: str(column.get("description") or "") for each, column in table["columns"].items()}
            known = {each: text for each, text in columns.items() if text}
            if getattr(TABLES.get(name), "since", None) is not None:
                known[VALID_TO] = "When the next state was seen; NULL: it still holds."
            yield view, Description(str(table.get("description") or ""), known)


def _scripted(pipeline: dlt.Pipeline) -> CurrentViewsResult:
    """Write the views over files, for DuckDB."""
    tables = {table.name: table for table in TABLES.values() if table is not REPLACEMENTS}
    tables.update((table.name, table) for table in LandedData(pipeline, SECTION).typed_tables())
    with pipeline.destination_client(SECTION) as client:
        loads = _files_of(client, LOADS_TABLE_NAME)
        schema = pipeline.schemas[SECTION]
        read = {name: source for name in tables if (source := _reading(client, schema, name))}
    if not read or loads is None:
        raise NothingLanded("Nothing has landed yet")
    from_loads = f"read_json({loads}, columns = {{load_id: 'varchar', status: 'bigint'}})"
    statements = [f"create or replace view {LOADS_TABLE_NAME} as select * from {from_loads};"]
    for name, source in read.items():
        current = dated(tables[name], current_rows(tables[name], name, IN_ENDED_LOADS))
        statements.append(f'create or replace view "{name}" as select * from {source};')
        statements.append(f'create or replace view "{view_of(name)}" as {current};')
    return CurrentViewsResult(
        views={view_of(name): tables[name].grain for name in read},
        left_out=[name for name in tables if name not in read],
        destination=location(pipeline),
        dataset=pipeline.dataset_name,
        script="\n".join(statements) + "\n",
    )


def _reading(client: Any, schema: Schema, table: str) -> str | None:
    """What DuckDB reads a table from; None: it has no files."""
    files = _files_of(client, table)
    if files is None:
        return None
    table_format = schema.tables[table].get("table_format") if table in schema.tables else None
    if table_format is None:
        name = client.list_table_files(table)[0]
        if not name.endswith(".parquet"):
            raise UsageError(
                f"The tables are not Parquet files: {name.rpartition('/')[2]}",
                "Load them as Parquet",
                error_code=ErrorCode.UNFIT_DESTINATION,
            )
        return f"read_parquet({files}, union_by_name = true)"
    where = client.get_open_table_location(table_format, table).rstrip("/").removeprefix("file://")
    if table_format == "delta":
        return f"delta_scan({_quoted(where)})"
    from dlt.common.libs.pyiceberg import get_last_metadata_file  # an extra of dlt, which has written the table

    newest = get_last_metadata_file(f"{where}/metadata", client.fs_client, client.config)
    return f"iceberg_scan({_quoted(newest)})"


def _files_of(client: Any, table: str) -> str | None:
    """The pattern of a table's files, as DuckDB reads it; None if there are none."""
    with suppress(DestinationUndefinedEntity):
        if client.list_table_files(table):
            prefix: str = client.get_table_prefix(table)
            where = prefix if client.is_local_filesystem else client.make_remote_url(prefix)
            return _quoted(where + ("**/*" if where.endswith(("/", "\\")) else "*"))
    return None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def dated(table: TableSchema, sql: str) -> str:
    """Add until when each row holds, where a table keeps what was before; NULL: it still does.

    Args:
        table: the table.
        sql: the query of its view.

    Returns:
        The query, with ``valid_to`` in such a table.
    """
    if table.since is None:
        return sql
    items = ", ".join(f"kept.{name}" for name in table.key if name != table.since)
    until = f"lead(kept.{table.since}) over (partition by {items} order by kept.{table.since}) as {VALID_TO}"
    return f"select kept.*, {until} from ({sql}) as kept"


def _of_ended_loads(table: str) -> str:
    return f"select own.* from {table} as own where own.{IN_ENDED_LOADS}"


def _whole(table: str, key: str) -> str:
    return f"{_of_ended_loads(table)} and own.{key} not in ({_HIDDEN})"


def _of_owner(table: str, column: str, owners: str) -> str:
    return f"{_of_ended_loads(table)} and own.{column} in (select id from {view_of(owners)})"
