"""One dataset put in the place of another, in one transaction: readers see the old rows or the new ones, never both.

What is the pipeline's own moves: its tables, and its rows of dlt's tables. What others have in the dataset stays where
it is. Only DuckDB and PostgreSQL can do it: their transactions hold changes of tables as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import dlt
from dlt.common.schema.typing import LOADS_TABLE_NAME, PIPELINE_STATE_TABLE_NAME, VERSION_TABLE_NAME
from dlt.common.versioned_state import compress_state, decompress_state
from dlt.destinations.exceptions import DatabaseException
from dlt.pipeline.state_sync import generate_pipeline_state_version_hash

from extend_source.config.settings import SECTION
from extend_source.error_codes import ErrorCode
from extend_source.errors import SyncError, UsageError
from extend_source.pipeline.conditions import Sql
from extend_source.pipeline.held_database import database_file
from extend_source.pipeline.read_only import location
from extend_source.pipeline.traits import traits_of
from extend_source.tables.bookkeeping import ERASURES
from extend_source.text.redaction import redact
from extend_source.text.wording import one_line

_DLT_TABLES = {
    VERSION_TABLE_NAME: "schema_name",
    LOADS_TABLE_NAME: "schema_name",
    PIPELINE_STATE_TABLE_NAME: "pipeline_name",
}
"""dlt's own tables, which pipelines of one dataset share, and what tells whose a row is."""

LOCK_SECONDS = 60
"""The longest time to wait for those who read a table: in PostgreSQL no one can while it moves."""

_MAX_CHARACTERS = 300
"""Errors of databases can be pages long."""

_RELATIONS = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND table_catalog = current_database() ORDER BY table_name
"""


@dataclass(frozen=True)
class Switch:
    """What a switch has left.

    Attributes:
        kept: tables and views of others, which stayed in the dataset.
        on_old_rows: views of others that still read the rows of before, with their schemas.
    """

    kept: list[str] = field(default_factory=list)
    on_old_rows: list[str] = field(default_factory=list)


def refuse_unswitchable(pipeline: dlt.Pipeline) -> None:
    """Make sure that the destination can switch datasets.

    Raises:
        UsageError: it cannot; the text says the plain way.
    """
    if traits_of(pipeline).kind == "postgres" or database_file(pipeline) is not None:
        return
    raise UsageError(
        f"The destination {location(pipeline)} cannot put one dataset in the place of another in one step",
        'Sync with api_version = "2026-02-09" into a dataset of its own, erase there what was erased here, and use '
        "that one once it is complete",
        error_code=ErrorCode.CANNOT_MIGRATE,
    )


def switch(pipeline: dlt.Pipeline, staged: dlt.Pipeline, backup: str) -> Switch:
    """Put the tables of one dataset in the place of another's, which go to a third.

    Args:
        pipeline: the pipeline of the dataset, locked, with nothing pending.
        staged: the pipeline of the same name that has loaded the new tables, with nothing pending.
        backup: the name of the dataset that the old tables go to; it does not exist.

    Returns:
        What was left.

    Raises:
        SyncError: it could not be done, as someone reads the tables or something was erased meanwhile; nothing has
            changed.
    """
    work = _Work(pipeline, staged, backup)
    try:
        with pipeline.sql_client(SECTION) as client, client.begin_transaction():
            left = work.switch(client)
    except DatabaseException as error:
        reason = one_line(redact(str(error)))[:_MAX_CHARACTERS]
        raise SyncError(
            f"The datasets could not be switched, and nothing has changed: {reason}",
            "Close what uses the tables, then run the same command again",
            error_code=ErrorCode.NOT_SWITCHED,
        ) from error
    pipeline.sync_destination()  # its state there is the newer one: dlt takes it, and the schema
    return left


class _Work:
    """The statements of one switch."""

    def __init__(self, pipeline: dlt.Pipeline, staged: dlt.Pipeline, backup: str) -> None:
        self._pipeline = pipeline
        self._is_postgres = traits_of(pipeline).kind == "postgres"
        self._move: Callable[..., None] = _move_in_postgres if self._is_postgres else _move_in_duckdb
        with pipeline.sql_client(SECTION) as old, staged.sql_client(SECTION) as new:
            self._old, self._new = str(old.dataset_name), str(new.dataset_name)
            self._emptied = [str(client.staging_dataset_name) for client in (old, new)]
        self._backup = backup
        self._state, self._known_state = _stored_state(staged), _stored_state(pipeline)
        self._known = {name for name in pipeline.schemas[SECTION].tables if name not in _DLT_TABLES}

    def switch(self, client: Sql) -> Switch:
        old, new, backup = self._old, self._new, self._backup
        if self._is_postgres:
            client.execute_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        self._refuse_new_erasures(client)
        views = _views_on(client, old, self._known) if self._is_postgres else []
        grants = _grants(client, old) if self._is_postgres else []
        client.execute_sql(f"CREATE SCHEMA {_quoted(backup)}")
        there, fresh = (
            [name for name in self._relations(client, schema) if name not in _DLT_TABLES] for schema in (old, new)
        )
        ours = self._known.union(fresh).intersection(there)
        for name in sorted(ours):
            self._move(client, name, old, backup)
        for name in fresh:
            self._move(client, name, new, old)
        for name, owner in _DLT_TABLES.items():
            self._exchange(client, name, owner)
        self._note_state(client)
        client.execute_sql(f"DROP SCHEMA {_quoted(new)}")
        for name in self._emptied:  # copies of the last load, which dlt makes anew
            client.execute_sql(f"DROP SCHEMA IF EXISTS {_quoted(name)} CASCADE")
        for statement in (*grants, *(statement for _, statement in views if statement)):
            client.execute_sql(_IF_POSSIBLE.format(_literal(statement)))
        stale = [name for name, _ in _views_on(client, backup, self._known)] if self._is_postgres else []
        return Switch(sorted(set(there) - ours), stale)

    def _refuse_new_erasures(self, client: Sql) -> None:
        tables = [f"{_quoted(name)}.{_quoted(ERASURES.name)}" for name in (self._old, self._new)]
        unknown = f"SELECT count(*) FROM {tables[0]} WHERE id NOT IN (SELECT id FROM {tables[1]})"
        if (client.execute_sql(unknown) or [[0]])[0][0]:
            raise SyncError(
                "Something was erased while the new version was loaded",
                "Run the same command again",
                error_code=ErrorCode.NOT_SWITCHED,
            )

    def _relations(self, client: Sql, schema: str) -> list[str]:
        return [str(row[0]) for row in client.execute_sql(_RELATIONS, schema) or ()]

    def _exchange(self, client: Sql, table: str, owner: str) -> None:
        """Keep the rows of one of dlt's tables in the backup, and put the new dataset's in the place of ours."""
        old, new, backup = (f"{_quoted(name)}.{_quoted(table)}" for name in (self._old, self._new, self._backup))
        sql = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
        columns = ", ".join(_quoted(row[0]) for row in client.execute_sql(sql, self._new, table) or ())
        ours = self._pipeline.pipeline_name if owner == "pipeline_name" else SECTION
        client.execute_sql(f"CREATE TABLE {backup} AS SELECT * FROM {old}")
        client.execute_sql(f"DELETE FROM {old} WHERE {owner} = %s", ours)
        client.execute_sql(f"INSERT INTO {old} ({columns}) SELECT {columns} FROM {new}")
        client.execute_sql(f"DROP TABLE {new}")

    def _note_state(self, client: Sql) -> None:
        """Give dlt's state what the new dataset says of this source, and make it newer than any machine knows."""
        if self._state is None:
            return
        state: dict[str, Any] = decompress_state(self._state.state)
        of_source = state.get("sources", {}).get(SECTION, {})
        if self._known_state is not None:
            state = decompress_state(self._known_state.state)
            self._write_state(client, self._backup, self._known_state, {**state, "dataset_name": self._backup})
        versions = self._state.version, state["_state_version"], self._pipeline.state["_state_version"]
        state = {**state, "dataset_name": self._pipeline.dataset_name, "_state_version": max(versions) + 1}
        state["sources"] = {**state.get("sources", {}), SECTION: of_source}
        self._write_state(client, self._old, self._state, state)

    def _write_state(self, client: Sql, schema: str, stored: Any, state: dict[str, Any]) -> None:
        state["_version_hash"] = generate_pipeline_state_version_hash(state)  # type: ignore[arg-type]
        client.execute_sql(
            f"UPDATE {_quoted(schema)}.{_quoted(PIPELINE_STATE_TABLE_NAME)} SET version = %s, state = %s, "
            "version_hash = %s WHERE pipeline_name = %s AND _dlt_load_id = %s",
            state["_state_version"],
            compress_state(state),  # type: ignore[arg-type]
            state["_version_hash"],
            self._pipeline.pipeline_name,
            stored._dlt_load_id,
        )


def _stored_state(pipeline: dlt.Pipeline) -> Any:
    """What dlt keeps of a pipeline's state in the destination."""
    with pipeline.destination_client(SECTION) as connected:
        client: Any = connected
        return client.get_stored_state(pipeline.pipeline_name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# ---- DuckDB, which cannot rename a schema or give a table another one: the rows are copied


def _move_in_duckdb(client: Sql, table: str, source: str, target: str) -> None:
    """Make a table as it is, comments too, in another schema, and drop it."""
    of_table = "database_name = current_database() AND schema_name = %s AND table_name = %s"
    found = client.execute_sql(f"SELECT sql, comment FROM duckdb_tables() WHERE {of_table}", source, table)
    if not found:  # a view
        return
    ((definition, comment),) = found
    old, new = (f"{_quoted(schema)}.{_quoted(table)}" for schema in (source, target))
    columns = client.execute_sql(
        f"SELECT column_name, comment FROM duckdb_columns() WHERE {of_table} AND comment IS NOT NULL", source, table
    )
    comments = [(f"TABLE {new}", comment)] if comment else []
    comments += [(f"COLUMN {new}.{_quoted(name)}", text) for name, text in columns or ()]
    client.execute_sql(f"CREATE TABLE {new}{definition[definition.index('(') :]}")
    client.execute_sql(f"INSERT INTO {new} SELECT * FROM {old}")
    client.execute_sql(f"DROP TABLE {old}")
    for what, text in comments:
        client.execute_sql(f"COMMENT ON {what} IS {_literal(text)}")


# ---- PostgreSQL, where views and rights belong to a table, whatever its name


# an error would end the transaction, and dlt rolls back at each one
_IF_POSSIBLE = "DO $if_possible$ BEGIN EXECUTE {}; EXCEPTION WHEN OTHERS THEN NULL; END $if_possible$"


def _move_in_postgres(client: Sql, table: str, source: str, target: str) -> None:
    client.execute_sql(f"ALTER TABLE {_quoted(source)}.{_quoted(table)} SET SCHEMA {_quoted(target)}")


def _views_on(client: Sql, schema: str, tables: Iterable[str]) -> list[tuple[str, str | None]]:
    """The views that read tables of a schema, by name, and what makes each read those of the same names again.

    Nothing does so for a materialized view.
    """
    # without the schema in front, names are written so that they are looked up anew
    client.execute_sql(f"SET LOCAL search_path = {_quoted(schema)}")
    rows = client.execute_sql(
        "SELECT DISTINCT spaces.nspname, views.relname, views.relkind, pg_get_viewdef(views.oid), "
        "array_to_string(views.reloptions, ', ') "
        "FROM pg_depend AS uses JOIN pg_rewrite AS rules ON rules.oid = uses.objid "
        "JOIN pg_class AS views ON views.oid = rules.ev_class "
        "JOIN pg_namespace AS spaces ON spaces.oid = views.relnamespace "
        "JOIN pg_class AS used ON used.oid = uses.refobjid JOIN pg_namespace AS home ON home.oid = used.relnamespace "
        "WHERE uses.classid = 'pg_rewrite'::regclass AND uses.refclassid = 'pg_class'::regclass "
        "AND views.oid <> used.oid AND home.nspname = %s AND used.relname = ANY(%s) ORDER BY 1, 2",
        schema,
        list(tables),
    )
    found: list[tuple[str, str | None]] = []
    for space, name, kind, query, options in rows or ():
        view = f"{_quoted(space)}.{_quoted(name)}{f' WITH ({options})' if options else ''}"
        found.append((f"{space}.{name}", f"CREATE OR REPLACE VIEW {view} AS {query}" if kind == "v" else None))
    return found


def _grants(client: Sql, schema: str) -> list[str]:
    """What gives tables of a schema the rights that others have on those of the same names.

    Not where rules say which rows each may see: the new tables have no such rules.
    """
    rows = client.execute_sql(
        "SELECT relname, privilege_type, "
        "CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END "
        "FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace, LATERAL aclexplode(relacl) "
        "WHERE nspname = %s AND relkind IN ('r', 'p') AND grantee <> relowner AND NOT relrowsecurity",
        schema,
    )
    return [f"GRANT {right} ON {_quoted(schema)}.{_quoted(table)} TO {who}" for table, right, who in rows or ()]
