"""Rows that fit a page of PostgreSQL, which holds none of more than 8,160 bytes.

Long texts stand elsewhere, but each leaves up to 24 bytes in its row, so that a row of 1,000 fields need not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from extend_source.tables.contract import TableSchema

MAX_ROW_BYTES = 8000
"""A little less than what fits, as columns may stand in another order there."""

_MAX_SAFE_COLUMNS = 300
"""Most columns that fit whatever they hold."""

_MAX_BYTES_IN_ROW = 24
_FIXED = {"bigint": 8, "double": 8, "timestamp": 8, "date": 4, "bool": 1, "decimal": 26, "json": _MAX_BYTES_IN_ROW}


def cut_to_width(schema: TableSchema, rows: Sequence[list[Any]]) -> set[int]:
    """Set to NULL what of wide rows does not fit, last columns first.

    Args:
        schema: the schema of a typed table.
        rows: its rows, which are changed; they may be shorter than the schema.

    Returns:
        The places of the columns that have lost a value.
    """
    if len(schema.columns) < _MAX_SAFE_COLUMNS:
        return set()
    kinds = [column.kind.name for column in schema.columns]
    before = 24 + len(kinds) // 8 + 1 + _MAX_BYTES_IN_ROW  # the header, a bit for each column, and the load's id
    cut: set[int] = set()
    for row in rows:
        end = before
        for place, (value, kind) in enumerate(zip(row, kinds, strict=False)):
            if value is None:
                continue
            size = _FIXED.get(kind) or min(len(value.encode()) + 1, _MAX_BYTES_IN_ROW)
            start = -(-end // size) * size if size in (4, 8) else end
            if start + size > MAX_ROW_BYTES:
                row[place] = None
                cut.add(place)
            else:
                end = start + size
    return cut
