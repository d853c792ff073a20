"""How many rows each run, file and config has in the tables that it owns, kept with it: what is gone can be told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from extend_source.tables.bookkeeping import RAW_PAYLOADS, SCHEMA_DRIFT
from extend_source.tables.contract import TableSchema
from extend_source.tables.credits import CREDIT_USAGE
from extend_source.tables.flattening import Tables
from extend_source.tables.objects import OBJECT_TYPES, Rows, rows_owned_by
from extend_source.tables.schemas import FILES, PROCESSOR_RUNS, RUN_CONFIGS
from extend_source.text.json_codec import decode_json, encode_json

ROW_COUNTS = "row_counts"
"""The column that holds them."""

Counts = dict[str, int]
"""Rows by the name of their table."""


OF_RUNS = tuple(rows for rows in rows_owned_by("processor_run") if rows.table is not RAW_PAYLOADS)
"""The rows of runs, but for the typed ones, which come with the processors, and payloads, which a rebuild leaves."""

OF_OTHERS: dict[str, tuple[Rows, ...]] = {
    name: tuple(rows for rows in rows_owned_by(name) if rows.table not in (RAW_PAYLOADS, CREDIT_USAGE))
    for name in OBJECT_TYPES
    if name not in ("processor_run", "file")
}
"""The rows of parse runs, workflow runs and so on, but for credits, which each run that used them tells again."""

OF_FILES, OF_CONFIGS = rows_owned_by("file"), rows_owned_by("config")
"""The rows of files, and of configs."""


def is_marker(schema: TableSchema, rows: pa.Table) -> Any:
    """Tell which rows only name their owner.

    Args:
        schema: the table.
        rows: its rows.

    Returns:
        A boolean Arrow array.
    """
    for column, value in schema.marker.items():
        return pc.fill_null(pc.equal(rows[column], value), False)
    return pa.array([False] * rows.num_rows, type=pa.bool_())


def count_rows(schema: TableSchema, rows: pa.Table) -> int:
    """Count the rows that are no markers.

    Args:
        schema: the table.
        rows: its rows.
    """
    return int(rows.num_rows - pc.sum(is_marker(schema, rows), min_count=0).as_py())


def counts_of(value: Any) -> Counts | None:
    """Read counts as a destination gives them.

    Args:
        value: JSON text, or what a destination has made of it.

    Returns:
        The counts; None where none were kept, as before version 0.2.
    """
    if isinstance(value, str):
        return _counts_in(value)
    return value if isinstance(value, dict) else None


@lru_cache(maxsize=4096)
def _counts_in(text: str) -> Counts | None:
    """Read counts; many objects have the same ones."""
    value = decode_json(text.encode())
    return value if isinstance(value, dict) else None


class RowCounts:
    """Counts the rows of one load.

    The rows of a run or config come all in one batch. Those of a file may come in several, and what a load does not
    bring of it stays as it is.
    """

    def __init__(self, selected: Collection[str], *, typed: bool) -> None:
        """Start a load.

        Args:
            selected: the names of the tables that will be loaded.
            typed: the typed tables will be loaded.
        """
        self._selected, self._typed = frozenset(selected), typed
        self._of_files: dict[str, Counts] = {}

    def fill(self, tables: Tables, drifted: Collection[str], files: Mapping[str, Counts]) -> None:
        """Write the counts of a batch into the rows of its runs, parse runs, files and configs.

        Args:
            tables: the batch.
            drifted: the runs of which ``schema_drift`` says something.
            files: the counts that the files of the batch have landed with.
        """
        runs = self._counted(tables, OF_RUNS)
        for name, schema in tables.typed.items() if self._typed else ():
            _add(runs, Rows(schema, "run_id"), tables[name])
        if SCHEMA_DRIFT.name in self._selected:
            for run_id in drifted:
                runs.setdefault(run_id, {})[SCHEMA_DRIFT.name] = 1
        for file_id, counts in self._counted(tables, OF_FILES).items():
            self._of_files.setdefault(file_id, {}).update(counts)
        of_files = {
            file_id: {**files.get(file_id, {}), **self._of_files.get(file_id, {})}
            for file_id in tables[FILES.name]["id"].to_pylist()
        }
        configs = self._counted(tables, OF_CONFIGS)
        others = ((OBJECT_TYPES[name].table, self._counted(tables, owned)) for name, owned in OF_OTHERS.items())
        for table, of_owners in ((PROCESSOR_RUNS, runs), (FILES, of_files), (RUN_CONFIGS, configs), *others):
            tables[table.name] = _with_counts(tables[table.name], table, of_owners)

    def _counted(self, tables: Tables, owned: Collection[Rows]) -> dict[str, Counts]:
        """Count the rows of some tables by their owners."""
        found: dict[str, Counts] = {}
        for one in owned:
            if one.table.name in self._selected:
                _add(found, one, tables[one.table.name])
        return found


def _add(found: dict[str, Counts], owned: Rows, rows: pa.Table) -> None:
    """Add the rows of one table; an owner that is only named has none."""
    if not rows.num_rows:
        return
    if owned.resource_type is not None:
        rows = rows.filter(pc.equal(rows["resource_type"], owned.resource_type))
    marked = is_marker(owned.table, rows)
    for owner in rows.filter(marked)[owned.column].to_pylist():
        found.setdefault(owner, {})[owned.table.name] = 0
    has_one_each = {owned.column, "resource_type"}.issuperset(owned.table.key)  # however many tell it
    for owner, count in _value_counts(rows.filter(pc.invert(marked))[owned.column]):
        found.setdefault(owner, {})[owned.table.name] = 1 if has_one_each else count


def _value_counts(column: Any) -> Iterator[tuple[str, int]]:
    counted = pc.value_counts(column)
    return zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)


def _with_counts(rows: pa.Table, table: TableSchema, counts: Mapping[str, Counts]) -> pa.Table:
    """Put the counts into rows; tables without any rows of an owner are left out."""
    if not rows.num_rows:
        return rows
    texts = [
        encode_json({name: count for name, count in counts.get(owner, {}).items() if count}, sort_keys=True)
        for owner in rows[table.key[0]].to_pylist()
    ]
    place = rows.schema.get_field_index(ROW_COUNTS)
    return rows.set_column(place, rows.schema.field(place), pa.array(texts, type=pa.string()))
