"""What the destination holds of parse runs, and which of those it knows of it lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from extend_source.api import lists_of
from extend_source.config.settings import ExtendSettings, parse_start_date
from extend_source.pipeline.conditions import NO_ROW, Condition, equals, one_of
from extend_source.pipeline.landed import MAX_ATTEMPTS, MOVING_STATUSES, LandedData, in_scope, too_often
from extend_source.tables import PARSED_TABLES, selected_by
from extend_source.tables.bookkeeping import ERASURES, FETCH_ERRORS, TOMBSTONES
from extend_source.tables.parse_runs import PARSE_RUN_SUMMARIES, PARSE_RUNS
from extend_source.tables.schemas import PROCESSOR_RUNS

_TYPE = "parse_run"
_MOVING = one_of("status", sorted(MOVING_STATUSES))
_ENDED = Condition(
    f"{{status}} NOT IN ({', '.join(['%s'] * len(MOVING_STATUSES))})", *sorted(MOVING_STATUSES), columns=["status"]
)


class LandedParseRun(NamedTuple):
    """What the destination knows of a parse run."""

    status: str | None
    updated_at: datetime | None
    credits: Decimal | None
    fetched_at: datetime | None
    tables: frozenset[str]


def landed_parse_runs(landed: LandedData, ids: Iterable[str]) -> dict[str, LandedParseRun]:
    """Look up parse runs that have landed with all their rows.

    Args:
        landed: what the destination holds.
        ids: the ids, any number.

    Returns:
        The parse runs by id.
    """
    columns = ("id", "status", "updated_at", "credits", "fetched_at", "loaded_tables")
    incomplete = landed.incomplete(_TYPE)
    rows = landed.lookup(PARSE_RUNS, columns, ids, complete=True)
    return {
        parse_run_id: LandedParseRun(status, updated_at, credits, fetched_at, selected_by(tables, PARSED_TABLES))
        for parse_run_id, status, updated_at, credits, fetched_at, tables in rows
        if parse_run_id not in incomplete
    }


def moving_parse_runs(landed: LandedData, ids: Iterable[str]) -> set[str]:
    """Tell which of some parse runs had not ended when they were listed."""
    return {row[0] for row in landed.lookup(PARSE_RUN_SUMMARIES, ("id", "status"), ids) if row[1] in MOVING_STATUSES}


def missing_parse_runs(
    landed: LandedData, settings: ExtendSettings, tables: Collection[str], *, of_list: bool
) -> list[str]:
    """Name the parse runs that the destination knows of and does not hold as they are now.

    They were named by a run, or listed, and not fetched then: the sync was cut off, or asked for less.

    Args:
        landed: what the destination holds.
        settings: the settings of the source.
        tables: the tables that parse runs are loaded into.
        of_list: also those that only the list has shown.

    Returns:
        Their ids, each once. Those that are gone or erased, that failed too often, or that have not ended as the list
        says, are left out.
    """
    with landed.connected():
        found: list[str] = []
        if lists_of(settings.api_version, _TYPE):  # where there is no list, runs name none either
            found += _named(landed, settings, tables)
            found += _listed(landed, settings, tables) if of_list else ()
            found += landed.overtaken(
                PARSE_RUNS, PARSE_RUN_SUMMARIES, ("fetched_at", "listed_at"), ("status", "updated_at", "credits")
            )
        workspace = equals("workspace_id", settings.workspace_id)
        found += (row[0] for row in landed.rows(PARSE_RUNS, ("id",), _MOVING, workspace, complete=True))
        found += sorted(landed.incomplete(_TYPE))
        found += landed.failed_runs(settings.workspace_id, _TYPE)
        ids = list(dict.fromkeys(found))
        left_out = set(landed.tombstones(ids)) | moving_parse_runs(landed, ids) | erased_parse_runs(landed)
        left_out.update(each for each, error in landed.errors(ids).items() if error.attempts >= MAX_ATTEMPTS)
        return [parse_run_id for parse_run_id in ids if parse_run_id not in left_out]


def unlisted_parse_runs(landed: LandedData, settings: ExtendSettings, seen: Collection[str]) -> list[str]:
    """Name the parse runs that have landed, or were listed before, and that a whole listing has not shown.

    Args:
        landed: what the destination holds.
        settings: the settings of the source.
        seen: what it has shown.
    """
    conditions = [equals("workspace_id", settings.workspace_id)]
    if settings.start_date is not None:
        start = parse_start_date(settings.start_date)
        # the list goes by creation, and is not read further back
        conditions.append(Condition("{created_at} >= %s", start, columns=["created_at"]))
    with landed.connected():
        known = {
            row[0] for table in (PARSE_RUNS, PARSE_RUN_SUMMARIES) for row in landed.rows(table, ("id",), *conditions)
        }
        unseen = known.difference(seen) - erased_parse_runs(landed)
        return sorted(unseen.difference(landed.tombstones(unseen)))


def erased_parse_runs(landed: LandedData) -> frozenset[str]:
    """The parse runs that were erased on request; which of two kinds of runs an id was of need not have been known."""
    return landed.erased(_TYPE) | landed.erased("processor_run")


def _named(landed: LandedData, settings: ExtendSettings, tables: Collection[str]) -> Iterator[str]:
    """The parse runs that runs name."""
    name = Condition("{parse_run_id} IS NOT NULL", columns=["parse_run_id"])
    conditions = (name, *in_scope(settings), *_not_held(landed, tables, "parse_run_id"))
    for row in landed.rows(PROCESSOR_RUNS, ("parse_run_id",), *conditions, distinct=True, complete=True):
        yield row[0]


def _listed(landed: LandedData, settings: ExtendSettings, tables: Collection[str]) -> Iterator[str]:
    conditions = [_ENDED, equals("workspace_id", settings.workspace_id), *_not_held(landed, tables, "id")]
    if settings.start_date is not None:
        start = parse_start_date(settings.start_date)
        conditions.append(Condition("({updated_at} IS NULL OR {updated_at} >= %s)", start, columns=["updated_at"]))
    for row in landed.rows(PARSE_RUN_SUMMARIES, ("id",), *conditions):
        yield row[0]


def _not_held(landed: LandedData, tables: Collection[str], key: str) -> list[Condition]:
    """The conditions that a parse run has not landed in all of some tables, and may be had."""
    return [
        landed.absent_from(PARSE_RUNS, "id", _loaded_into(landed, tables), key=key, complete=True),
        landed.absent_from(TOMBSTONES, "id", key=key),
        landed.absent_from(ERASURES, "id", key=key),
        landed.absent_from(FETCH_ERRORS, "id", too_often(), key=key),
    ]


def _loaded_into(landed: LandedData, tables: Collection[str]) -> Condition:
    """The parse runs that were loaded into all of some tables."""
    texts = [row[0] for row in landed.rows(PARSE_RUNS, ("loaded_tables",), distinct=True)]
    enough = [text for text in texts if selected_by(text, PARSED_TABLES).issuperset(tables)]
    if len(enough) == len(texts):
        return Condition("1 = 1")
    named = [text for text in enough if text is not None]
    if None not in enough:
        return one_of("loaded_tables", named) if named else NO_ROW
    places = "".join(" OR {loaded_tables} = %s" for _ in named)
    return Condition(f"({{loaded_tables}} IS NULL{places})", *named, columns=["loaded_tables"])
