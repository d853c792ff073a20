"""How a load replaces rows of earlier ones: it deletes them, or, where a destination cannot, it supersedes them.

A destination of files takes new rows only. A load then appends what it brings, its marker rows included, and what is
current follows from the rows: of each run or file those of the last load that has named it, and of each key the last.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import dlt
import sqlglot
from dlt.common import logger
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.common.schema.typing import LOADS_TABLE_NAME
from dlt.destinations.sql_client import SqlClientBase
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from extend_source.error_codes import ErrorCode
from extend_source.errors import InvalidSetting
from extend_source.pipeline.mysql import use_long_texts
from extend_source.pipeline.postgres import keep_empty_texts
from extend_source.pipeline.staging import empty_only_filled
from extend_source.pipeline.traits import Layout, Replacement, traits_of
from extend_source.tables.contract import LOAD_ID, TableSchema


@dataclass(frozen=True)
class WriteMode:
    """How a destination takes rows.

    Attributes:
        replacement: how a load replaces those of earlier ones.
        json_type: dlt's data type of columns that hold JSON text.
        table_format: of what kind the tables are, where rows are superseded: ``delta`` or ``iceberg``; None: files.
        references: dlt is told which columns refer to which tables.
        layout: how new tables keep rows of one owner together; None: they do not.
    """

    replacement: Replacement
    json_type: Literal["json", "text"]
    table_format: str | None = None
    references: bool = True
    layout: Layout | None = None


_UNREADABLE = "'*?[=" if os.sep == "\\" else "'*?[=\\"
"""What DuckDB takes for the end of a path, as dlt writes it between quotes as it is, for a pattern, or, ``status=old``,
for a column and its value in every row."""

IN_ENDED_LOADS = f"{LOAD_ID} in (select load_id from {LOADS_TABLE_NAME} where status = 0)"
"""The SQL condition that a row is of a load that has ended, over plain names of tables."""

_logged: set[str] = set()


def replacement_of(pipeline: dlt.Pipeline) -> Replacement:
    """Choose by what the destination can do.

    Args:
        pipeline: the pipeline.

    Returns:
        How its loads replace rows.

    Raises:
        InvalidSetting: it can do neither, or the pipeline has none.
    """
    if pipeline.destination is None:
        raise InvalidSetting(
            f"The pipeline {pipeline.pipeline_name} has no destination",
            "Give it one, such as duckdb",
            error_code=ErrorCode.UNFIT_DESTINATION,
        )
    replacement = traits_of(pipeline).replacement
    if replacement is None:
        raise InvalidSetting(
            f"The destination {pipeline.destination.destination_name} cannot replace the rows of a run",
            "Use one that merges by delete-insert, such as duckdb, postgres, snowflake or bigquery, or filesystem",
            error_code=ErrorCode.UNFIT_DESTINATION,
        )
    return replacement


def refuse_unreadable_folder(pipeline: dlt.Pipeline) -> None:
    """Make sure that what a pipeline writes into files can be read back.

    dlt and the views name the files to DuckDB, which takes some characters for the end of a name or for a pattern: it
    would find no files, or those of another folder as well.

    Args:
        pipeline: a pipeline with a destination.

    Raises:
        InvalidSetting: the folder's name has such a character.
    """
    if not supersedes(pipeline):
        return
    config: Any = pipeline.destination_client().config
    url = urlsplit(config.bucket_url)
    folder = config.make_local_path(config.bucket_url) if config.is_local_filesystem else f"{url.netloc}{url.path}"
    found = [character for character in _UNREADABLE if character in folder]
    if found:
        raise InvalidSetting(
            f"The folder of the destination {pipeline.destination.destination_name} has {' '.join(found)} in its path, "
            "so that its files cannot be read back",
            f"Choose a folder without {' '.join(_UNREADABLE)} in its path",
            error_code=ErrorCode.UNFIT_DESTINATION,
        )


def refuse_ambiguous_name(pipeline: dlt.Pipeline, client: SqlClientBase[Any]) -> None:
    """Make sure that DuckDB tells a pipeline's dataset from its file.

    Args:
        pipeline: a pipeline with a DuckDB file.
        client: dlt's client of it, connected.

    Raises:
        InvalidSetting: both have one name.
    """
    rows = client.execute_sql("SELECT current_database()") or [[None]]
    if rows[0][0] == client.dataset_name:
        raise InvalidSetting(
            f"DuckDB cannot tell the dataset {pipeline.dataset_name!r} from its file of the same name",
            "Give the pipeline, the file or the dataset another name",
            error_code=ErrorCode.NAME_CLASH,
        )


def supersedes(pipeline: dlt.Pipeline) -> bool:
    """Tell whether a pipeline's tables have superseded rows beside the current ones."""
    return traits_of(pipeline).replacement == "supersede"


def active_write_mode(table_format: str | None = None, *, layout: bool = True) -> WriteMode:
    """Choose for the pipeline that was made last; without any, what nearly all destinations can do.

    Args:
        table_format: what tables are to be where rows are superseded.
        layout: new tables are to keep rows of one owner together.

    Returns:
        How its destination takes rows.
    """
    context = Container()[PipelineContext]
    pipeline: Any = context.pipeline() if context.is_active() else None
    if pipeline is None or pipeline.destination is None:
        return WriteMode("delete-insert", "json")
    empty_only_filled()
    use_long_texts(pipeline)
    keep_empty_texts(pipeline)
    traits = traits_of(pipeline)
    replacement = traits.replacement or "delete-insert"  # the load says what cannot be, when it begins
    return WriteMode(
        replacement,
        json_type=traits.json_type,
        table_format=table_format if replacement == "supersede" else None,
        references=traits.has_references,
        layout=traits.layout if layout else None,
    )


def confirm(write_mode: WriteMode, pipeline: dlt.Pipeline) -> None:
    """Make sure that a source was made for the pipeline that runs it: its resources have their hints from the start.

    Args:
        write_mode: what the source was made for.
        pipeline: the pipeline that runs it.

    Raises:
        InvalidSetting: it was made for a destination that takes rows in another way.
    """
    if write_mode != active_write_mode(write_mode.table_format, layout=write_mode.layout is not None):
        raise InvalidSetting(
            f"The source was made for another kind of destination than that of the pipeline {pipeline.pipeline_name}",
            "Make the pipeline with its destination first, then the source, then run it",
            error_code=ErrorCode.UNFIT_DESTINATION,
        )


def log_once(pipeline: dlt.Pipeline, replacement: Replacement) -> None:
    """Say in the log what was chosen, once in a process for each pipeline."""
    if pipeline.pipeline_name in _logged:
        return
    _logged.add(pipeline.pipeline_name)
    how = {
        "delete-insert": "by delete-insert: the tables hold the current rows only",
        "supersede": "by superseding them: read the tables through the current views (extend-source views)",
    }
    logger.info(f"{pipeline.destination.destination_name} replaces rows {how[replacement]}")


def real_rows(table: TableSchema) -> str | None:
    """The SQL condition that tells rows from the markers that only name their owner; None: there are no markers."""
    if table.replaced_by is None:
        return None
    column, empty = next(iter(table.marker.items()))
    return f"{column} <> ''" if empty == "" else f"{column} >= 0"


def current_rows(table: TableSchema, name: str, where: str = "", *, markers: bool = False) -> str:
    """Write the query that finds the current rows among superseded ones, in DuckDB's SQL.

    Args:
        table: the table.
        name: how the query names it.
        where: a condition on the rows that count at all, such as those of loads that have ended.
        markers: the rows that only name their owner as well.

    Returns:
        The query; its columns are those of the table.
    """
    counted = f" where {where}" if where else ""
    owner, real = table.replaced_by, None if markers else real_rows(table)
    newest = f" qualify {LOAD_ID} = max({LOAD_ID}) over (partition by {owner})" if owner else ""
    order = f"{LOAD_ID} desc" + (f", {table.latest_by} desc" if table.latest_by else "")
    # a job that was repeated may have written a row twice
    single = f"row_number() over (partition by {', '.join(table.key)} order by {order}) = 1"
    named = f"(select * from {name}{counted}{newest}) as loaded"
    return f"select * from {named}{f' where {real}' if real else ''} qualify {single}"


def reading_current_rows(sql: str, dataset: str, tables: Iterable[TableSchema]) -> str:
    """Write a query anew so that it reads the current rows of our tables, in place of all their rows.

    Args:
        sql: a query in DuckDB's SQL.
        dataset: the name of the dataset, which may stand before the names of tables.
        tables: our tables, the typed ones too.

    Returns:
        The query; unchanged where it cannot be understood, as the destination then says best what is wrong with it, or
        reads none of our tables.
    """
    ours = {table.name: table for table in tables}
    try:
        tree: Any = sqlglot.parse_one(sql, read="duckdb")
        sources = [source for scope in traverse_scope(tree) for source in scope.sources.values()]
    except SqlglotError:
        return sql
    is_ours = False
    for source in sources:  # a scope stands for a nested query, or one named by WITH
        if isinstance(source, exp.Table) and source.db.casefold() in ("", dataset.casefold()):
            table = ours.get(source.name.casefold())
            if table is not None:
                current: Any = sqlglot.parse_one(current_rows(table, table.name, IN_ENDED_LOADS), read="duckdb")
                source.replace(current.subquery(source.alias_or_name))
                is_ours = True
    return str(tree.sql("duckdb")) if is_ours else sql
