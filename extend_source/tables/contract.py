"""What a table is: its columns, its key and how a new load replaces the rows of an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from extend_source.api import GROUP_OF, OF_ANY_GROUP
from extend_source.tables.kinds import INTEGER, TEXT, Kind

LOAD_ID = "_dlt_load_id"
EXTRA = "extra"

ANY_OBJECT = "any"
"""What `Column.about` says where the row's ``resource_type`` names the object type."""

OBJECTS = (*GROUP_OF, *OF_ANY_GROUP)
"""What ``resource_type`` says."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: the column's name, lower snake case.
        kind: its type.
        description: what it holds, one sentence.
        api: where the value stands in the API's object, as dotted JSON keys (``metadata.pageCount``);
            None for a value that the builder works out.
        keep_known: a payload that does not carry the value leaves what an earlier load landed.
        about: the type of the object that it names, and that the row goes with: where that is erased, the row is.
            The first such column of a table names the owner of the row.
        references: the type of the object that it names and the row outlives.
        is_personal: it names a person: dropped unless a privacy rule keeps it.
        values: the values that it can have; those of a column with `api` are the ones that are known.
    """

    name: str
    kind: Kind
    description: str
    api: str | None = None
    keep_known: bool = False
    about: str | None = None
    references: str | None = None
    is_personal: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableSchema:
    """A table: one fixed Arrow schema, a key, and the rule by which a load replaces earlier rows.

    Attributes:
        name: the table's name in the destination.
        grain: what one row is, completing "one row per ...".
        description: what an analyst should know about it.
        key: the columns that identify a row.
        columns: the columns, in order, without the load id.
        replaced_by: the owner's column. A load replaces all rows of the owners that it names, also when
            an owner now has none. None: a load replaces rows of equal key only.
        marker_on: the column that tells a marker row ("this owner was loaded") from a real one; by default
            the first key column beside the owner's.
        object_name: the API object that its `api` columns are read from, as named in ``schema_drift``.
        handled: keys of that object that other tables hold.
        latest_by: the column that decides which of two equal keys in one load stays (the greatest).
        since: the column that says from when on a row holds: until the next one of the same key beside it.
        opt_in: it is written only where a setting asks for it.
        is_book: the source notes in it what it has done with objects; no payload gives its rows.
    """

    name: str
    grain: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    replaced_by: str | None = None
    marker_on: str | None = None
    object_name: str = ""
    handled: frozenset[str] = frozenset()
    latest_by: str | None = None
    since: str | None = None
    opt_in: bool = False
    is_book: bool = False

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The names of all columns in order, the load id last."""
        return (*(column.name for column in self.columns), LOAD_ID)

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The fixed Arrow schema; key columns are not nullable."""
        fields = [
            pa.field(column.name, column.kind.arrow_type, nullable=column.name not in self.key)
            for column in self.columns
        ]
        return pa.schema([*fields, pa.field(LOAD_ID, pa.string())])

    @cached_property
    def api_columns(self) -> tuple[Column, ...]:
        """The columns whose values are read from the API object as they are."""
        return tuple(column for column in self.columns if column.api is not None)

    @cached_property
    def own_columns(self) -> tuple[Column, ...]:
        """The columns whose values a builder works out, without ``extra``."""
        return tuple(column for column in self.columns if column.api is None and column.name != EXTRA)

    @cached_property
    def kept_columns(self) -> tuple[str, ...]:
        """The columns that a payload without the value must not erase."""
        return tuple(column.name for column in self.columns if column.keep_known)

    @cached_property
    def owner(self) -> Column | None:
        """The column that names the object, or config, that a row belongs to; None: rows belong to none."""
        return next((column for column in self.columns if column.about), None)

    @cached_property
    def marker(self) -> dict[str, Any]:
        """The values of a marker row beside the owner: ``''`` in text and ``-1`` in numbers.

        The first one tells the row from a real one. Empty where the table needs no markers.
        """
        if self.replaced_by is None:
            return {}
        names = [self.marker_on] if self.marker_on else [name for name in self.key if name != self.replaced_by]
        kinds = {column.name: column.kind for column in self.columns}
        empty = {TEXT: "", INTEGER: -1}
        return {name: empty[kinds[name]] for name in names}
