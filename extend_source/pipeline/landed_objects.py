"""What the destination holds of runs other than processor runs, and which of those it knows of it lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from extend_source.api import lists_of
from extend_source.config.settings import ExtendSettings, parse_start_date
from extend_source.pipeline.conditions import NO_ROW, Condition, equals, one_of
from extend_source.pipeline.landed import MAX_ATTEMPTS, MOVING_STATUSES, LandedData, in_scope, too_often
from extend_source.tables import FILLED_TABLES, selected_by
from extend_source.tables.bookkeeping import ERASURES, FETCH_ERRORS, TOMBSTONES
from extend_source.tables.credits import CREDIT_USAGE
from extend_source.tables.objects import LISTED_TYPES, OBJECT_TYPES, RUN_TYPES, tables_of

_MOVING = one_of("status", sorted(MOVING_STATUSES))
_ENDED = Condition(
    f"{{status}} NOT IN ({', '.join(['%s'] * len(MOVING_STATUSES))})", *sorted(MOVING_STATUSES), columns=["status"]
)


class LandedObject(NamedTuple):
    """What the destination knows of a run of another type; None also where its table has no such column."""

    tables: frozenset[str]
    status: str | None = None
    updated_at: datetime | None = None
    credits: Decimal | None = None
    fetched_at: datetime | None = None


def landed_objects(landed: LandedData, object_type: str, ids: Iterable[str]) -> dict[str, LandedObject]:
    """Look up objects that have landed with all their rows.

    Args:
        landed: what the destination holds.
        object_type: the type of runs, such as ``parse_run``.
        ids: the ids, any number.

    Returns:
        The objects by id.
    """
    table, filled = OBJECT_TYPES[object_type].table, FILLED_TABLES[object_type]
    names = [name for name in LandedObject._fields if name in table.column_names]
    incomplete = landed.incomplete(object_type)
    return {
        object_id: LandedObject(selected_by(tables, filled), **dict(zip(names, values, strict=True)))
        for object_id, tables, *values in landed.lookup(table, ("id", "loaded_tables", *names), ids, complete=True)
        if object_id not in incomplete
    }


def moving_objects(landed: LandedData, object_type: str, ids: Iterable[str]) -> set[str]:
    """Tell which of some objects had not ended when they were listed."""
    if object_type not in LISTED_TYPES:
        return set()
    rows = landed.lookup(LISTED_TYPES[object_type].table, ("id", "status"), ids)
    return {row[0] for row in rows if row[1] in MOVING_STATUSES}


def missing_objects(
    landed: LandedData, object_type: str, settings: ExtendSettings, tables: Collection[str], *, of_list: bool
) -> list[str]:
    """Name the objects that the destination knows of and does not hold as they are now.

    They were named by others, or listed, and not fetched then: the sync was cut off, or asked for less.

    Args:
        landed: what the destination holds.
        object_type: the type of runs, such as ``parse_run``.
        settings: the settings of the source.
        tables: the tables that they are loaded into.
        of_list: also those that only the list has shown.

    Returns:
        Their ids, each once. Those that are gone or erased, that failed too often, or that have not ended as the list
        says, are left out.
    """
    table, listed = OBJECT_TYPES[object_type].table, LISTED_TYPES.get(object_type)
    has_list = bool(lists_of(settings.api_version, object_type))
    with landed.connected():
        found: list[str] = []
        if has_list or listed is None:  # a version that has no list of what another lists names none either
            for owner, member in OBJECT_TYPES[object_type].named_by.items():
                found += _named(landed, object_type, owner, member, settings, tables)
        if OBJECT_TYPES[object_type].named_in_costs:
            found += _charged(landed, object_type, settings, tables)
        if has_list and listed is not None:
            found += _listed(landed, object_type, settings, tables) if of_list else ()
            if not is_fetched_once(object_type, settings):
                found += landed.overtaken(
                    table, listed.table, ("fetched_at", "listed_at"), ("status", "updated_at", "credits")
                )
        workspace = equals("workspace_id", settings.workspace_id)
        found += (row[0] for row in landed.rows(table, ("id",), _MOVING, workspace, complete=True))
        found += sorted(landed.incomplete(object_type))
        found += landed.failed_runs(settings.workspace_id, object_type)
        ids = list(dict.fromkeys(found))
        left_out = set(landed.tombstones(ids)) | moving_objects(landed, object_type, ids) | erased_runs(landed)
        left_out.update(each for each, error in landed.errors(ids).items() if error.attempts >= MAX_ATTEMPTS)
        return [object_id for object_id in ids if object_id not in left_out]


def unlisted_objects(
    landed: LandedData, object_type: str, settings: ExtendSettings, seen: Collection[str]
) -> list[str]:
    """Name the objects that have landed, or were listed before, and that a whole listing has not shown.

    Args:
        landed: what the destination holds.
        object_type: a key of `LISTED_TYPES`.
        settings: the settings of the source.
        seen: what it has shown.
    """
    conditions = [equals("workspace_id", settings.workspace_id)]
    if settings.start_date is not None:  # it is not read beyond that
        is_sortable = all(each.is_sortable for each in lists_of(settings.api_version, object_type))
        by = "updated_at" if is_sortable else "created_at"
        start = parse_start_date(settings.start_date)
        conditions.append(Condition(f"{{{by}}} >= %s", start, columns=[by]))
    of_workspaces = [table for table in tables_of(object_type) if "workspace_id" in table.column_names]
    with landed.connected():
        known = {row[0] for table in of_workspaces for row in landed.rows(table, ("id",), *conditions)}
        unseen = known.difference(seen) - erased_runs(landed) - landed.erased(object_type)
        return sorted(unseen.difference(landed.tombstones(unseen)))


def is_fetched_once(object_type: str, settings: ExtendSettings) -> bool:
    """Tell whether objects that have landed after their end are left alone: a GET may have Extend delete something."""
    return any(each.changes_what_it_reads for each in lists_of(settings.api_version, object_type))


def erased_runs(landed: LandedData) -> frozenset[str]:
    """The runs that were erased on request; which of several kinds of runs an id was of need not have been known."""
    return frozenset().union(*(landed.erased(object_type) for object_type in RUN_TYPES))


def _named(
    landed: LandedData, object_type: str, owner: str, member: str, settings: ExtendSettings, tables: Collection[str]
) -> Iterator[str]:
    """The objects that landed objects of another type name."""
    table = OBJECT_TYPES[owner].table
    column = next(each.name for each in table.columns if each.api == member)
    name = Condition(f"{{{column}}} IS NOT NULL", columns=[column])
    scope = in_scope(settings) if owner == "processor_run" else [equals("workspace_id", settings.workspace_id)]
    conditions = (name, *scope, *_not_held(landed, object_type, tables, column))
    for row in landed.rows(table, (column,), *conditions, distinct=True, complete=True):
        yield row[0]


def _charged(landed: LandedData, object_type: str, settings: ExtendSettings, tables: Collection[str]) -> list[str]:
    """The objects that the ledger has a line of; it does not say of which workspace they are."""
    conditions = (equals("resource_type", object_type), *_not_held(landed, object_type, tables, "resource_id"))
    found = [row[0] for row in landed.rows(CREDIT_USAGE, ("resource_id",), *conditions)]
    owners = (OBJECT_TYPES[name].table for name in RUN_TYPES) if found else ()
    known = {row[0] for table in owners for row in landed.rows(table, ("workspace_id",), distinct=True)}
    return found if known <= {settings.workspace_id} else []


def _listed(landed: LandedData, object_type: str, settings: ExtendSettings, tables: Collection[str]) -> Iterator[str]:
    conditions = [_ENDED, equals("workspace_id", settings.workspace_id), *_not_held(landed, object_type, tables, "id")]
    if settings.start_date is not None:
        start = parse_start_date(settings.start_date)
        conditions.append(Condition("({updated_at} IS NULL OR {updated_at} >= %s)", start, columns=["updated_at"]))
    for row in landed.rows(LISTED_TYPES[object_type].table, ("id",), *conditions):
        yield row[0]


def _not_held(landed: LandedData, object_type: str, tables: Collection[str], key: str) -> list[Condition]:
    """The conditions that an object has not landed in all of some tables, and may be had."""
    loaded = _loaded_into(landed, object_type, tables)
    return [
        landed.absent_from(OBJECT_TYPES[object_type].table, "id", loaded, key=key, complete=True),
        landed.absent_from(TOMBSTONES, "id", key=key),
        landed.absent_from(ERASURES, "id", key=key),
        landed.absent_from(FETCH_ERRORS, "id", too_often(), key=key),
    ]


def _loaded_into(landed: LandedData, object_type: str, tables: Collection[str]) -> Condition:
    """The objects that were loaded into all of some tables."""
    table, filled = OBJECT_TYPES[object_type].table, FILLED_TABLES[object_type]
    texts = [row[0] for row in landed.rows(table, ("loaded_tables",), distinct=True)]
    enough = [text for text in texts if selected_by(text, filled).issuperset(tables)]
    if len(enough) == len(texts):
        return Condition("1 = 1")
    named = [text for text in enough if text is not None]
    if None not in enough:
        return one_of("loaded_tables", named) if named else NO_ROW
    places = "".join(" OR {loaded_tables} = %s" for _ in named)
    return Condition(f"({{loaded_tables}} IS NULL{places})", *named, columns=["loaded_tables"])
