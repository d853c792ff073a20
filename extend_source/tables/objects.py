"""Extend's objects as data: the table of each type, and the rows that go with an object of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from extend_source.tables.contract import ANY_OBJECT, TableSchema
from extend_source.tables.schemas import FILES, PROCESSOR_RUNS, RUN_CONFIGS, TABLES


@dataclass(frozen=True)
class ObjectType:
    """A type of objects that have an id at Extend.

    Attributes:
        name: Extend's name for it, as in ``resource_type``.
        table: the table with one row for each, of which ``id`` is the key.
    """

    name: str
    table: TableSchema


OBJECT_TYPES: dict[str, ObjectType] = {
    kind.name: kind for kind in (ObjectType("processor_run", PROCESSOR_RUNS), ObjectType("file", FILES))
}
"""The object types that are loaded, by name."""

TABLE_OF: dict[str, TableSchema] = {name: kind.table for name, kind in OBJECT_TYPES.items()} | {"config": RUN_CONFIGS}
"""The table with one row for each of what columns are about or refer to. A config has no id at Extend."""


class Rows(NamedTuple):
    """The rows of a table that name an object of one type.

    Attributes:
        table: the table.
        column: the column with the object's id.
        resource_type: the value of ``resource_type`` in these rows; None: the table has no such column.
    """

    table: TableSchema
    column: str
    resource_type: str | None = None


def rows_about(name: str) -> Iterator[Rows]:
    """Find the rows that go with objects of one type, those of typed tables left out.

    Args:
        name: a key of `TABLE_OF`.

    Yields:
        Where they are.
    """
    for table in TABLES.values():
        for column in table.columns:
            if column.about == name:
                yield Rows(table, column.name)
            elif column.about == ANY_OBJECT and name in OBJECT_TYPES:
                yield Rows(table, column.name, name)


def rows_owned_by(name: str) -> tuple[Rows, ...]:
    """Find the rows that an object's payload gives beside the object's own row, those of typed tables left out.

    Args:
        name: a key of `TABLE_OF`.

    Returns:
        Where they are.
    """
    return tuple(
        rows
        for rows in rows_about(name)
        if not rows.table.is_book
        and rows.table is not TABLE_OF[name]
        and rows.table.owner is not None
        and rows.table.owner.name == rows.column
    )
