"""The rows of objects that were erased on request: deleted from every table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import dlt

from extend_source.config.settings import SECTION
from extend_source.pipeline.conditions import Sql, equals, one_of
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.reader import KEYS_PER_QUERY
from extend_source.tables.bookkeeping import ERASURES
from extend_source.tables.evaluation import EVALUATION_SET_ITEM_FILES
from extend_source.tables.objects import LISTED_TYPES, TABLE_OF, Rows, rows_about

_FOUND_BY = frozenset(table.name for table in TABLE_OF.values()) | {each.table.name for each in LISTED_TYPES.values()}
"""The tables by whose rows others are found: these rows go last."""


def delete_rows_of(pipeline: dlt.Pipeline, landed: LandedData, ids: Mapping[str, Sequence[str]]) -> Counter[str]:
    """Delete all rows of objects, but for the notes that they were erased.

    Args:
        pipeline: the pipeline, locked.
        landed: what the destination holds.
        ids: the objects, by type.

    Returns:
        How many rows there were, by table.
    """
    rows = Counter[str]()
    made = made_tables(pipeline)
    with pipeline.sql_client(SECTION) as client:
        for found, owners in _rows_of(landed, ids):
            if found.table.name in made:
                rows[found.table.name] += _delete(client, found, owners)
    return rows


def made_tables(pipeline: dlt.Pipeline) -> set[str]:
    """Name the tables of ours that dlt has made."""
    return {name for name in pipeline.schemas[SECTION].tables if not name.startswith("_dlt")}


def _rows_of(landed: LandedData, ids: Mapping[str, Sequence[str]]) -> Iterator[tuple[Rows, Sequence[str]]]:
    """Name all rows to delete, and whose they are, those that others are found by last."""
    for table in landed.typed_tables():
        yield Rows(table, "run_id"), ids.get("processor_run", ())
    yield Rows(EVALUATION_SET_ITEM_FILES, "file_id"), ids.get("file", ())  # which need have no row in files
    places = [(rows, of_kind) for kind, of_kind in ids.items() for rows in rows_about(kind)]
    for rows, of_kind in sorted(places, key=lambda place: place[0].table.name in _FOUND_BY):
        if rows.table is not ERASURES:
            yield rows, of_kind


def _delete(client: Sql, rows: Rows, ids: Sequence[str]) -> int:
    """Delete rows; return how many there were."""
    table = client.make_qualified_table_name(rows.table.name)
    of_kind = [] if rows.resource_type is None else [equals("resource_type", rows.resource_type)]
    deleted = 0
    for start in range(0, len(ids), KEYS_PER_QUERY):
        conditions = [one_of(rows.column, ids[start : start + KEYS_PER_QUERY]), *of_kind]
        where = " AND ".join(condition.sql(client) for condition in conditions)
        values = [value for condition in conditions for value in condition.values]
        counted = client.execute_sql(f"SELECT count(*) FROM {table} WHERE {where}", *values)
        count = int(counted[0][0]) if counted else 0
        if count:
            client.execute_sql(f"DELETE FROM {table} WHERE {where}", *values)
        deleted += count
    return deleted
