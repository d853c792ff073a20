"""Processors and their versions: what API 2026-02-09 calls extractors, classifiers and splitters."""

from __future__ import annotations

from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.configs import ConfigTables
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import BOOLEAN, TEXT, TIMESTAMP
from extend_source.tables.object_rows import AFTER, BEFORE, CREATED_BY, ObjectRows
from extend_source.tables.payloads import Origin
from extend_source.tables.reading import DriftLog

DRAFT = "draft"
"""The version that is being worked on (SDK 0.2.0, processor_version)."""

PROCESSORS = TableSchema(
    name="processors",
    grain="processor",
    description="Extractors, classifiers and splitters, by their present names.",
    key=("id",),
    object_name="processor",
    handled=frozenset({"versions", "draftVersion"}),
    columns=(
        Column("id", TEXT, "The processor's id.", api="id", about="processor"),
        *BEFORE,
        Column("type", TEXT, "EXTRACT, CLASSIFY or SPLITTER.", api="type"),
        Column("name", TEXT, "Its name now; runs keep the one they were made under.", api="name"),
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update.", api="updatedAt"),
        *AFTER,
    ),
)

PROCESSOR_VERSIONS = TableSchema(
    name="processor_versions",
    grain="version of a processor",
    description="Published versions, which stay as they are, and the draft; with their configs in run_configs.",
    key=("id",),
    object_name="processor_version",
    handled=frozenset({"config"}),
    columns=(
        Column("id", TEXT, "The version's id.", api="id", about="processor_version"),
        *BEFORE,
        Column("processor_id", TEXT, "The processor: processors.id.", api="processorId", about="processor"),
        Column("processor_name", TEXT, "Its name then (API 2025-04-21).", api="processorName"),
        Column("type", TEXT, "EXTRACT, CLASSIFY or SPLITTER.", api="processorType"),
        Column("version", TEXT, "Its number, such as 1.0, or draft.", api="version"),
        Column("is_draft", BOOLEAN, "It is being worked on, and may change."),
        Column("description", TEXT, "What its author says of it.", api="description"),
        Column("config_id", TEXT, "Its config: run_configs.config_id.", references="config"),
        *CREATED_BY,
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update (API 2025-04-21).", api="updatedAt"),
        *AFTER,
    ),
)


class ProcessorVersionTables:
    """Writes versions of processors."""

    def __init__(self, tables: TableSet, drift: DriftLog, configs: ConfigTables, *, keep_raw: bool) -> None:
        """Start a load; see `ObjectRows`."""
        self._configs = configs
        self._rows = ObjectRows("processor_version", PROCESSOR_VERSIONS, tables, drift, keep_raw=keep_raw)

    def add(self, version: dict[str, Any], origin: Origin) -> str:
        """Add a version.

        Args:
            version: the canonical ProcessorVersion object with an ``id`` (SDK 0.2.0, processor_version; SDK 1.20.0,
                extractor_version).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(version)
        config = version.get("config")
        if not isinstance(config, dict):
            self._rows.keep(extra, "config", config)
        config_id = self._configs.add(config) if isinstance(config, dict) else None
        is_draft = None if values["version"] is None else values["version"] == DRAFT
        return self._rows.write(version, origin, values, extra, config_id=config_id, is_draft=is_draft)
