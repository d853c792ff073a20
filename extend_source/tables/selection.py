"""Which tables a load writes: all that need fetching, or a choice, and how an object's row remembers it."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from extend_source.api import OF_ANY_GROUP
from extend_source.config.groups import GROUPS
from extend_source.tables.bookkeeping import RAW_PAYLOADS, WEBHOOK_EVENTS
from extend_source.tables.contract import TableSchema
from extend_source.tables.credits import CREDIT_USAGE
from extend_source.tables.formers import FORMER_NAMES
from extend_source.tables.history import HISTORY_TABLES
from extend_source.tables.objects import OBJECT_TYPES, TABLES, group_of, rows_owned_by
from extend_source.tables.parse_runs import PARSE_OUTPUT_TABLES, PARSE_RUN_SUMMARIES
from extend_source.tables.schemas import FILES, RUN_CONFIG_PAGE_RANGES, RUN_CONFIGS
from extend_source.tables.verify_runs import DETAIL_TABLES

BOOKS = frozenset(name for name, table in TABLES.items() if table.is_book)
"""The tables filled from the listing and by the source itself."""

TYPED_TABLES = "typed_tables"
"""Stands for all typed tables: the name of the resource that yields them."""

_OF_PARSE_RUNS = frozenset(table.name for table in PARSE_OUTPUT_TABLES["words"])


def _is_filled_by_runs(table: TableSchema) -> bool:
    is_of_others = table.owner is not None and table.owner.about in OF_ANY_GROUP
    return not (table.is_book or is_of_others) and group_of(table) in ("", "runs")


FETCHED_TABLES: frozenset[str] = frozenset(
    [*(name for name, table in TABLES.items() if _is_filled_by_runs(table)), TYPED_TABLES]
)
"""The tables that need runs to be fetched."""

PARSED_TABLES: frozenset[str] = _OF_PARSE_RUNS | {
    *(rows.table.name for rows in rows_owned_by("parse_run")),
    *(table.name for table in (FILES, RUN_CONFIGS, RUN_CONFIG_PAGE_RANGES)),
}
"""The tables that parse runs fill when they are fetched, some of them beside others."""


def _filled_by(name: str) -> frozenset[str]:
    """Name the tables that objects of a type fill, some of them beside others."""
    tables = [OBJECT_TYPES[name].table, *(rows.table for rows in rows_owned_by(name))]
    named = {column.about or column.references for table in tables for column in table.columns}
    tables += [table for kind, table in (("file", FILES), ("config", RUN_CONFIGS)) if kind in named]
    return frozenset(table.name for table in tables)


FILLED_TABLES: dict[str, frozenset[str]] = {
    **{name: _filled_by(name) for name in OBJECT_TYPES},
    "processor_run": FETCHED_TABLES,
    "parse_run": PARSED_TABLES,
}
"""The tables that objects fill when they are fetched, by their type."""

STANDARD_TABLES: frozenset[str] = frozenset(
    name for name in frozenset().union(*FILLED_TABLES.values()) if name not in TABLES or not TABLES[name].opt_in
)
"""Those of all that every load writes unless told otherwise."""

LISTING_TABLES: tuple[TableSchema, ...] = tuple(
    table for table in TABLES.values() if table is CREDIT_USAGE or (table.is_book and not table.opt_in)
)
"""The tables that are filled where lists alone are read."""

_EXCLUSIVE: dict[str, tuple[str, ...]] = {
    name: tuple(table.name for table in TABLES.values() if table.owner is not None and table.owner.about == name)
    for name in OBJECT_TYPES
}
"""The tables that objects of one type alone fill, by that type."""

_STANDARD = "standard"


def wanted_tables(
    *,
    keep_raw: bool,
    parse_output: str,
    verify_details: bool = False,
    groups: Collection[str] = tuple(GROUPS),
    history: bool = False,
    webhook_events: bool = False,
) -> list[TableSchema]:
    """Name the tables that settings ask for.

    Args:
        keep_raw: payloads are kept.
        parse_output: a key of `PARSE_OUTPUT_TABLES`.
        verify_details: verify runs are fetched.
        groups: the groups of the setting `objects`.
        history: what runs were before is kept.
        webhook_events: there are events of webhooks to note.

    Returns:
        The tables, in the order of `TABLES`.
    """
    wanted = {RAW_PAYLOADS.name: keep_raw, WEBHOOK_EVENTS.name: webhook_events}
    wanted |= dict.fromkeys((table.name for table in HISTORY_TABLES), history)
    wanted |= dict.fromkeys((table.name for table in DETAIL_TABLES), verify_details)
    wanted |= dict.fromkeys(_OF_PARSE_RUNS, False) | {table.name: True for table in PARSE_OUTPUT_TABLES[parse_output]}
    return [table for table in TABLES.values() if group_of(table) in ("", *groups) and wanted.get(table.name, True)]


def tables_to_fetch(tables: Collection[str], *, details: bool) -> frozenset[str]:
    """Name the tables that runs are fetched for.

    Args:
        tables: names of the tables to load.
        details: runs are fetched at all.

    Returns:
        Their names; none: listing is enough.
    """
    return FETCHED_TABLES.intersection(tables) if details and lists_runs(tables) else frozenset()


def group_of_name(name: str) -> str:
    """Say which group of the setting `objects` a resource belongs to; empty: it comes with any."""
    return "runs" if name == TYPED_TABLES else group_of(TABLES[name])


def lists_runs(tables: Collection[str]) -> bool:
    """Tell whether some tables need the lists of runs to be read: where other objects alone are loaded, they do not."""
    groups = {group_of(TABLES[name]) for name in tables if name in TABLES}
    if "parsing" in groups and PARSE_RUN_SUMMARIES.name not in tables:
        groups.remove("parsing")  # without their list, parse runs are found by the runs that name them
    return TYPED_TABLES in tables or "runs" in groups or not groups - {""}


def fetches(object_type: str, tables: Collection[str]) -> bool:
    """Tell whether some tables need the objects of a type to be fetched."""
    return any(not TABLES[name].is_book and name in tables for name in _EXCLUSIVE[object_type])


def selection_text(tables: Collection[str], filled: frozenset[str] = FETCHED_TABLES) -> str | None:
    """Write a choice of tables as text for `processor_runs.loaded_tables`.

    Args:
        tables: names of tables; those that the object does not fill are left out.
        filled: the tables that objects of the type fill: `FETCHED_TABLES` or `PARSED_TABLES`.

    Returns:
        The names joined by commas, ``standard`` for `STANDARD_TABLES`, less those with a minus; None for just these.
    """
    chosen, standard = filled.intersection(tables), filled & STANDARD_TABLES
    if chosen == standard:
        return None
    missing = standard - chosen
    if len(missing) < len(standard) / 2:
        return ",".join([_STANDARD, *sorted(chosen - standard), *(f"-{name}" for name in sorted(missing))])
    return ",".join(sorted(chosen))


@lru_cache(maxsize=256)
def selected_by(text: str | None, filled: frozenset[str] = FETCHED_TABLES) -> frozenset[str]:
    """Read what `selection_text` wrote."""
    standard = filled & STANDARD_TABLES
    if text is None:
        return standard
    names = frozenset(FORMER_NAMES.get(name, name) for name in text.split(","))
    if _STANDARD not in names:
        return names
    missing = {name[1:] for name in names if name.startswith("-")}
    added = {name for name in names if not name.startswith("-")} - {_STANDARD}
    return (standard - missing) | added
