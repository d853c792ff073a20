"""Cleaning one object of the API: its unknown keys, and the columns that have rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from extend_source.config.privacy_rules import PrivacyAction
from extend_source.privacy.hiding import GONE, Hider
from extend_source.tables.contract import Column, TableSchema

ColumnActions: TypeAlias = "dict[str, dict[str, PrivacyAction]]"
"""The actions by table and column."""

_Known: TypeAlias = "dict[str, Any]"
"""The known keys: a column, a dictionary for a nested object, or None for what others clean."""


class ObjectCleaner:
    """Cleans the objects that one table is read from."""

    def __init__(
        self,
        table: TableSchema,
        actions: ColumnActions,
        hider: Hider,
        *,
        known_only: bool,
        handled: Iterable[str] | None = None,
    ) -> None:
        """Compile the cleaner.

        Args:
            table: the table.
            actions: the rules for columns.
            hider: applies them.
            known_only: empty what no column is read from: nobody knows what is in it.
            handled: keys that others clean; by default the table's.
        """
        of_table = actions.get(table.name, {})
        self._rules: list[tuple[list[str], PrivacyAction]] = [
            (column.api.split("."), of_table[column.name])
            for column in table.columns
            if column.api is not None and column.name in of_table
        ]
        self._open = _not_personal(table, of_table)
        self._hider = hider
        self._known = _known_keys(table, table.handled if handled is None else handled) if known_only else None

    def known(self, source: dict[str, Any]) -> dict[str, Any]:
        """Copy an object, with null for unknown keys and for values that do not fit their columns."""
        return dict(source) if self._known is None else _only_known(source, self._known)

    def ruled(self, source: dict[str, Any]) -> dict[str, Any]:
        """Copy an object with the rules for columns applied."""
        for path, action in self._rules:
            source = self._apply(source, path, action)
        for outer, members in self._open.items():
            if isinstance(source.get(outer), dict):
                known = {key: value for key, value in source[outer].items() if key in members}
                source = {**source, outer: known}
        return source

    def __call__(self, source: dict[str, Any]) -> dict[str, Any]:
        """Copy an object with both done."""
        return self.ruled(self.known(source))

    def all(self, sources: Any) -> Any:
        """Copy a list of objects with both done to each; what is none becomes null if unknown keys are emptied."""
        return clean_each(sources, self, known_only=self._known is not None)

    def _apply(self, source: dict[str, Any], path: Sequence[str], action: PrivacyAction) -> dict[str, Any]:
        key, *rest = path
        if key not in source:
            return source
        value = source[key]
        if rest:
            hidden = self._apply(value, rest, action) if isinstance(value, dict) else None
        else:
            hidden = self._hider.json(value, action)
        return {
            name: hidden if name == key else other
            for name, other in source.items()
            if name != key or hidden is not GONE
        }


def clean_each(items: Any, clean: Callable[[dict[str, Any]], dict[str, Any]], *, known_only: bool) -> Any:
    """Clean a list of objects.

    Args:
        items: the list.
        clean: cleans one of them.
        known_only: empty what is no list of objects: nobody knows what is in it.
    """
    if isinstance(items, list) and all(isinstance(item, dict) for item in items):
        return [clean(item) for item in items]
    return None if known_only else items


def replace_member(clean: dict[str, Any], key: str, content: Any) -> None:
    """Put what has been cleaned into the place of a member, if it is there."""
    if key in clean:
        clean[key] = content


def _not_personal(table: TableSchema, actions: Mapping[str, PrivacyAction]) -> dict[str, frozenset[str]]:
    """Say what may stay of the members that name a person: what is new in them may name that person as well.

    Returns:
        The keys that columns are read from, by the member; none for a member that a rule keeps whole.
    """
    members: dict[str, set[str]] = {}
    closed: set[str] = set()
    for column in table.columns:
        outer, _, key = (column.api or "").partition(".")
        if key and "." not in key:
            members.setdefault(outer, set()).add(key)
            if column.is_personal and column.name in actions:
                closed.add(outer)
    return {outer: frozenset(members[outer]) for outer in closed}


def _known_keys(table: TableSchema, handled: Iterable[str]) -> _Known:
    known: _Known = {}
    paths: list[tuple[str, Column | None]] = [(path, None) for path in handled]
    paths += [(column.api, column) for column in table.columns if column.api is not None]
    for path, column in paths:
        *outer, last = path.split(".")
        place = known
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = column
    return known


def _only_known(source: dict[str, Any], known: _Known) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for key, value in source.items():
        rule = known.get(key, _UNKNOWN)
        if isinstance(rule, dict):
            clean[key] = _only_known(value, rule) if isinstance(value, dict) else None
        elif rule is _UNKNOWN or (rule is not None and not _fits(rule, value)):
            clean[key] = None
        else:
            clean[key] = value
    return clean


def _fits(column: Column, value: Any) -> bool:
    if value is None:
        return True
    try:
        column.kind.convert(value)
    except (ValueError, TypeError):
        return False
    return True


def without_texts(geometry: Any) -> Any:
    """Copy the coordinates of a place on a page; a text among them is no coordinate."""
    if isinstance(geometry, dict):
        return {key: without_texts(value) for key, value in geometry.items() if key in _COORDINATES}
    if isinstance(geometry, list):
        return [without_texts(value) for value in geometry]
    return None if isinstance(geometry, str) else geometry


_COORDINATES = frozenset({"x", "y", "left", "top", "right", "bottom"})
_UNKNOWN: Any = object()
