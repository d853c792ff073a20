"""Typed tables: for each extraction processor a table with a typed column per field, and one per array."""

from extend_source.tables.typed.names import TypedName, TypedNames
from extend_source.tables.typed.writing import TypedTables

__all__ = ["TypedName", "TypedNames", "TypedTables"]
