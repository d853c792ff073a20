"""Which tables a load writes: all that need fetching, or a choice, and how a run's row remembers it."""

from __future__ import annotations

from collections.abc import Collection

from extend_source.tables.formers import FORMER_NAMES
from extend_source.tables.objects import TABLES

BOOKS = frozenset(name for name, table in TABLES.items() if table.is_book)
"""The tables filled from the listing and by the source itself."""

TYPED_TABLES = "typed_tables"
"""Stands for all typed tables: the name of the resource that yields them."""

FETCHED_TABLES: frozenset[str] = frozenset(TABLES) - BOOKS | {TYPED_TABLES}
"""The tables that need runs to be fetched."""

STANDARD_TABLES: frozenset[str] = FETCHED_TABLES - {table.name for table in TABLES.values() if table.opt_in}
"""Those of `FETCHED_TABLES` that every load writes unless told otherwise."""

_STANDARD = "standard"


def selection_text(tables: Collection[str]) -> str | None:
    """Write a choice of tables as text for `processor_runs.loaded_tables`.

    Args:
        tables: names of tables; those of the source's own books are left out.

    Returns:
        The names joined by commas, ``standard`` for `STANDARD_TABLES`, less those with a minus; None for just these.
    """
    chosen = FETCHED_TABLES.intersection(tables)
    if chosen == STANDARD_TABLES:
        return None
    missing = STANDARD_TABLES - chosen
    if len(missing) < len(STANDARD_TABLES) / 2:
        return ",".join([_STANDARD, *sorted(chosen - STANDARD_TABLES), *(f"-{name}" for name in sorted(missing))])
    return ",".join(sorted(chosen))


def selected_by(text: str | None) -> frozenset[str]:
    """Read what `selection_text` wrote."""
    if text is None:
        return STANDARD_TABLES
    names = frozenset(FORMER_NAMES.get(name, name) for name in text.split(","))
    if _STANDARD not in names:
        return names
    missing = {name[1:] for name in names if name.startswith("-")}
    added = {name for name in names if not name.startswith("-")} - {_STANDARD}
    return (STANDARD_TABLES - missing) | added
