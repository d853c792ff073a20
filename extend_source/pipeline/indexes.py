"""Indexes on the columns by which loads find and replace rows, where a destination has them.

dlt makes none but for unique columns. Without one each load reads every table that it changes from end to end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from itertools import chain
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
    SELECT tables.oid, relname, pg_catalog.pg_relation_size(tables.oid) + coalesce((
        SELECT sum(pg_catalog.pg_relation_size(inhrelid)) FROM pg_catalog.pg_inherits WHERE inhparent = tables.oid
    ), 0) AS bytes
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


class _Present(NamedTuple):
    """What a dataset on PostgreSQL has."""

    sizes: dict[str, int]
    indexed: set[tuple[str, str]]
    broken: set[str]

    @classmethod
    def read(cls, sql: Any) -> _Present:
        rows = sql.execute_sql(_PRESENT, sql.make_qualified_table_name_path(None, quote=False)[-1])
        return cls(
            {table: int(size) for table, size, *_ in rows},
            {(table, column) for table, _, _, is_valid, column in rows if is_valid},
            {name for _, _, name, is_valid, _ in rows if is_valid is False},
        )


def _make_on_postgres(client: Any, wanted: list[Index]) -> dict[str, Exception]:
    """Make indexes without keeping anybody from a big table; return why tables lack theirs.

    An index that a crash has left unfinished is not valid: nothing uses it, and it is made anew.
    """
    sql = client.sql_client
    present = _Present.read(sql)
    lacking = [index for index in wanted if index.table in present.sizes and index not in present.indexed]
    if not lacking:
        return {}
    big = [index for index in lacking if present.sizes[index.table] > _MAX_AT_ONCE]
    small = [index for index in lacking if index not in big]
    refused: dict[str, Exception] = {}
    drops = {index: _drop(sql, index) for index in lacking if index.name in present.broken}
    statements = {index: [*([drops[index]] if index in drops else []), _create(sql, index)] for index in small}
    if _refusal(sql, chain.from_iterable(statements.values())):  # by one table perhaps: the others get theirs
        for index in small:
            if error := _refusal(sql, statements[index]):
                refused[index.table] = error
    for index in big:
        logger.info(f"An index of {index.table} is made; the table can be read and written meanwhile.")
        error = _refusal(sql, [drops[index]] if index in drops else [])
        error = error or _refusal_beside_others(sql, _create(sql, index, "CONCURRENTLY "))
        if error:
            refused[index.table] = error
    present = _Present.read(sql)
    for index in lacking:
        if index.name in present.broken:  # what is written to the table would go on to be written to it, too
            _refusal(sql, [_drop(sql, index)])
        if index not in present.indexed:
            refused.setdefault(index.table, ValueError(f"there is another relation {index.name}"))
    return refused


def _create(sql: Any, index: Index, how: str = "") -> str:
    on = f"{sql.make_qualified_table_name(index.table)} ({sql.escape_column_name(index.column)})"
    return f"CREATE INDEX {how}IF NOT EXISTS {sql.escape_column_name(index.name)} ON {on}"


def _drop(sql: Any, index: Index) -> str:
    return f"DROP INDEX IF EXISTS {sql.make_qualified_table_name(index.name)}"


def _refusal(sql: Any, statements: Iterable[str]) -> Exception | None:
    """Run statements in one transaction that waits for no lock; return why it could not be done."""
    text = ";\n".join(statements)
    try:
        if text:
            with sql.begin_transaction():
                sql.execute_sql(f"SET LOCAL lock_timeout = '{_LOCKED_SECONDS}s'")
                sql.execute_sql(text)
    except Exception as error:
        return error
    return None


def _refusal_beside_others(sql: Any, statement: str) -> Exception | None:
    """Run a statement that no transaction may hold; return why it could not be done."""
    try:
        sql.execute_sql(f"SET lock_timeout = '{_BUILDING_SECONDS}s'")
        try:
            sql.execute_sql(statement)
        finally:
            sql.execute_sql("RESET lock_timeout")  # a pool may give the connection to others
    except Exception as error:
        return error
    return None


def _make_by_sqlalchemy(client: Any, wanted: list[Index]) -> dict[str, Exception]:
    """Make indexes on MySQL, MariaDB and SQLite; return why tables lack theirs."""
    import sqlalchemy as sa

    sql = client.sql_client
    if sql.dialect_name not in ("mysql", "mariadb", "sqlite"):
        return {}  # others have no index on texts of any length
    refused: dict[str, Exception] = {}
    with sql.begin_transaction():
        connection, schema = sql.native_connection, sql.dataset_name
        # MySQL would wait a year for a lock, and keep all others waiting behind it
        waits = sql.dialect_name != "sqlite"
        if waits:
            connection.execute(sa.text(f"SET SESSION lock_wait_timeout = {_LOCKED_SECONDS}"))
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
        if waits:
            connection.execute(sa.text("SET SESSION lock_wait_timeout = DEFAULT"))
    return refused
