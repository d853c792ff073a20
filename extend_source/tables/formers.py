"""Tables of earlier versions, and the ones that hold their rows today."""

from __future__ import annotations

from dataclasses import dataclass

from extend_source.tables.bookkeeping import RAW_PAYLOADS, TOMBSTONES
from extend_source.tables.contract import TableSchema


@dataclass(frozen=True)
class Former:
    """A table of an earlier version.

    Attributes:
        table: its schema then.
        now: the table that holds its rows today.
        resource_type: what all its rows were about, which they did not say.
    """

    table: TableSchema
    now: TableSchema
    resource_type: str


def _former(name: str, now: TableSchema, resource_type: str, columns: tuple[str, ...]) -> Former:
    kept = tuple(column for column in now.columns if column.name in columns)
    return Former(TableSchema(name, now.grain, now.description, ("id",), kept), now, resource_type)


FORMERS: tuple[Former, ...] = (
    _former("processor_run_tombstones", TOMBSTONES, "processor_run", ("id", "workspace_id", "detected_at", "reason")),
    _former(
        "raw_processor_runs",
        RAW_PAYLOADS,
        "processor_run",
        (
            *("id", "api_version", "workspace_id", "payload"),
            *("created_at", "updated_at", "fetched_at", "payload_sha256"),
        ),
    ),
    _former("raw_files", RAW_PAYLOADS, "file", ("id", "payload", "is_final", "fetched_at")),
)
"""The tables of 0.1.0 that are no more."""

FORMER_NAMES: dict[str, str] = {former.table.name: former.now.name for former in FORMERS}
"""Today's tables by the names of earlier ones."""
