"""JSON payloads in, Arrow tables out: pure functions with one fixed schema a table."""

from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.flattening import FetchError, Flattener
from extend_source.tables.runs import Origin
from extend_source.tables.schemas import TABLES
from extend_source.tables.selection import FETCHED_TABLES, STANDARD_TABLES, selected_by, selection_text

__all__ = [
    "FETCHED_TABLES",
    "STANDARD_TABLES",
    "TABLES",
    "Column",
    "FetchError",
    "Flattener",
    "Origin",
    "TableSchema",
    "selected_by",
    "selection_text",
]
