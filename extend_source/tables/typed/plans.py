"""How the output of one config goes into typed tables: compiled once, followed for every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import BOOLEAN, INTEGER, TEXT, TIMESTAMP, Converter
from extend_source.tables.paths import ROOT, item, member
from extend_source.tables.reading import DriftLog
from extend_source.tables.typed.names import ITEM_COLUMNS, ROOT_COLUMNS, TypedName, TypedNames
from extend_source.tables.typed.shapes import (
    ADDITIONAL,
    ArrayShape,
    FieldAction,
    ObjectShape,
    ScalarShape,
    Shape,
    hidden_shape,
    output_shape,
)
from extend_source.tables.typed.strict_kinds import ANY, KINDS

_RUN_ID = Column("run_id", TEXT, "The run: processor_runs.id.", about="processor_run")

_ROOT = (
    _RUN_ID,
    Column("processor_version_id", TEXT, "The processor's version."),
    Column("status", TEXT, "The run's status: only PROCESSED runs have values."),
    Column("created_at", TIMESTAMP, "The run's creation, as listed."),
    Column("reviewed", BOOLEAN, "A person has reviewed it: the values are the reviewed ones."),
)
_ITEM = (
    _RUN_ID,
    Column("row_index", INTEGER, "Position in its array, from 0."),
    Column("row_path", TEXT, "The item's path, as in extraction_fields.path."),
    Column("parent_row_path", TEXT, "The path of the item around its array; NULL: the array is the run's own."),
)

_ADDITIONAL = ScalarShape(ANY, "Members that the schema allows without naming them")
_ADDITIONAL_NAME = "additional_properties"


def schema_of(table: TypedName, columns: list[TypedName]) -> TableSchema:
    """Describe a typed table as it is now.

    Args:
        table: its name.
        columns: its columns; they may become more.

    Returns:
        The schema: the rows of a run replace all that it had.
    """
    typed = tuple(
        Column(str(name.column_name), KINDS[name.data_type], f"{name.path}: {_sentence(name)}") for name in columns
    )
    if table.path == ROOT:
        return TableSchema(
            name=table.table_name,
            grain=f"run of the extraction processor {table.processor_id}",
            description="One typed column for each field of the processor's schema; see typed_columns.",
            key=("run_id",),
            columns=(*_ROOT, *typed),
        )
    return TableSchema(
        name=table.table_name,
        grain=f"item of {table.path} of the extraction processor {table.processor_id}",
        description="One typed column for each field of the item; see typed_columns.",
        key=("run_id", "row_path"),
        replaced_by="run_id",
        marker_on="row_path",
        columns=(*_ITEM, *typed),
    )


def _sentence(name: TypedName) -> str:
    """What a column's description says of it."""
    text = (name.description or "").strip() or name.data_type
    return text if text.endswith((".", "!", "?")) else f"{text}."


class RunRows:
    """The rows of one run, by table."""

    def __init__(self, run_id: str, drift: DriftLog) -> None:
        self.by_table: dict[str, list[list[Any]]] = {}
        self._run_id = run_id
        self._drift = drift

    def add_item(self, table: str, width: int, index: int, path: str, parent_path: str | None) -> list[Any]:
        """Begin the row of an array's item."""
        row = [self._run_id, index, path, parent_path, *([None] * width)]
        self.by_table.setdefault(table, []).append(row)
        return row

    def does_not_fit(self, table: str, path: str, value: Any) -> None:
        """Note a value that does not fit its declared type."""
        self._drift.unexpected_type(table, path, value)

    def undeclared(self, table: str, path: str, value: Any) -> None:
        """Note a value that the config does not declare."""
        self._drift.unknown_key(table, path, value)


class _Node(Protocol):
    def read(self, value: Any, row: list[Any], row_path: str | None, rows: RunRows) -> None:
        """Put a value, and what is in it, into the rows.

        Args:
            value: the value; None for null or absent.
            row: the row that it belongs to.
            row_path: the path of that row; None for the run's own.
            rows: the rows of the run.
        """


@dataclass(frozen=True)
class _Scalar:
    """A value with a column; -1 stands for one that the table had no room for."""

    table: str
    path: str
    place: int
    convert: Converter

    def read(self, value: Any, row: list[Any], row_path: str | None, rows: RunRows) -> None:
        if value is None or self.place < 0:
            return
        try:
            row[self.place] = self.convert(value)
        except (ValueError, TypeError):
            rows.does_not_fit(self.table, self.path, value)


@dataclass(frozen=True)
class _Object:
    """An object whose members belong to the same row; those that its schema does not name may go into one column."""

    table: str
    path: str
    members: dict[str, _Node]
    aliases: dict[str, str]
    bare: str | None
    additional: _Node | None

    def read(self, value: Any, row: list[Any], row_path: str | None, rows: RunRows) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            if self.bare is None or isinstance(value, (list, str, bool)):
                rows.does_not_fit(self.table, self.path, value)
            else:
                self.members[self.bare].read(value, row, row_path, rows)
            return
        additional: dict[str, Any] = {}
        for key, content in value.items():
            node = self.members.get(key)
            if node is None and key in self.aliases:
                node = self.members[self.aliases[key]]
            if node is not None:
                node.read(content, row, row_path, rows)
            elif self.additional is not None:
                additional[key] = content
            elif content is not None:
                rows.undeclared(self.table, member("" if self.path == ROOT else self.path, key), content)
        if additional and self.additional is not None:
            self.additional.read(additional, row, row_path, rows)


@dataclass(frozen=True)
class _Array:
    """An array whose items are rows of a table of their own."""

    table: str
    path: str
    width: int
    item: _Node
    keys: tuple[str, ...]

    def read(self, value: Any, row: list[Any], row_path: str | None, rows: RunRows) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            rows.does_not_fit(self.table, self.path, value)
            return
        path = row_path or ""
        for key in self.keys:
            path = member(path, key)
        for index, content in enumerate(value):
            item_path = item(path, index)
            self.item.read(content, rows.add_item(self.table, self.width, index, item_path, row_path), item_path, rows)


@dataclass(frozen=True)
class Plan:
    """How the output of the runs of one config becomes rows.

    Attributes:
        root: the processor's own table.
        width: how many columns of fields it has.
        names: all names that the config declares.
        is_legacy: outputs have results in place of values.
    """

    root: TypedName
    width: int
    names: tuple[TypedName, ...]
    is_legacy: bool
    _node: _Node

    def rows(self, run_id: str, own: tuple[Any, ...], output: Any, drift: DriftLog) -> dict[str, list[list[Any]]]:
        """Turn an output into rows.

        Args:
            run_id: the run.
            own: the values of the root table's own columns after the run's id.
            output: the API's output: ``{"value": ...}`` or, legacy, results by field.
            drift: where values that do not fit are noted.

        Returns:
            The rows by table; a row may be shorter than its table, which has got columns since.
        """
        rows = RunRows(run_id, drift)
        root = [run_id, *own, *([None] * self.width)]
        rows.by_table[self.root.table_name] = [root]
        self._node.read(_value_of(output, self.is_legacy), root, None, rows)
        return rows.by_table


def plan_of(
    config: dict[str, Any],
    processor_id: str,
    processor_name: str | None,
    names: TypedNames,
    hide: FieldAction | None = None,
) -> Plan | None:
    """Compile a config.

    Args:
        config: the API's config object.
        processor_id: the processor.
        processor_name: its name, for its table's name.
        names: the names in use; new ones are added.
        hide: says what privacy rules do to a field; None: nothing.

    Returns:
        The plan; None where the config declares no fields.
    """
    shape = output_shape(config)
    if shape is None:
        return None
    if hide is not None:
        shape = hidden_shape(shape, hide)
    compiler = _Compiler(processor_id, names)
    root = names.processor_table(processor_id, processor_name)
    node = compiler.node(shape, root, ROOT, ())
    compiler.used.append(root)
    width = len(names.columns_of(root.table_name))
    is_legacy = not isinstance(config.get("schema"), dict)
    return Plan(root, width, tuple(compiler.used), is_legacy, node)


class _Compiler:
    def __init__(self, processor_id: str, names: TypedNames) -> None:
        self._processor_id, self._names = processor_id, names
        self.used: list[TypedName] = []

    def node(self, shape: Shape, table: TypedName, path: str, keys: tuple[str, ...]) -> _Node:
        """Compile a shape.

        Args:
            shape: the shape.
            table: the table of the row that it belongs to.
            path: its path template.
            keys: the object keys from the row to it.
        """
        if isinstance(shape, ObjectShape):
            outer = "" if path == ROOT else path
            members = {
                key: self.node(inner, table, member(outer, key), (*keys, key)) for key, inner in shape.members.items()
            }
            additional = None
            if shape.is_open:
                additional = self.scalar(_ADDITIONAL, table, member(outer, ADDITIONAL), (*keys, _ADDITIONAL_NAME))
            return _Object(table.table_name, path, members, shape.aliases, shape.bare, additional)
        if isinstance(shape, ArrayShape):
            item_path = item(path, None)
            rows = self._names.array_table(self._processor_id, item_path, table.table_name, keys)
            node = self.node(shape.item, rows, item_path, ())
            self.used.append(rows)
            return _Array(rows.table_name, path, len(self._names.columns_of(rows.table_name)), node, keys)
        return self.scalar(shape, table, path, keys)

    def scalar(self, shape: ScalarShape, table: TypedName, path: str, keys: tuple[str, ...]) -> _Scalar:
        """Compile a value with a column; see `node`."""
        name = self._names.column(self._processor_id, path, shape.kind.name, table, keys, shape.description)
        self.used.append(name)
        own = len(ROOT_COLUMNS if table.path == ROOT else ITEM_COLUMNS)
        place = -1 if name.column_name is None else own + self._names.place_of(name)
        return _Scalar(table.table_name, path, place, shape.kind.convert)


def _value_of(output: Any, is_legacy: bool) -> Any:
    if not isinstance(output, dict):
        return output
    if not is_legacy:
        return output.get("value")
    return {key: result.get("value") if isinstance(result, dict) else result for key, result in output.items()}
