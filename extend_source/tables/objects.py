"""Extend's objects as data: the tables of each type, and the rows that go with an object of it.

Another object is an entry in `OBJECT_TYPES` if it is fetched, in `LISTED_TYPES` if its list is read, the module with
its tables, and an entry in ``api/endpoints.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from extend_source.tables import bookkeeping, parse_runs, schemas
from extend_source.tables.contract import ANY_OBJECT, TableSchema


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
    kind.name: kind
    for kind in (
        ObjectType("processor_run", schemas.PROCESSOR_RUNS),
        ObjectType("file", schemas.FILES),
        ObjectType("parse_run", parse_runs.PARSE_RUNS),
    )
}
"""The object types that are fetched one by one, by name."""

RUN_TYPES = tuple(name for name, kind in OBJECT_TYPES.items() if "payload_sha256" in kind.table.column_names)
"""Those of runs: their payload's sum is kept, and they are known to be gone once the API has them no longer."""


@dataclass(frozen=True)
class ListedType:
    """A type of objects of which is loaded what their list says.

    Attributes:
        name: Extend's name for it, as in ``resource_type``.
        table: the table with one row for each, of which ``id`` is the key; with ``workspace_id``, ``listed_at`` and
            ``summary_sha256``.
        children: by the member that holds them, the tables with a row for each item; with the owner's column and
            ``position``.
        has_credits: the list says what each has cost, which the ledger wants to know.
    """

    name: str
    table: TableSchema
    children: Mapping[str, TableSchema] = field(default_factory=dict)
    has_credits: bool = False


LISTED_TYPES: dict[str, ListedType] = {
    kind.name: kind
    for kind in (
        ListedType("processor_run", bookkeeping.PROCESSOR_RUN_SUMMARIES),
        ListedType("parse_run", parse_runs.PARSE_RUN_SUMMARIES, has_credits=True),
    )
}
"""The object types that are listed, by name. Runs are compared by what has landed of the run itself."""

LISTED_TABLES: tuple[TableSchema, ...] = tuple(
    table for kind in LISTED_TYPES.values() for table in (kind.table, *kind.children.values())
)
"""The tables that lists fill."""

TABLES: dict[str, TableSchema] = {
    table.name: table
    for table in (
        schemas.PROCESSOR_RUNS,
        schemas.PROCESSOR_RUN_FILES,
        schemas.PROCESSOR_RUN_MERGED_PROCESSORS,
        schemas.FILES,
        schemas.FILE_CONTENTS,
        schemas.FILE_PAGES,
        schemas.FILE_SHEETS,
        schemas.FILE_SECTIONS,
        schemas.RUN_CONFIGS,
        schemas.RUN_CONFIG_CLASSIFICATIONS,
        schemas.RUN_CONFIG_FIELDS,
        schemas.RUN_CONFIG_PAGE_RANGES,
        schemas.EXTRACTION_FIELDS,
        schemas.EXTRACTION_CITATIONS,
        schemas.OUTPUT_INSIGHTS,
        schemas.EXTRACTION_EDITS,
        schemas.CLASSIFICATIONS,
        schemas.SPLITS,
        *parse_runs.PARSE_OUTPUT_TABLES["words"],
        schemas.CREDIT_USAGE,
        schemas.CREDIT_ATTRIBUTIONS,
        schemas.CREDIT_CHARGES,
        bookkeeping.TYPED_COLUMNS,
        *LISTED_TABLES,
        bookkeeping.TOMBSTONES,
        bookkeeping.FETCH_ERRORS,
        bookkeeping.ERASURES,
        bookkeeping.REPLACEMENTS,
        bookkeeping.SCHEMA_DRIFT,
        bookkeeping.SYNC_LOG,
        bookkeeping.SYNC_LOG_OBJECTS,
        bookkeeping.RAW_PAYLOADS,
    )
}
"""All tables by name, in the order in which the docs list them."""

TABLE_OF: dict[str, TableSchema] = {
    **{name: kind.table for name, kind in LISTED_TYPES.items()},
    **{name: kind.table for name, kind in OBJECT_TYPES.items()},
    "config": schemas.RUN_CONFIGS,
}
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
    for table in (*TABLES.values(), bookkeeping.MIGRATED_IDS):
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
