"""Filling typed tables, run by run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from extend_source.tables.arrays import array_of
from extend_source.tables.building import TableBuilder
from extend_source.tables.contract import TableSchema
from extend_source.tables.reading import DriftLog
from extend_source.tables.typed.names import ROOT_COLUMNS, TABLE, TypedName, TypedNames
from extend_source.tables.typed.plans import Plan, plan_of, schema_of
from extend_source.tables.typed.shapes import FieldAction
from extend_source.tables.typed.widths import cut_to_width

_CREATED_AT = ROOT_COLUMNS.index("created_at")


class _Undated(NamedTuple):
    """What waits for the creation of a run: its row, and the names that it declares."""

    row: list[Any]
    names: tuple[TypedName, ...]
    processor_name: str | None
    version_id: str | None


@dataclass
class _Sightings:
    """When the runs of one config and version were created, that say so: the first and the last of them."""

    names: tuple[TypedName, ...]
    first: datetime
    last: datetime


class TypedTables:
    """The typed tables of one load, on their way to Arrow."""

    def __init__(self, names: TypedNames, drift: DriftLog, hide: FieldAction | None = None) -> None:
        """Start a load.

        Args:
            names: the names in use; new ones are added.
            drift: where values that do not fit are noted.
            hide: says what privacy rules do to a field; None: nothing.
        """
        self._names, self._drift, self._hide = names, drift, hide
        self._plans: dict[tuple[str, str], Plan | None] = {}
        self._rows: dict[str, list[list[Any]]] = {}
        self._touched: dict[str, TypedName] = {}
        self._changed: dict[tuple[str, str, str], TypedName] = {}
        self._undated: dict[str, _Undated] = {}
        self._sightings: dict[tuple[str, str, str | None, str | None], _Sightings] = {}

    @property
    def undated_runs(self) -> list[str]:
        """The runs added since the last `take` whose creation is unknown."""
        return list(self._undated)

    def add(self, run: dict[str, Any], config_id: str | None, created_at: datetime | None) -> None:
        """Add an extraction run, wholly or not at all; any other run is passed over.

        Args:
            run: the API's ProcessorRun object.
            config_id: the id of its config.
            created_at: when it was created; None: that is unknown, and `take` may be told.
        """
        processor_id, config = run.get("processorId"), run.get("config")
        if config_id is None or not isinstance(config, dict) or not isinstance(processor_id, str):
            return
        processor_name = _text(run.get("processorName"))
        key = (processor_id, config_id)
        if key not in self._plans:
            self._plans[key] = self._plan(config, processor_id, processor_name)
        plan = self._plans[key]
        if plan is None:
            return
        version_id, reviewed = _text(run.get("processorVersionId")), run.get("reviewed")
        own = (version_id, _text(run.get("status")), created_at, reviewed if isinstance(reviewed, bool) else None)
        rows = plan.rows(run["id"], own, run.get("output"), self._drift)
        if created_at is None:
            row = rows[plan.root.table_name][0]
            self._undated[run["id"]] = _Undated(row, plan.names, processor_name, version_id)
        else:
            of_version = (*key, processor_name, version_id)
            seen = self._sightings.get(of_version)
            if seen is None:
                self._sightings[of_version] = _Sightings(plan.names, created_at, created_at)
            elif created_at < seen.first:
                seen.first = created_at
            elif created_at > seen.last:
                seen.last = created_at
        for table in self._names.tables_of(processor_id):
            self._touched[table.table_name] = table
            if table.path != plan.root.path:
                self._rows.setdefault(table.table_name, []).append([run["id"], None, "", None])  # a marker
        for table_name, of_run in rows.items():
            self._rows.setdefault(table_name, []).extend(of_run)

    def _note(
        self, names: Iterable[TypedName], processor_name: str | None, version_id: str | None, at: datetime | None
    ) -> None:
        for name in names:
            if name.seen(processor_name, version_id, at):
                self._changed[name.key] = name

    def _plan(self, config: dict[str, Any], processor_id: str, processor_name: str | None) -> Plan | None:
        plan = plan_of(config, processor_id, processor_name, self._names, self._hide)
        for name in plan.names if plan is not None else ():
            if name.column_name is None and name.data_type != TABLE:
                self._drift.no_column(name.table_name, name.path, name.data_type)
        return plan

    def take(
        self, load_id: str | None, now: datetime, map_rows: TableBuilder, created: Mapping[str, datetime | None]
    ) -> dict[str, tuple[TableSchema, pa.Table]]:
        """Return what was added since the last call, and start again.

        Args:
            load_id: the id of the load, for ``_dlt_load_id``.
            now: the time, UTC.
            map_rows: where rows of ``typed_columns`` go.
            created: when the undated runs were created, as far as that is known from elsewhere.

        Returns:
            Every table of the processors seen, by name.
        """
        for (_, _, processor_name, version_id), seen in self._sightings.items():
            self._note(seen.names, processor_name, version_id, seen.first)
            self._note(seen.names, processor_name, version_id, seen.last)
        self._sightings = {}
        for run_id, (row, names, processor_name, version_id) in self._undated.items():
            row[_CREATED_AT] = created.get(run_id)
            self._note(names, processor_name, version_id, row[_CREATED_AT])
        self._undated = {}
        for name in self._changed.values():
            map_rows.add(**asdict(name), recorded_at=now)
        self._changed = {}
        tables = {}
        for table_name, table in self._touched.items():
            columns = self._names.columns_of(table_name)
            schema, rows = schema_of(table, columns), self._rows.pop(table_name, [])
            if self._names.fits_pages:
                own = len(schema.columns) - len(columns)
                for place in cut_to_width(schema, rows):
                    self._drift.no_column(table_name, columns[place - own].path, columns[place - own].data_type)
            tables[table_name] = (schema, _arrow(schema, rows, load_id))
        self._touched = {}
        return tables


def _arrow(schema: TableSchema, rows: list[list[Any]], load_id: str | None) -> pa.Table:
    arrow = schema.arrow_schema
    width = len(arrow) - 1
    padded = [row if len(row) == width else [*row, *([None] * (width - len(row)))] for row in rows]
    columns = list(zip(*padded, strict=True)) if padded else [()] * width
    arrays = [array_of(values, column.kind) for values, column in zip(columns, schema.columns, strict=True)]
    arrays.append(pa.array([load_id] * len(rows), type=pa.string()))
    return pa.Table.from_arrays(arrays, schema=arrow)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
