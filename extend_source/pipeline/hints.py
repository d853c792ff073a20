"""dlt's hints for a table, derived from its schema."""

from __future__ import annotations

import logging
import warnings
from typing import Any, Literal

from dlt.common.schema.typing import TTableReference, TTableSchemaColumns
from dlt.extract import DltResource
from dlt.extract.hints import make_hints

from extend_source.pipeline.indexes import indexed_columns
from extend_source.pipeline.postgres import KEEPS_EMPTY_TEXTS
from extend_source.pipeline.write_mode import WriteMode, real_rows
from extend_source.tables import TableSchema
from extend_source.tables.objects import TABLE_OF
from extend_source.text.wording import printable

_BIGQUERY_CLUSTER = "x-bigquery-cluster-columns"
"""The table hint that dlt's `bigquery_adapter` sets; BigQuery is told of the columns with the table."""

_LAYOUT: dict[str | None, tuple[Literal["cluster", "sort"], ...]] = {
    "snowflake": ("cluster",),
    "databricks": ("cluster",),  # liquid clustering
    "redshift": ("cluster", "sort"),  # DISTKEY and SORTKEY
}
"""dlt's hints of the column with the owner of rows, by the layout."""


def apply_hints(resource: DltResource, table: TableSchema, write_mode: WriteMode) -> DltResource:
    """Tell dlt how to write a table.

    Rows merge by delete-insert. Where a run (file) owns its rows, a load deletes the rows of every owner it names and
    inserts the new ones; the marker rows that name owners without any rows never reach the table. Where a destination
    cannot delete, all rows are appended, markers included.

    Args:
        resource: the resource that yields the table.
        table: its schema.
        write_mode: how the destination takes rows.

    Returns:
        The resource.
    """
    return resource.apply_hints(**hints_of(table, write_mode))


def variant_hints(table: TableSchema, write_mode: WriteMode) -> Any:
    """Return the same hints for one of several tables that a resource yields."""
    return make_hints(**hints_of(table, write_mode))


def hints_of(table: TableSchema, write_mode: WriteMode) -> dict[str, Any]:
    """Return the hints as arguments of `apply_hints` and `make_hints` of dlt."""
    disposition: Any = "append"
    if write_mode.replacement == "delete-insert":
        disposition = {"disposition": "merge", "strategy": "delete-insert"}
        if (is_real := real_rows(table)) is not None:
            owner = table.replaced_by
            disposition["destination_scope"] = f"{owner} IN (SELECT {owner} FROM {{staging_table}})"
            disposition["source_filter"] = is_real
    return {
        "table_name": table.name,
        # with a scope dlt uses the key only to drop rows that a repeated load job staged twice
        "primary_key": list(table.key),
        "write_disposition": disposition,
        "table_format": write_mode.table_format,
        "columns": _columns(table, write_mode),
        "references": _references(table) if write_mode.references else None,
        "additional_table_hints": {
            "description": f"One row per {table.grain}. {table.description}",
            KEEPS_EMPTY_TEXTS: True,
            **({_BIGQUERY_CLUSTER: [indexed_columns(table)[0]]} if write_mode.layout == "bigquery" else {}),
        },
    }


def _references(table: TableSchema) -> list[TTableReference]:
    """Which columns name rows of other tables; dlt draws them, and joins by them."""
    named = {column.name: TABLE_OF.get(column.about or column.references or "") for column in table.columns}
    return [
        {"columns": [column], "referenced_table": other.name, "referenced_columns": [other.key[0]]}
        for column, other in named.items()
        if other is not None and other.name != table.name
    ]


def _columns(table: TableSchema, write_mode: WriteMode) -> TTableSchemaColumns:
    columns: TTableSchemaColumns = {}
    for column in table.columns:
        columns[column.name] = {"name": column.name, "description": column.description}
        if column.kind.name == "json":
            columns[column.name]["data_type"] = write_mode.json_type
        if column.name == indexed_columns(table)[0]:
            for hint in _LAYOUT.get(write_mode.layout, ()):
                columns[column.name][hint] = True
        if write_mode.replacement == "delete-insert" and column.name == table.latest_by:
            columns[column.name]["dedup_sort"] = "desc"
    return columns


class _LogFilter(logging.Filter):
    """Drops one warning of dlt, and takes from all what a terminal would obey: names of third parties are in them.

    JSON travels as text in Arrow, and a hint makes it JSON in the destination. dlt warns of that difference once for
    each batch of each table, although it is what the hint is for.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to keep a record."""
        text = record.getMessage()
        record.msg, record.args = "\n".join(map(printable, text.split("\n"))), ()
        return "when merging arrow schema with dlt schema" not in text


def silence_expected_warnings() -> None:
    """Keep out of the log what is expected: dlt's warnings about JSON columns, and SQLAlchemy's about dlt's SQL."""
    warnings.filterwarnings("ignore", message="implicitly coercing SELECT object", module=r"dlt\.destinations")
    dlt_logger = logging.getLogger("dlt")
    if not any(isinstance(known, _LogFilter) for known in dlt_logger.filters):
        dlt_logger.addFilter(_LogFilter())
