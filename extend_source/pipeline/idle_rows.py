"""Rows that would change nothing: a table for which a load has no others is left alone.

A marker row says that an owner was loaded, so that rows which it no longer has are removed. Most runs have no rows in
most tables. The counts that are kept with a run do not prove that: a load that was cut off, or one of some resources
only, writes rows without them. So the destination is asked, for all those tables in one query.

A config is named by its content: one that has landed with all its rows is the same for ever.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.reader import KEYS_PER_QUERY
from extend_source.tables import TABLES, Tables
from extend_source.tables.contract import TableSchema
from extend_source.tables.objects import Rows
from extend_source.tables.row_counts import OF_CONFIGS, ROW_COUNTS, counts_of, is_marker
from extend_source.tables.schemas import RUN_CONFIGS


def without_idle_markers(tables: Tables, landed: LandedData) -> Tables:
    """Leave out marker rows that would delete nothing, from tables that have no other rows.

    Args:
        tables: the last rows of a load.
        landed: what the destination holds.

    Returns:
        The tables. All rows stay where the destination cannot say what it holds, or keeps what is superseded; and in a
        load of many runs, which has rows for nearly all tables anyway.
    """
    schemas = {name: tables.typed.get(name) or TABLES[name] for name in tables}
    idle = [
        (Rows(schema, str(schema.replaced_by)), tables[name][schema.replaced_by].to_pylist())
        for name, schema in schemas.items()
        if _has_markers_only(schema, tables[name])
    ]
    if not idle or sum(len(owners) for _, owners in idle) > KEYS_PER_QUERY:
        return tables
    found = landed.owners_in(idle)
    if found is None:
        return tables
    for owned, owners in idle:
        has_rows = [owner in found[owned.table.name] for owner in owners]
        tables[owned.table.name] = tables[owned.table.name].filter(pa.array(has_rows))
    return tables


def without_landed_configs(tables: Tables, landed: LandedData) -> None:
    """Take the rows of configs that have landed out of a batch.

    Args:
        tables: the batch, its rows counted.
        landed: what the destination holds.
    """
    configs = tables[RUN_CONFIGS.name]
    if not configs.num_rows:
        return
    ids, counts = configs["config_id"].to_pylist(), map(counts_of, configs[ROW_COUNTS].to_pylist())
    columns = ("config_id", ROW_COUNTS)
    known = {row[0]: counts_of(row[1]) for row in landed.lookup(RUN_CONFIGS, columns, ids, complete=True)}
    same = pa.array([one for one, of_one in zip(ids, counts, strict=True) if known.get(one) == of_one], pa.string())
    for owned in (Rows(RUN_CONFIGS, "config_id"), *OF_CONFIGS):
        rows = tables[owned.table.name]
        tables[owned.table.name] = rows.filter(pc.invert(pc.is_in(rows[owned.column], same)))


def _has_markers_only(schema: TableSchema, rows: pa.Table) -> bool:
    return bool(schema.replaced_by and rows.num_rows and pc.all(is_marker(schema, rows)).as_py())
