"""What an earlier load landed and a payload does not carry: it stays."""

from __future__ import annotations

import pyarrow as pa

from extend_source.pipeline.landed import LandedData
from extend_source.tables.contract import TableSchema


def keep_known(table: pa.Table, schema: TableSchema, landed: LandedData) -> pa.Table:
    """Fill what a payload did not carry with what an earlier load landed: absent never erases known.

    Args:
        table: the rows about to be written.
        schema: their table; its `kept_columns` are the ones to fill.
        landed: what the destination holds.

    Returns:
        The table, with NULLs in those columns replaced where the destination has a value.
    """
    names = schema.kept_columns
    if not names or table.num_rows == 0:
        return table
    key = schema.key[0]
    columns = {name: table.column(name).to_pylist() for name in names}
    keys = table.column(key).to_pylist()
    lacking = [owner for index, owner in enumerate(keys) if any(columns[name][index] is None for name in names)]
    known = {row[0]: row[1:] for row in landed.lookup(schema, (key, *names), lacking)}
    if not known:
        return table
    kinds = {column.name: column.kind for column in schema.columns}
    for place, name in enumerate(names):
        filled = [
            value if value is not None or owner not in known else known[owner][place]
            for owner, value in zip(keys, columns[name], strict=True)
        ]
        array = pa.array(filled, type=kinds[name].arrow_type)
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), array)
    return table
