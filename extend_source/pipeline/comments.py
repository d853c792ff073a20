"""The descriptions of tables and columns as comments in DuckDB and PostgreSQL.

dlt keeps all descriptions in its schema, those of typed tables too. On Databricks, BigQuery and Snowflake it makes
comments of them by itself, on these two it does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import dlt
from dlt.common import logger

from extend_source.config.settings import SECTION
from extend_source.pipeline.traits import traits_of
from extend_source.text.redaction import redact
from extend_source.text.wording import counted, one_line

_NOTE = "extend_comments.json"
"""The file in a pipeline's folder that names the schema whose comments were set last."""

_PRESENT = {
    "duckdb": """
WITH own_tables AS (
    SELECT table_oid, table_name, comment FROM duckdb_tables()
    WHERE database_name = current_database() AND lower(schema_name) = lower(%s)
)
SELECT table_name, NULL AS column_name, comment FROM own_tables
UNION ALL
SELECT own_tables.table_name, column_name, duckdb_columns.comment
FROM duckdb_columns() JOIN own_tables USING (table_oid) WHERE database_name = current_database()
""",
    "postgres": """
WITH own_tables AS (
    SELECT tables.oid, relname FROM pg_catalog.pg_class AS tables
    JOIN pg_catalog.pg_namespace AS schemas ON schemas.oid = relnamespace
    WHERE nspname = %s AND relkind IN ('r', 'p')
)
SELECT relname, NULL AS attname, pg_catalog.obj_description(oid, 'pg_class') FROM own_tables
UNION ALL
SELECT relname, attname, pg_catalog.col_description(oid, attnum)
FROM own_tables JOIN pg_catalog.pg_attribute ON attrelid = oid WHERE attnum > 0 AND NOT attisdropped
""",
}
"""Reads all tables of a dataset with their columns and comments; views are none. By the destination's type."""

_BEFORE = {"duckdb": [], "postgres": ["SET LOCAL lock_timeout = '1s'"]}
"""What a transaction begins with: a sync must not wait for somebody who has a table locked."""

_NOT_ALLOWED = "42501"
"""PostgreSQL's code for a lack of rights: only the owner of a table may comment on it."""

_MAX_CHARACTERS = 300
_MAX_NAMES = 5

Statements = dict[str, list[str]]
"""What sets comments, by table."""


def keep_comments(pipeline: dlt.Pipeline, place: str) -> None:
    """Give the tables and columns of a pipeline their comments, after its loads.

    Nothing is asked of the destination while dlt's schema is the one whose comments were set last. A failure is one
    line in the log.

    Args:
        pipeline: the pipeline; any destination but DuckDB and PostgreSQL is left alone.
        place: where the destination is.
    """
    if traits_of(pipeline).kind not in _PRESENT:
        return
    try:
        refused = _keep(pipeline, place)
    except Exception as error:
        refused = {"the tables": error}
    if refused:
        others = len(refused) - _MAX_NAMES
        names = [*list(refused)[:_MAX_NAMES], *([counted(others, "other")] if others > 0 else [])]
        reason = one_line(redact(str(next(iter(refused.values())))))[:_MAX_CHARACTERS]
        logger.warning(f"Of {', '.join(names)} not all comments could be set; the rows are complete: {reason}")


def forget_comments(pipeline: dlt.Pipeline) -> None:
    """Have the next sync look for missing comments: tables are made again, and the schema may stay as it is.

    Args:
        pipeline: the pipeline.
    """
    with suppress(OSError):
        _note_of(pipeline).unlink(missing_ok=True)


def _keep(pipeline: dlt.Pipeline, place: str) -> dict[str, Exception]:
    """Set comments if dlt's schema has changed; return why tables have not got theirs."""
    if SECTION not in pipeline.schema_names:
        return {}
    note = _note_of(pipeline)
    current = json.dumps([place, pipeline.dataset_name, pipeline.schemas[SECTION].stored_version_hash])
    if note.exists() and note.read_text("utf-8") == current:
        return {}
    with pipeline.destination_client(SECTION) as client:
        refused = _write(client, _statements(client))
    # without the right to comment another try would change nothing
    if all(_is_for_lack_of_rights(error) for error in refused.values()):
        note.write_text(current, "utf-8")
    return refused


def _note_of(pipeline: dlt.Pipeline) -> Path:
    return Path(pipeline.working_dir) / _NOTE


def _statements(client: Any) -> Statements:
    """Write the statements for what differs."""
    sql, capabilities = client.sql_client, client.capabilities
    dataset = sql.make_qualified_table_name_path(None, quote=False)[-1]
    as_known = str if capabilities.has_case_sensitive_identifiers else str.casefold
    present = {
        (as_known(table), None if column is None else as_known(column)): comment
        for table, column, comment in sql.execute_sql(_PRESENT[client.config.destination_type], dataset)
    }

    def key(name: str) -> str:
        return as_known(capabilities.casefold_identifier(name))

    def differing(table: Any) -> Iterator[str]:
        qualified = sql.make_qualified_table_name(table["name"])
        wanted: list[tuple[str | None, str, Any]] = [(None, f"TABLE {qualified}", table)]
        for name, column in table["columns"].items():
            wanted.append((key(name), f"COLUMN {qualified}.{sql.escape_column_name(name)}", column))
        for place, target, described in wanted:
            comment = one_line(described.get("description") or "")
            known = present.get((key(table["name"]), place), comment)  # what is not there cannot have one
            if comment and comment != known:
                yield f"COMMENT ON {target} IS {capabilities.escape_literal(comment)}"

    found = {table["name"]: list(differing(table)) for table in client.schema.data_tables()}
    return {name: statements for name, statements in found.items() if statements}


def _write(client: Any, statements: Statements) -> dict[str, Exception]:
    """Run statements in one transaction; where it fails, in one for each table.

    Returns:
        Why tables have not got their comments.
    """
    if not statements:
        return {}
    try:
        with client.sql_client.begin_transaction():
            all_of_them = [*_BEFORE[client.config.destination_type], *chain.from_iterable(statements.values())]
            client.sql_client.execute_sql(";\n".join(all_of_them))
    except Exception as error:
        if len(statements) == 1:
            return dict.fromkeys(statements, error)
        refused: dict[str, Exception] = {}
        for name, of_table in statements.items():
            refused |= _write(client, {name: of_table})
        return refused
    return {}


def _is_for_lack_of_rights(error: Exception) -> bool:
    return getattr(getattr(error, "dbapi_exception", error), "pgcode", None) == _NOT_ALLOWED
