"""Indexes on the columns by which loads find and replace rows, where a destination has them.

dlt makes none but for unique columns. Without one each load reads every table that it changes from end to end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import dlt
from dlt.common import logger
from dlt.common.schema.utils import has_table_seen_data

from extend_source.config.settings import SECTION
from extend_source.pipeline.traits import traits_of
from extend_source.tables import TABLES
from extend_source.tables.contract import TableSchema
from extend_source.text.redaction import redact
from extend_source.text.wording import counted, one_line

_NOTE = "extend_indexes.json"
"""The file in a pipeline's folder that names the schema whose indexes were made last."""

_AGAIN_AFTER = timedelta(days=1)
"""How long what could not be made is left alone: another try may take minutes, as the last one did."""

_MAX_CHARACTERS = 300
_MAX_NAME = 60
"""PostgreSQL takes 63 bytes, MySQL 64 characters."""

_MAX_AT_ONCE = 8_000_000
"""Bytes of a table up to which making an index is a matter of milliseconds, so that it may lock the table."""

_ID_CHARACTERS = 255
"""MySQL indexes the beginning of long texts only; no id is longer."""

_LOCKED_SECONDS = 1
_BUILDING_SECONDS = 60
"""How long to wait for a lock on a small table, and for the transactions that an index of a big one must outlast."""

_PRESENT = """
WITH own_tables AS (
    SELECT tables.oid, relname, pg_catalog.pg_relation_size(tables.oid) AS bytes
    FROM pg_catalog.pg_class AS tables JOIN pg_catalog.pg_namespace AS schemas ON schemas.oid = relnamespace
    WHERE nspname = %s AND relkind IN ('r', 'p')
)
SELECT own_tables.relname, bytes, indexes.relname, indisvalid, attname
FROM own_tables
LEFT JOIN pg_catalog.pg_index ON indrelid = own_tables.oid AND indpred IS NULL
LEFT JOIN pg_catalog.pg_class AS indexes ON indexes.oid = indexrelid
LEFT JOIN pg_catalog.pg_attribute ON attrelid = own_tables.oid AND attnum = indkey[0]
"""
"""Reads the tables of a dataset on PostgreSQL, with the first column of each of their indexes."""


class Index(NamedTuple):
    """An index on one column."""

    table: str
    column: str

    @property
    def name(self) -> str:
        """Its name: the same at any time, so that two machines do not make it twice."""
        name = f"ix_{self.table}_{self.column}"
        return name if len(name) <= _MAX_NAME else f"ix_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def indexed_columns(table: TableSchema) -> tuple[str, ...]:
    """Name the columns of a table that are to have an index.

    Args:
        table: the table.

    Returns:
        Those that name objects, by which rows are replaced, looked up and erased; where the key has none of them, also
        the first one of the key.
    """
    owners = tuple(column.name for column in table.columns if column.about)
    return owners if set(owners).intersection(table.key) else (table.key[0], *owners)


def keep_indexes(pipeline: dlt.Pipeline, place: str) -> None:
    """Make the indexes that a pipeline's tables lack, after a load.

    Nothing is asked of the destination while dlt's schema is the one whose indexes were made last. A failure is one
    line in the log, and another try is made a day later.

    Args:
        pipeline: the pipeline; any destination but PostgreSQL, MySQL and SQLite is left alone.
        place: where the destination is.
    """
    make = {"postgres": _make_on_postgres, "sqlalchemy": _make_by_sqlalchemy}.get(traits_of(pipeline).kind)
    if make is None or SECTION not in pipeline.schema_names:
        return
    note = Path(pipeline.working_dir) / _NOTE
    current = [place, pipeline.dataset_name, pipeline.schemas[SECTION].stored_version_hash]
    now = datetime.now(timezone.utc)
    known = _read(note)
    if known.get("made_for") == current and known.get("again_after", now.isoformat()) >= now.isoformat():
        return
    try:
        with pipeline.destination_client(SECTION) as client:
            refused = make(client, list(_wanted(client.schema.tables)))
    except Exception as error:
        refused = {"all": error}
    found: dict[str, Any] = {"made_for": current}
    if refused:
        found["again_after"] = (now + _AGAIN_AFTER).isoformat()
        reason = one_line(redact(str(next(iter(refused.values())))))[:_MAX_CHARACTERS]
        logger.warning(
            f"Indexes of {counted(len(refused), 'table')} could not be made, {next(iter(refused))} among them; "
            f"the rows are complete: {reason}"
        )
    note.write_text(json.dumps(found), "utf-8")


def forget_indexes(pipeline: dlt.Pipeline) -> None:
    """Have the next sync look for missing indexes: tables are made again, and the schema may stay as it is.

    Args:
        pipeline: the pipeline.
    """
    with suppress(OSError):
        (Path(pipeline.working_dir) / _NOTE).unlink(missing_ok=True)


def _read(note: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return dict(json.loads(note.read_text("utf-8")))
    return {}


def _wanted(tables: Mapping[str, Any]) -> Iterator[Index]:
    """The indexes of all tables that loads have made; one of a processor is owned by the runs, as all typed ones."""
    for name, table in tables.items():
        if name.startswith("_dlt") or not has_table_seen_data(table):
            continue
        columns: Iterable[str] = indexed_columns(TABLES[name]) if name in TABLES else ("run_id",)
        yield from (Index(name, column) for column in columns if column in table["columns"])


def _make_on_postgres(client: Any, wanted: list[Index]) -> dict[str, Exception]:
    """Make indexes without keeping anybody from a big table; return why tables lack theirs.

    An index that a crash has left unfinished is not valid: nothing uses it, and it is made anew.
    """
    sql = client.sql_client
    dataset = sql.make_qualified_table_name_path(None, quote=False)[-1]
    rows = sql.execute_sql(_PRESENT, dataset)
    sizes = {table: int(size) for table, size, *_ in rows}
    present = {(table, column) for table, _, _, is_valid, column in rows if is_valid}
    broken = {name for _, _, name, is_valid, _ in rows if is_valid is False}
    lacking = [index for index in wanted if index.table in sizes and index not in present]
    big = [index for index in lacking if sizes[index.table] > _MAX_AT_ONCE]
    refused: dict[str, Exception] = {}

    def create(index: Index, how: str = "") -> str:
        on = f"{sql.make_qualified_table_name(index.table)} ({sql.escape_column_name(index.column)})"
        return f"CREATE INDEX {how}IF NOT EXISTS {sql.escape_column_name(index.name)} ON {on}"

    for name in sorted(broken.intersection(index.name for index in lacking)):
        sql.execute_sql(f"SET lock_timeout = '{_LOCKED_SECONDS}s'")
        sql.execute_sql(f"DROP INDEX IF EXISTS {sql.make_qualified_table_name(name)}")
    small = [create(index) for index in lacking if index not in big]
    if small:
        try:
            with sql.begin_transaction():
                sql.execute_sql(";\n".join([f"SET LOCAL lock_timeout = '{_LOCKED_SECONDS}s'", *small]))
        except Exception as error:
            refused.update(dict.fromkeys((index.table for index in lacking if index not in big), error))
    for index in big:
        logger.info(f"An index of {index.table} is made; the table can be read and written meanwhile.")
        try:
            sql.execute_sql(f"SET lock_timeout = '{_BUILDING_SECONDS}s'")
            sql.execute_sql(create(index, "CONCURRENTLY "))  # which no transaction may hold
        except Exception as error:
            refused[index.table] = error
    return refused


def _make_by_sqlalchemy(client: Any, wanted: list[Index]) -> dict[str, Exception]:
    """Make indexes on MySQL, MariaDB and SQLite; return why tables lack theirs."""
    import sqlalchemy as sa

    sql = client.sql_client
    if sql.dialect_name not in ("mysql", "mariadb", "sqlite"):
        return {}  # others have no index on texts of any length
    refused: dict[str, Exception] = {}
    with sql.begin_transaction():
        connection, schema = sql.native_connection, sql.dataset_name
        inspector = sa.inspect(connection)
        there = set(inspector.get_table_names(schema=schema))
        found = inspector.get_multi_indexes(schema=schema)
        present = {
            (table, column)
            for (_, table), indexes in found.items()
            for index in indexes
            for column in index["column_names"][:1]
        }
        for lacking in wanted:
            if lacking.table not in there or lacking in present:
                continue
            table = sa.Table(lacking.table, sa.MetaData(schema=schema), sa.Column(lacking.column))
            index = sa.Index(
                lacking.name, table.c[lacking.column], mysql_length=_ID_CHARACTERS, mariadb_length=_ID_CHARACTERS
            )
            try:
                connection.execute(sa.schema.CreateIndex(index))
            except Exception as error:
                refused[lacking.table] = error
    return refused
