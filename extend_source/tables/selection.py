"""Which tables a load writes: all that need fetching, or a choice, and how a run's row remembers it."""

from __future__ import annotations

from collections.abc import Collection

from extend_source.tables.bookkeeping import (
    FETCH_ERRORS,
    PROCESSOR_RUN_SUMMARIES,
    PROCESSOR_RUN_TOMBSTONES,
    SCHEMA_DRIFT,
    SYNC_LOG,
)
from extend_source.tables.schemas import TABLES

BOOKS = frozenset(
    table.name for table in (PROCESSOR_RUN_SUMMARIES, PROCESSOR_RUN_TOMBSTONES, FETCH_ERRORS, SCHEMA_DRIFT, SYNC_LOG)
)
"""The tables filled from the listing and by the source itself."""

FETCHED_TABLES: frozenset[str] = frozenset(TABLES) - BOOKS
"""The tables that need runs to be fetched."""

STANDARD_TABLES: frozenset[str] = frozenset(name for name in FETCHED_TABLES if not TABLES[name].opt_in)
"""Those of `FETCHED_TABLES` that every load writes unless told otherwise."""

_STANDARD = "standard"


def selection_text(tables: Collection[str]) -> str | None:
    """Write a choice of tables as text for `processor_runs.loaded_tables`.

    Args:
        tables: names of tables; those of the source's own books are left out.

    Returns:
        The names joined by commas, ``standard`` for `STANDARD_TABLES`; None for just these.
    """
    chosen = FETCHED_TABLES.intersection(tables)
    if chosen == STANDARD_TABLES:
        return None
    names = sorted(chosen)
    if chosen > STANDARD_TABLES:
        names = [_STANDARD, *sorted(chosen - STANDARD_TABLES)]
    return ",".join(names)


def selected_by(text: str | None) -> frozenset[str]:
    """Read what `selection_text` wrote."""
    if text is None:
        return STANDARD_TABLES
    names = frozenset(text.split(","))
    return (names - {_STANDARD}) | STANDARD_TABLES if _STANDARD in names else names
