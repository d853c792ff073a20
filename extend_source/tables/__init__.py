"""JSON payloads in, Arrow tables out: pure functions with one fixed schema a table."""

from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.flattening import Cleaning, FetchError, Flattener, Tables
from extend_source.tables.objects import TABLES
from extend_source.tables.payloads import Origin
from extend_source.tables.selection import (
    FETCHED_TABLES,
    FILLED_TABLES,
    LISTING_TABLES,
    PARSED_TABLES,
    STANDARD_TABLES,
    TYPED_TABLES,
    fetches,
    lists_runs,
    selected_by,
    selection_text,
    tables_to_fetch,
    wanted_tables,
)
from extend_source.tables.typed import TypedName, TypedNames

__all__ = [
    "FETCHED_TABLES",
    "FILLED_TABLES",
    "LISTING_TABLES",
    "PARSED_TABLES",
    "STANDARD_TABLES",
    "TABLES",
    "TYPED_TABLES",
    "Cleaning",
    "Column",
    "FetchError",
    "Flattener",
    "Origin",
    "TableSchema",
    "Tables",
    "TypedName",
    "TypedNames",
    "fetches",
    "lists_runs",
    "selected_by",
    "selection_text",
    "tables_to_fetch",
    "wanted_tables",
]
