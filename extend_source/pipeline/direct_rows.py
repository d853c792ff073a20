"""Rows that are written at once, without a load of dlt."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from dlt.common.schema.typing import C_DLT_ID
from dlt.common.utils import uniq_id

from extend_source.pipeline.conditions import Condition, Sql, one_of
from extend_source.tables.contract import LOAD_ID, TableSchema

_ROWS_PER_INSERT = 200


def replace_rows(
    client: Sql, table: TableSchema, rows: Sequence[Sequence[Any]], *, drop: Condition | None, has_row_id: bool
) -> None:
    """Write rows to a table.

    New rows come before the ones that they replace go: not every destination has transactions.

    Args:
        client: dlt's client of the destination, connected.
        table: the table.
        rows: a value for each of its columns, the load id last.
        drop: which rows to delete, beside those of other loads with the same first column; None: none at all.
        has_row_id: the table has dlt's id of each row, as dlt can be told to give them.
    """
    names = [*table.column_names, *([C_DLT_ID] if has_row_id else [])]
    columns = ", ".join(map(client.escape_column_name, names))
    name = client.make_qualified_table_name(table.name)
    with nullcontext() if drop is None else client.begin_transaction():
        for start in range(0, len(rows), _ROWS_PER_INSERT):
            some = rows[start : start + _ROWS_PER_INSERT]
            places = ", ".join([f"({', '.join(['%s'] * len(names))})"] * len(some))
            values = [value for row in some for value in (*row, *(uniq_id() for _ in names[len(row) :]))]
            client.execute_sql(f"INSERT INTO {name} ({columns}) VALUES {places}", *values)
            if drop is None:
                continue
            same = one_of(table.column_names[0], [row[0] for row in some])
            of_others = f"{same.sql(client)} AND {client.escape_column_name(LOAD_ID)} <> %s"
            client.execute_sql(f"DELETE FROM {name} WHERE {of_others}", *same.values, some[0][-1])
        if drop is not None:
            client.execute_sql(f"DELETE FROM {name} WHERE {drop.sql(client)}", *drop.values)


def clear_column(client: Sql, table: TableSchema, column: str) -> None:
    """Set a column to NULL in all rows.

    Args:
        client: dlt's client of the destination, connected.
        table: the table.
        column: the column.
    """
    name = client.make_qualified_table_name(table.name)
    client.execute_sql(f"UPDATE {name} SET {client.escape_column_name(column)} = NULL")
