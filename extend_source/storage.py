"""The tables and columns that a destination should have, made again where they are gone."""

from __future__ import annotations

import json
from typing import Any

import dlt
from dlt.common import logger
from dlt.common.destination.client import WithStagingDataset
from dlt.common.destination.exceptions import DestinationUndefinedEntity, SqlClientNotAvailable
from dlt.common.schema.utils import has_table_seen_data


def make_missing_tables(pipeline: dlt.Pipeline, schema_name: str) -> frozenset[str]:
    """Make the tables and columns again that someone has dropped: dlt believes that they are there.

    Args:
        pipeline: the pipeline.
        schema_name: the dlt schema of the source.

    Returns:
        The tables that hold nothing, or not all, of what was written to them: they were gone, or had lost a column.
    """
    known = pipeline.schemas[schema_name].tables
    wanted = [name for name, table in known.items() if has_table_seen_data(table) or name.startswith("_dlt")]
    gone: set[str] = set()
    try:
        with pipeline.destination_client(schema_name) as client:
            if not client.is_storage_initialized():
                return frozenset()
            gone.update(_made_again(client, wanted))
            if isinstance(client, WithStagingDataset) and hasattr(client, "in_staging_dataset_mode"):
                with client.with_staging_dataset():
                    if client.is_storage_initialized():
                        _made_again(
                            client, [name for name in wanted if client.should_load_data_to_staging_dataset(name)]
                        )
    except SqlClientNotAvailable:
        return frozenset()
    return frozenset(name for name in gone if not name.startswith("_dlt"))


def _made_again(client: Any, names: list[str]) -> list[str]:
    """Make what is gone of some tables; return the names of these tables."""
    case_sensitive = client.capabilities.generates_case_sensitive_identifiers()
    lacking = [
        (name, columns, missing)
        for name, columns in list(client.get_storage_tables(names))
        if (missing := client.schema.get_new_table_columns(name, columns, case_sensitive=case_sensitive))
    ]
    stored = _stored_columns(client) if lacking else None
    gone: list[str] = []
    for name, columns, missing in lacking:
        # what a load that was dropped would have made has never been there
        if stored is not None and not any(column["name"] in stored.get(name, ()) for column in missing):
            continue
        gone.append(name)
        if columns and not all(column.get("nullable", True) for column in missing):
            client.sql_client.drop_tables(name)  # a key cannot be added, and without it the rows are nobody's
    if gone:
        logger.warning(f"Tables or columns are gone from the destination and are made again: {', '.join(gone)}.")
        client.update_stored_schema(only_tables=gone, force=True)
    return gone


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
