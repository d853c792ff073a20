"""JSON payloads in, Arrow tables out: pure functions with one fixed schema a table."""

from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.flattening import FetchError, Flattener
from extend_source.tables.runs import Origin
from extend_source.tables.schemas import TABLES

__all__ = ["TABLES", "Column", "FetchError", "Flattener", "Origin", "TableSchema"]
