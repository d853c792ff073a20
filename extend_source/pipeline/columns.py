"""The rows of a table, read once into columns and found by key: for where a query for each thousand keys is too many.

A row takes its bytes in Arrow and twelve more for the index, and Python objects are made of those alone that are asked
for. Columns in which values repeat hold each value once.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from dlt.destinations.sql_client import DBApiCursorImpl

from extend_source.tables.kinds import TIMESTAMP
from extend_source.text.json_codec import encode_json

_ROWS_AT_ONCE = 10_000

_POSTGRES = "Psycopg2SqlClient"  # that of dlt; Redshift has one of its own

Read = Callable[[Any], Any] | None
"""What makes a Python value of what a destination gives; None: it is one."""


Pick = Callable[[pa.Array], list[Any]]
"""Returns the Python values of a column at some places."""

_MIN_REPEATS = 8
"""A column whose values come as often as this, on the average, holds each once."""

_EPOCH = datetime.fromtimestamp(0, timezone.utc)


class RowsInColumns:
    """Rows that are found by their first column, which is text."""

    def __init__(self, chunks: Iterable[pa.Table], reads: Sequence[Read]) -> None:
        """Take the rows in.

        Args:
            chunks: the rows, some at a time.
            reads: for each column what makes Python values of its values.
        """
        hashes, parts = array("q"), list[pa.Table]()
        for chunk in chunks:
            hashes.extend(map(hash, chunk.column(0).to_pylist()))
            parts.append(_encoded(chunk))
        self._picks = _picks(parts, reads)
        unsorted = pa.Array.from_buffers(pa.int64(), len(hashes), [None, pa.py_buffer(hashes)])
        self._places = pc.sort_indices(unsorted).cast(pa.uint32())
        self._hashes = memoryview(unsorted.take(self._places).buffers()[1]).cast("q")[: len(hashes)]

    def find(self, keys: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that have one of some keys, each named once."""
        if not self._picks:
            return
        hashes, end = self._hashes, len(self._hashes)
        found, numbers = list[str](), list[int]()
        for key in keys:
            wanted = hash(key)
            number = bisect_left(hashes, wanted)
            while number < end and hashes[number] == wanted:
                found.append(key)
                numbers.append(number)
                number += 1
        places = self._places.take(pa.array(numbers, pa.int64()))
        columns = [pick(places) for pick in self._picks]
        for key, row in zip(found, zip(*columns, strict=True), strict=True):
            if row[0] == key:  # two texts may have one hash
                yield row


Run = Callable[[Any, str, Sequence[Any]], AbstractContextManager[Any]]
"""Runs a query with some values over dlt's connection, and gives the cursor to its result."""


def executed(client: Any, sql: str, values: Sequence[Any]) -> AbstractContextManager[Any]:
    """Run a query."""
    return client.execute_query(sql, *values)  # type: ignore[no-any-return]


@contextmanager
def streamed(client: Any, sql: str, values: Sequence[Any]) -> Iterator[Any]:
    """Run a query whose result is large: PostgreSQL's driver would take all of it into memory at once."""
    if type(client).__name__ != _POSTGRES:
        with executed(client, sql, values) as cursor:
            yield cursor
        return
    with client.begin_transaction(), client.native_connection.cursor(name="extend_rows") as cursor:
        cursor.execute(sql, values)
        yield DBApiCursorImpl(cursor)


def chunks_of(cursor: Any, types: Sequence[pa.DataType], reads: Sequence[Read]) -> Iterator[pa.Table]:
    """Read the result of a query in columns.

    Args:
        cursor: dlt's cursor; DuckDB's gives columns by itself.
        types: the Arrow types of the columns.
        reads: for each column what makes Python values of what a destination gives.

    Yields:
        Its rows, some at a time.
    """
    names = [str(number) for number in range(len(types))]
    if _has_columns(cursor):
        for table in cursor.iter_arrow(_ROWS_AT_ONCE):
            yield table.rename_columns(names)
        return
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        columns = zip(*(tuple(row) for row in rows), strict=True)
        yield pa.table([array_of(*each) for each in zip(columns, types, reads, strict=True)], names)


def array_of(values: Sequence[Any], kind: pa.DataType, read: Read = None) -> pa.Array:
    """Make a column of what a destination gives.

    Args:
        values: the values; SQLite and MySQL have numbers for booleans, and PostgreSQL's driver decodes JSON.
        kind: the Arrow type of the column.
        read: what makes Python values of those of the destination; None: nothing needs to be made.
    """
    if pa.types.is_boolean(kind):
        values = [None if value is None else bool(value) for value in values]
    elif pa.types.is_string(kind):
        values = [encode_json(value) if isinstance(value, dict | list) else value for value in values]
    return pa.array(values if read is None else map(read, values), kind)


def plain_rows_of(cursor: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a result that is all text and counts, which DuckDB gives much faster in columns."""
    if _has_columns(cursor):
        for table in cursor.iter_arrow(_ROWS_AT_ONCE):
            yield from zip(*(column.to_pylist() for column in table.columns), strict=True)
        return
    yield from rows_of(cursor)


def rows_of(cursor: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a result."""
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield from map(tuple, rows)


def _has_columns(cursor: Any) -> bool:
    return type(cursor.native_cursor).__module__.lstrip("_").startswith("duckdb")


def _encoded(chunk: pa.Table) -> pa.Table:
    """Encode all columns but the key."""
    columns = [chunk.column(0), *(column.combine_chunks().dictionary_encode() for column in chunk.columns[1:])]
    return pa.table(columns, chunk.column_names)


def _picks(parts: list[pa.Table], reads: Sequence[Read]) -> list[Pick]:
    """Join the chunks column by column, so that there is little of them twice."""
    if not parts:
        return []
    rows = pa.concat_tables(parts)
    parts.clear()
    picks = []
    for read in reads:
        column, rows = rows.column(0), rows.remove_column(0)
        picks.append(_pick(column, read))
    return picks


def _pick(column: pa.ChunkedArray, read: Read) -> Pick:
    if pa.types.is_dictionary(column.type):
        distinct = sum(len(chunk.dictionary) for chunk in column.chunks)
        if distinct * _MIN_REPEATS <= len(column):
            return _pick_encoded(column.unify_dictionaries().combine_chunks(), read)
        column = column.cast(column.type.value_type)
    if column.type == TIMESTAMP.arrow_type:
        return _pick_times(column.combine_chunks().cast(pa.int64()))
    values = column.combine_chunks()
    return lambda places: _read_all(values.take(places), read)


def _pick_encoded(column: pa.DictionaryArray, read: Read) -> Pick:
    codes, values = column.indices, _read_all(column.dictionary, read)
    return lambda places: [None if code is None else values[code] for code in codes.take(places).to_pylist()]


def _pick_times(column: pa.Array) -> Pick:
    def pick(places: pa.Array) -> list[Any]:
        times = column.take(places).to_pylist()
        return [None if time is None else _EPOCH + timedelta(microseconds=time) for time in times]

    return pick


def _read_all(values: pa.Array, read: Read) -> list[Any]:
    found: list[Any] = values.to_pylist()
    return found if read is None else list(map(read, found))
