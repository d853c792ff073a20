"""Reading one API object into the columns of its table, with nothing left over unseen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import Converter, to_credits
from extend_source.text.json_codec import json_type

Extra = dict[str, Any]

UNKNOWN_KEY = "unknown_key"
"""The reason of ``schema_drift`` rows of keys without a column."""


class DriftLog:
    """The unknown keys met so far, each once.

    Attributes:
        entries: (object, dotted path) -> (reason, JSON type, example run id).
        run_id: the run that is being read; None: it is none.
        run_ids: the runs with anything to note since they were asked for last.
    """

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], tuple[str, str, str | None]] = {}
        self.run_id: str | None = None
        self.run_ids: set[str] = set()

    def unknown_key(self, object_name: str, path: str, value: Any) -> None:
        """Note a key that no column and no table knows."""
        self._note((object_name, path), UNKNOWN_KEY, json_type(value))

    def unexpected_type(self, object_name: str, path: str, value: Any) -> None:
        """Note a known key whose value does not fit its column."""
        self._note((object_name, path), "unexpected_type", json_type(value))

    def no_column(self, table: str, path: str, data_type: str) -> None:
        """Note a field that a typed table has no room for."""
        self._note((table, path), "no_column", data_type)

    def _note(self, key: tuple[str, str], reason: str, kind: str) -> None:
        self.entries.setdefault(key, (reason, kind, self.run_id))
        if self.run_id is not None:
            self.run_ids.add(self.run_id)


class ObjectReader:
    """Reads API objects of one kind: known keys into values, everything else into ``extra``.

    A value that does not fit its column is NULL there and stays in ``extra`` under its own key, so that
    nothing the API sends is lost, whatever its type.
    """

    def __init__(
        self,
        columns: Iterable[Column],
        object_name: str,
        handled: Iterable[str] = (),
        prefix: str = "",
    ) -> None:
        """Compile the reader.

        Args:
            columns: the columns to read, each with an `api` path below `prefix`.
            object_name: what ``schema_drift`` calls the object.
            handled: dotted keys that the caller reads itself.
            prefix: the dotted path of a nested object, with its dot; empty at the top.
        """
        self.object_name = object_name
        self._prefix = prefix
        nested: dict[str, list[int]] = {}
        self._values: list[tuple[str, Converter, int]] = []
        columns = tuple(columns)
        for index, column in enumerate(columns):
            key, _, rest = (column.api or "")[len(prefix) :].partition(".")
            if rest:
                nested.setdefault(key, []).append(index)
            else:
                self._values.append((key, column.kind.convert, index))
        self._objects: list[tuple[str, ObjectReader, list[int]]] = []
        for key, indexes in nested.items():
            inner_handled = [name.partition(".")[2] for name in handled if name.startswith(key + ".")]
            inner = [columns[index] for index in indexes]
            reader = ObjectReader(inner, object_name, inner_handled, f"{prefix}{key}.")
            self._objects.append((key, reader, indexes))
        self._known = {name for name in handled if "." not in name}
        self._known.update(key for key, _, _ in self._values)
        self._known.update(nested)
        self.nothing: tuple[Any, ...] = (None,) * len(columns)

    @classmethod
    def of(cls, table: TableSchema, handled: Iterable[str] | None = None) -> ObjectReader:
        """Compile the reader of a table's own API columns.

        Args:
            table: the table.
            handled: keys that the caller reads itself; by default the table's.

        Returns:
            The reader.
        """
        return cls(table.api_columns, table.object_name, table.handled if handled is None else handled)

    def read(self, source: dict[str, Any], drift: DriftLog) -> tuple[list[Any], Extra | None]:
        """Read one object.

        Args:
            source: the API object.
            drift: where unknown keys are noted.

        Returns:
            The values in the order of the columns, and what no column holds (None: nothing).
        """
        values: list[Any] = list(self.nothing)
        extra: Extra | None = None
        get = source.get
        for key, convert, index in self._values:
            value = get(key)
            if value is not None:
                try:
                    values[index] = converted = convert(value)
                except (ValueError, TypeError):
                    drift.unexpected_type(self.object_name, self._prefix + key, value)
                    extra = {**(extra or {}), key: value}
                    continue
                if convert is to_credits and converted != value:
                    # noise beyond the sixth decimal: rounded in the column, exact in extra
                    extra = {**(extra or {}), key: value}
        for key, reader, indexes in self._objects:
            value = get(key)
            if value is None:
                continue
            left_over = reader._read_into(values, indexes, value, drift)
            if left_over is not None:
                extra = {**(extra or {}), key: left_over}
        if not source.keys() <= self._known:
            extra = extra or {}
            for key in source.keys() - self._known:
                extra[key] = source[key]
                drift.unknown_key(self.object_name, self._prefix + key, source[key])
        return values, extra

    def _read_into(self, values: list[Any], indexes: list[int], value: Any, drift: DriftLog) -> Any:
        """Read a nested object into some of the owner's values; return what no column holds."""
        if not isinstance(value, dict):
            drift.unexpected_type(self.object_name, self._prefix[:-1], value)
            return value
        inner, left_over = self.read(value, drift)
        for index, inner_value in zip(indexes, inner, strict=True):
            values[index] = inner_value
        return left_over
