"""The names of typed tables and columns: given once, and never changed after they have landed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from extend_source.tables.objects import TABLES
from extend_source.tables.paths import ROOT
from extend_source.tables.typed.identifiers import CURRENT_SUFFIX, RESERVED, SEPARATOR, claim, snake_case
from extend_source.tables.typed.strict_kinds import SUFFIXES

PREFIX = "extraction_"
ROOT_COLUMNS = ("run_id", "processor_version_id", "status", "created_at", "reviewed")
ITEM_COLUMNS = ("run_id", "row_index", "row_path", "parent_row_path")
VALUE = "value"
"""The column of an array of scalars."""
ITEMS = "items"
"""Stands for an array that is the item of an array."""
TABLE = "table"
"""Takes the place of the data type where a name is a table's."""
MAX_COLUMNS = 1000
"""PostgreSQL takes 1,600 columns, others 1,000."""

Key = tuple[str, str, str]
"""Processor id, path template, data type."""


@dataclass
class TypedName:
    """A row of ``typed_columns``.

    Attributes:
        processor_id: the processor.
        path: the path template, ``$`` for the processor's own table, ``line_items[]`` for an array's.
        data_type: dlt's name of the type, or ``table``.
        table_name: the table.
        column_name: the column; None for a table, and for a field that the table has no room for.
        processor_name: the processor's name when it was seen last.
        description: what the config says of the field.
        first_version_id: the processor version of the oldest run seen that declares it.
        first_seen_at: when that run was created; None: that is known of no run.
        last_version_id: the same of the newest run.
        last_seen_at: when that run was created.
    """

    processor_id: str
    path: str
    data_type: str
    table_name: str
    column_name: str | None
    processor_name: str | None = None
    description: str | None = None
    first_version_id: str | None = None
    first_seen_at: datetime | None = None
    last_version_id: str | None = None
    last_seen_at: datetime | None = None

    @property
    def key(self) -> Key:
        """What identifies it."""
        return self.processor_id, self.path, self.data_type

    def seen(self, processor_name: str | None, version_id: str | None, at: datetime | None) -> bool:
        """Note a run that declares it; return whether that says something new.

        The order in which runs are noted does not count, but among those whose creation is unknown.

        Args:
            processor_name: the processor's name in the run.
            version_id: the processor's version.
            at: when the run was created; None: unknown, so that it says nothing where other runs do.
        """
        before = self._sightings
        if self.first_seen_at is None or (at and _rank(at, version_id) < _rank(*before[:2])):
            self.first_seen_at, self.first_version_id = at, version_id
        if self.last_seen_at is None or (at and _rank(at, version_id, processor_name) > _rank(*before[2:])):
            self.last_seen_at, self.last_version_id, self.processor_name = at, version_id, processor_name
        return before != self._sightings

    @property
    def _sightings(self) -> tuple[Any, ...]:
        last = (self.last_seen_at, self.last_version_id, self.processor_name)
        return (self.first_seen_at, self.first_version_id, *last)


def _rank(at: datetime | None, *others: str | None) -> tuple[Any, ...]:
    """What sightings are ordered by; equal times are told apart, so that the same runs always say the same."""
    return (at, *((text is not None, text or "") for text in others))


class TypedNames:
    """All names that are in use. A name asked for again is the one that was given.

    Attributes:
        fits_pages: rows of the tables must fit a page of PostgreSQL.
    """

    def __init__(self, landed: Iterable[TypedName] = (), *, fits_pages: bool = False) -> None:
        """Start from what has landed.

        Args:
            landed: the rows of ``typed_columns``.
            fits_pages: rows of the tables must fit a page of PostgreSQL.
        """
        self.fits_pages = fits_pages
        self._names: dict[Key, TypedName] = {}
        self._tables = set(TABLES)
        self._columns: dict[str, dict[str, TypedName]] = {}
        self._processor_tables: dict[str, list[TypedName]] = {}
        self._places: dict[tuple[str, str], int] = {}
        self._typed_paths: set[tuple[str, str]] = set()
        for name in landed:
            self._add(name)

    def all(self) -> list[TypedName]:
        """All names, in the order in which they were given."""
        return list(self._names.values())

    def tables(self) -> list[TypedName]:
        """All tables, by name."""
        tables = (table for of_processor in self._processor_tables.values() for table in of_processor)
        return sorted(tables, key=lambda table: table.table_name)

    def tables_of(self, processor_id: str) -> list[TypedName]:
        """The tables of a processor, its own first."""
        return list(self._processor_tables.get(processor_id, ()))

    def columns_of(self, table: str) -> list[TypedName]:
        """The columns of a table, in the order in which they were named."""
        return list(self._columns.get(table, {}).values())

    def processor_table(self, processor_id: str, processor_name: str | None) -> TypedName:
        """Name the table of a processor."""
        wanted = PREFIX + snake_case(processor_name or processor_id, "processor")
        return self._table(processor_id, ROOT, wanted)

    def array_table(self, processor_id: str, path: str, parent: str, keys: Sequence[str]) -> TypedName:
        """Name the table of an array.

        Args:
            processor_id: the processor.
            path: the path template of the array's items.
            parent: the table of the rows that the array belongs to.
            keys: the object keys from there to the array; none for the items of an array.
        """
        parts = [snake_case(key, "field") for key in keys] or [ITEMS]
        return self._table(processor_id, path, SEPARATOR.join([parent, *parts]))

    def column(
        self,
        processor_id: str,
        path: str,
        data_type: str,
        table: TypedName,
        keys: Sequence[str],
        description: str | None = None,
    ) -> TypedName:
        """Name a column.

        Args:
            processor_id: the processor.
            path: the path template of the field.
            data_type: dlt's name of its type. A field whose type has changed gets one more column.
            table: the table.
            keys: the object keys from the table's row to the field; none for the items of an array of scalars.
            description: what the config says of the field.
        """
        known = self._names.get((processor_id, path, data_type))
        if known is not None:
            return known
        own = ROOT_COLUMNS if table.path == ROOT else ITEM_COLUMNS
        taken = self._columns.setdefault(table.table_name, {})
        name = TypedName(processor_id, path, data_type, table.table_name, None, description=description)
        if len(taken) < MAX_COLUMNS:
            wanted = SEPARATOR.join(snake_case(key, "field") for key in keys) or VALUE
            if wanted in RESERVED or wanted in own:
                wanted += "_field"
            if (processor_id, path) in self._typed_paths:
                wanted += SEPARATOR + SUFFIXES[data_type]
            name.column_name = claim(wanted, "\n".join(name.key), {*taken, *own})
        self._add(name)
        return name

    def place_of(self, name: TypedName) -> int:
        """The position of a column among those of its table; it never changes."""
        return self._places[name.table_name, str(name.column_name)]

    def _table(self, processor_id: str, path: str, wanted: str) -> TypedName:
        known = self._names.get((processor_id, path, TABLE))
        if known is not None:
            return known
        taken = {wanted, *self._tables} if wanted.endswith(CURRENT_SUFFIX) else self._tables
        table = claim(wanted, f"{processor_id}\n{path}", taken)
        name = TypedName(processor_id, path, TABLE, table, None)
        self._add(name)
        return name

    def _add(self, name: TypedName) -> None:
        self._names[name.key] = name
        if name.data_type == TABLE:
            self._tables.add(name.table_name)
            tables = self._processor_tables.setdefault(name.processor_id, [])
            tables.insert(0 if name.path == ROOT else len(tables), name)
            return
        self._typed_paths.add((name.processor_id, name.path))
        if name.column_name is not None:
            columns = self._columns.setdefault(name.table_name, {})
            self._places[name.table_name, name.column_name] = len(columns)
            columns[name.column_name] = name
