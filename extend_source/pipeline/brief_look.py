"""A look at a destination in a few statements: is it as the last sync has left it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import dlt

from extend_source.config.settings import SECTION, ExtendSettings
from extend_source.pipeline.conditions import Condition, equals
from extend_source.pipeline.landed import LandedData, in_scope, to_try_again, unfinished
from extend_source.pipeline.selects import Chosen
from extend_source.pipeline.storage import has_all
from extend_source.tables.bookkeeping import ERASURES, FETCH_ERRORS, REPLACEMENTS, SYNC_LOG
from extend_source.tables.contract import TableSchema
from extend_source.tables.objects import LISTED_TYPES, OBJECT_TYPES, RUN_TYPES
from extend_source.tables.schemas import PROCESSOR_RUNS

Row = tuple[TableSchema, Mapping[str, Any]]
"""A table, and the values of a row by column."""


class Expected(NamedTuple):
    """What a destination must have.

    Attributes:
        load_id: the last load of this pipeline, which a database that was set back does not have.
        erasures: how many rows ``erasures`` has at least.
        landed: how many objects of each type there are at least.
        since: of runs, only those count that have changed since; None: all do.
    """

    load_id: str
    erasures: int
    landed: Mapping[str, int]
    since: datetime | None


def log_if_settled(
    pipeline: dlt.Pipeline, settings: ExtendSettings, expected: Expected, load_id: str, rows: Iterable[Row]
) -> bool:
    """Write rows as a load of their own if a sync would find nothing to do in a destination, whatever the lists say.

    Args:
        pipeline: the pipeline.
        settings: the settings of the source.
        expected: what the destination must have.
        load_id: the load to write.
        rows: its rows, made once they are needed; one for each table, or several in a row.

    Returns:
        Whether they were written. They never are where rows can be written by a load of dlt alone.
    """
    landed = LandedData(pipeline, SECTION)
    with pipeline.destination_client(SECTION) as client, landed.connected():
        if not landed.can_replace(SYNC_LOG) or not has_all(client):
            return False
        least = _least(settings, expected)
        found = landed.count_each({name: chosen for name, (chosen, _) in least.items()} | _none_of(landed, settings))
        lacks = any(found.pop(name, 0) < number for name, (_, number) in least.items())
        if lacks or any(found.values()):
            return False
        for table, of_table in groupby(rows, key=itemgetter(0)):
            values = [[row.get(name) for name in table.column_names[:-1]] for _, row in of_table]
            landed.replace(table, [(*each, load_id) for each in values], drop=None)
        client.complete_load(load_id)
        return True


def _least(settings: ExtendSettings, expected: Expected) -> dict[str, tuple[Chosen, int]]:
    """Say of which rows there must be how many at least."""
    recent = [] if expected.since is None else [Condition("{updated_at} >= %s", expected.since, columns=["updated_at"])]
    of_runs, of_workspace = [*in_scope(settings), *recent], [equals("workspace_id", settings.workspace_id)]
    found = {
        "logged": (Chosen(SYNC_LOG, [equals("load_id", expected.load_id)], True), 1),
        "erased": (Chosen(ERASURES), expected.erasures),
    }
    for name, number in expected.landed.items():
        conditions = of_runs if name == "processor_run" else of_workspace
        found[f"listed_{name}"] = Chosen(LISTED_TYPES[name].table, conditions, True), number
    if settings.details:
        found["landed"] = Chosen(PROCESSOR_RUNS, of_runs, True), expected.landed.get("processor_run", 0)
    return found


def _none_of(landed: LandedData, settings: ExtendSettings) -> dict[str, Chosen]:
    """Say of which rows there must be none."""
    of_workspace = equals("workspace_id", settings.workspace_id)
    others = (OBJECT_TYPES[name].table for name in RUN_TYPES if name != "processor_run")
    moving = {
        f"moving_{table.name}": Chosen(table, [unfinished(), of_workspace], True)
        for table in others
        if landed.knows_table(table)
    }
    return {
        "incomplete": Chosen(PROCESSOR_RUNS, in_scope(settings), False),
        "replaced": Chosen(REPLACEMENTS, (), False),
        "in_flight": Chosen(PROCESSOR_RUNS, [unfinished(), *in_scope(settings)], True),
        "failed": Chosen(FETCH_ERRORS, to_try_again(settings.workspace_id)),
        **moving,
    }
