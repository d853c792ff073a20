"""The tables and columns that a destination should have, made again where they are gone."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import dlt
from dlt.common import logger
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema import Schema
from dlt.common.schema.typing import LOADS_TABLE_NAME
from dlt.common.schema.utils import has_table_seen_data

from extend_source.pipeline.comments import forget_comments
from extend_source.pipeline.indexes import forget_indexes
from extend_source.tables.bookkeeping import REPLACEMENTS, SCHEMA_DRIFT, TYPED_COLUMNS
from extend_source.tables.formers import FORMER_NAMES

_WRITTEN_ONCE = {
    SCHEMA_DRIFT.name: frozenset(SCHEMA_DRIFT.column_names),
    TYPED_COLUMNS.name: frozenset({"table_name", "column_name"}),
}
"""Columns beside the key that no later load fills in a row that is there."""


@dataclass(frozen=True)
class Gone:
    """What dlt believes to be in a destination, and is not.

    Attributes:
        columns: the columns by their table; all that the table had, where it is gone as a whole.
        keyless: the tables among them that are there without a column of their key, or without one that is written
            with the row alone.
    """

    columns: dict[str, frozenset[str]]
    keyless: frozenset[str] = frozenset()

    def only(self, names: Collection[str]) -> Gone:
        """Return the part that is about some tables."""
        columns = {name: gone for name, gone in self.columns.items() if name in names}
        return Gone(columns, self.keyless.intersection(columns))


def find_gone(pipeline: dlt.Pipeline, schema_name: str) -> Gone:
    """Find the tables and columns that someone has dropped: one query for the dataset, one for dlt's staging.

    Those that hold rows of nobody are made again at once: dlt's own tables, its staging, and the notes of what is gone.

    Args:
        pipeline: the pipeline.
        schema_name: the dlt schema of the source.

    Returns:
        The others.
    """
    wanted = _written(pipeline.schemas[schema_name])
    with pipeline.destination_client(schema_name) as connected:
        client: Any = connected
        if not client.is_storage_initialized():
            return Gone({})
        gone = _gone_from(client, wanted)
        if gone.columns:
            forget_comments(pipeline)
            forget_indexes(pipeline)
        nobodys = [name for name in wanted if name.startswith("_dlt") or name == REPLACEMENTS.name]
        _make(client, gone.only(nobodys))
        if hasattr(client, "in_staging_dataset_mode"):
            staged = list(filter(client.should_load_data_to_staging_dataset, wanted))
            with client.with_staging_dataset():
                if client.is_storage_initialized():
                    _make(client, _gone_from(client, staged))
    return gone.only(gone.columns.keys() - set(nobodys))


def has_all(connected: Any) -> bool:
    """Tell whether the destination has all tables and columns that loads have filled: two queries, and no change.

    Args:
        connected: dlt's client of the destination, with the schema of the source.
    """
    return connected.is_storage_initialized() and not _missing(connected, _written(connected.schema))


def make_again(pipeline: dlt.Pipeline, schema_name: str, gone: Gone) -> None:
    """Make tables and columns again.

    Args:
        pipeline: the pipeline.
        schema_name: the dlt schema of the source.
        gone: what `find_gone` has found.
    """
    if gone.columns:
        with pipeline.destination_client(schema_name) as client:
            _make(client, gone)


def _written(schema: Schema) -> list[str]:
    """The tables that loads have filled, and dlt's own."""
    known = schema.tables
    written = {name for name, table in known.items() if has_table_seen_data(table)} - FORMER_NAMES.keys()
    return [name for name in known if name in written or name.startswith("_dlt")]


def _missing(client: Any, names: list[str]) -> dict[str, tuple[bool, Any]]:
    """Say of tables that lack columns whether they are there, and which columns are not."""
    case_sensitive = client.capabilities.generates_case_sensitive_identifiers()
    return {
        name: (bool(there), columns)
        for name, there in list(client.get_storage_tables(names))
        if (columns := client.schema.get_new_table_columns(name, there, case_sensitive=case_sensitive))
    }


def _gone_from(client: Any, names: list[str]) -> Gone:
    """Find what is gone of some tables."""
    missing = _missing(client, names)
    stored = _stored_columns(client) if missing else None
    if stored is None and LOADS_TABLE_NAME in missing:
        return Gone({})  # no load has ended here
    columns_of: dict[str, frozenset[str]] = {}
    keyless = set()
    for name, (is_there, columns) in missing.items():
        # what a load that was dropped would have made has never been there
        if stored is not None and not any(column["name"] in stored.get(name, ()) for column in columns):
            continue
        columns_of[name] = frozenset(column["name"] for column in columns)
        has_key = all(column.get("nullable", True) for column in columns)
        if is_there and not (has_key and columns_of[name].isdisjoint(_WRITTEN_ONCE.get(name, ()))):
            keyless.add(name)
    return Gone(columns_of, frozenset(keyless))


def _make(client: Any, gone: Gone) -> None:
    if not gone.columns:
        return
    logger.warning(f"Tables or columns are gone from the destination and are made again: {', '.join(gone.columns)}.")
    for name in gone.keyless:
        client.sql_client.drop_tables(name)  # their rows say nothing any longer, and a key cannot be added
    client.update_stored_schema(only_tables=list(gone.columns), force=True)


def _stored_columns(client: Any) -> dict[str, set[str]] | None:
    """The columns by table that the destination had when its schema was changed last; None: it does not say."""
    try:
        stored = client.get_stored_schema(client.schema.name)
    except DestinationUndefinedEntity:
        return None
    if stored is None:
        return None
    tables = json.loads(stored.schema)["tables"]
    return {name: set(table["columns"]) for name, table in tables.items()}


def columns_there(pipeline: dlt.Pipeline, schema_name: str, names: list[str]) -> dict[str, set[str]]:
    """Ask the destination for the columns of some tables, in small letters; one that does not exist has none.

    Args:
        pipeline: the pipeline.
        schema_name: the dlt schema of the source.
        names: the tables.
    """
    with pipeline.destination_client(schema_name) as client:
        tables: Any = client
        return {name: set(map(str.casefold, columns)) for name, columns in tables.get_storage_tables(names)}


def last_load_left_rows_out(pipeline: dlt.Pipeline) -> bool:
    """Tell whether the last load on this machine ended without rows that the destination had refused.

    dlt can be told to go on then, and says nothing of it in the destination.

    Args:
        pipeline: the pipeline.
    """
    loaded = pipeline._get_load_storage().loaded_packages
    load_ids = loaded.list_packages() if loaded.storage.has_folder("") else []
    return bool(load_ids) and bool(loaded.list_failed_jobs(max(load_ids)))
