"""A look at a destination in a few statements: is it as the last sync has left it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import dlt

from extend_source.config.settings import SECTION, ExtendSettings
from extend_source.pipeline.conditions import equals
from extend_source.pipeline.landed import LandedData, in_scope, to_try_again, unfinished
from extend_source.pipeline.reader import Chosen
from extend_source.pipeline.storage import has_all
from extend_source.tables.bookkeeping import ERASURES, FETCH_ERRORS, REPLACEMENTS, SYNC_LOG
from extend_source.tables.contract import TableSchema
from extend_source.tables.parse_runs import PARSE_RUNS
from extend_source.tables.schemas import PROCESSOR_RUNS

Row = tuple[TableSchema, Mapping[str, Any]]
"""A table, and the values of a row by column."""


def log_if_settled(
    pipeline: dlt.Pipeline, settings: ExtendSettings, last: str, erasures: int, load_id: str, rows: Iterable[Row]
) -> bool:
    """Write rows as a load of their own if a sync would find nothing to do in a destination, whatever the lists say.

    Args:
        pipeline: the pipeline.
        settings: the settings of the source.
        last: the last load of this pipeline, which a database that was set back does not have.
        erasures: how many rows ``erasures`` must have at least.
        load_id: the load to write.
        rows: its rows, made once they are needed; one for each table, or several in a row.

    Returns:
        Whether they were written. They never are where rows can be written by a load of dlt alone.
    """
    landed = LandedData(pipeline, SECTION)
    with pipeline.destination_client(SECTION) as client, landed.connected():
        if not landed.can_replace(SYNC_LOG) or not has_all(client):
            return False
        found = landed.count_each(_asked(landed, settings, last))
        if found.pop("logged", 0) != 1 or found.pop("erased", 0) < erasures or any(found.values()):
            return False
        for table, of_table in groupby(rows, key=itemgetter(0)):
            values = [[row.get(name) for name in table.column_names[:-1]] for _, row in of_table]
            landed.replace(table, [(*each, load_id) for each in values], drop=None)
        client.complete_load(load_id)
        return True


def _asked(landed: LandedData, settings: ExtendSettings, load_id: str) -> dict[str, Chosen]:
    moving = Chosen(PARSE_RUNS, [unfinished(), equals("workspace_id", settings.workspace_id)], True)
    return {
        "logged": Chosen(SYNC_LOG, [equals("load_id", load_id)], True),
        "erased": Chosen(ERASURES),
        "incomplete": Chosen(PROCESSOR_RUNS, in_scope(settings), False),
        "replaced": Chosen(REPLACEMENTS, (), False),
        "in_flight": Chosen(PROCESSOR_RUNS, [unfinished(), *in_scope(settings)], True),
        "failed": Chosen(FETCH_ERRORS, to_try_again(settings.workspace_id)),
        **({"parsing": moving} if landed.knows_table(PARSE_RUNS) else {}),
    }
