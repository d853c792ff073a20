"""Holding rows back until there are enough of them to be worth a write."""

from __future__ import annotations

import pyarrow as pa

from extend_source.tables import Tables, TableSchema

MIN_CHUNK_BYTES = 4_000_000
"""Of one table: dlt takes milliseconds to write a chunk, however small it is; and there are thirty tables to hold."""


class Chunks:
    """Puts the batches of one load together to few, large chunks of each table."""

    def __init__(self, min_bytes: int = MIN_CHUNK_BYTES) -> None:
        """Start a load.

        Args:
            min_bytes: the size of a table's rows, in bytes of memory, from which on they are let go.
        """
        self._min_bytes = min_bytes
        self._held: dict[str, list[pa.Table]] = {}
        self._bytes: dict[str, int] = {}
        self._typed: dict[str, TableSchema] = {}

    def add(self, tables: Tables) -> Tables:
        """Take a batch.

        Args:
            tables: tables by name, empty ones included.

        Returns:
            The tables of which there are enough rows now.
        """
        let_go = Tables({}, {})
        for name, rows in tables.items():
            held = self._held.get(name)
            if held is not None and held[0].schema != rows.schema:  # a typed table has got a column:
                self._let_go(name, let_go)  # what is held is a chunk of its own
                held = None
            if name in tables.typed:
                self._typed[name] = tables.typed[name]
            if held is None:
                self._held[name], self._bytes[name] = [rows], rows.nbytes
            elif rows.num_rows:
                held.append(rows)
                self._bytes[name] += rows.nbytes
            if self._bytes[name] >= self._min_bytes and name not in let_go:
                self._let_go(name, let_go)
        return let_go

    def rest(self) -> Tables:
        """Return what is held, tables without any rows included."""
        let_go = Tables({}, {})
        for name in list(self._held):
            self._let_go(name, let_go)
        return let_go

    def _let_go(self, name: str, into: Tables) -> None:
        into[name] = pa.concat_tables(self._held.pop(name))
        if name in self._typed:
            into.typed[name] = self._typed[name]
