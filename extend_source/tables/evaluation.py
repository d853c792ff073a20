"""Evaluation sets and their items: files, and what people say that these hold."""

from __future__ import annotations

from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.files import FileTables
from extend_source.tables.kinds import DOCUMENT_JSON, TEXT, TIMESTAMP
from extend_source.tables.object_rows import AFTER, BEFORE, CREATED_BY, POSITION, ObjectRows
from extend_source.tables.payloads import Origin
from extend_source.tables.reading import DriftLog
from extend_source.tables.seen_files import SeenFiles

EVALUATION_SETS = TableSchema(
    name="evaluation_sets",
    grain="evaluation set",
    description="Files with what they are known to hold, by which a processor is measured.",
    key=("id",),
    object_name="evaluation_set",
    columns=(
        Column("id", TEXT, "The evaluation set's id.", api="id", about="evaluation_set"),
        *BEFORE,
        Column("name", TEXT, "Its name.", api="name"),
        Column("description", TEXT, "What its author says of it.", api="description"),
        Column("processor_id", TEXT, "The processor: processors.id.", api="processorId", references="processor"),
        Column("processor_name", TEXT, "Its name, as sent with the set (API 2026-02-09).", api="processorName"),
        Column("processor_type", TEXT, "EXTRACT, CLASSIFY or SPLITTER (API 2026-02-09).", api="processorType"),
        *CREATED_BY,
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update.", api="updatedAt"),
        *AFTER,
    ),
)

EVALUATION_SET_ITEMS = TableSchema(
    name="evaluation_set_items",
    grain="item of an evaluation set",
    description="What a file, or several together, are expected to be read as. Items have no times.",
    key=("id",),
    object_name="evaluation_set_item",
    handled=frozenset({"files"}),
    columns=(
        Column("id", TEXT, "The item's id.", api="id", about="evaluation_set_item"),
        *BEFORE,
        Column(
            "evaluation_set_id", TEXT, "The set: evaluation_sets.id.", api="evaluationSetId", about="evaluation_set"
        ),
        Column(
            "expected_output",
            DOCUMENT_JSON,
            "What a person says that the document holds: value, id and type of its class, or splits.",
            api="expectedOutput",
        ),
        *CREATED_BY,
        *AFTER,
    ),
)

EVALUATION_SET_ITEM_FILES = TableSchema(
    name="evaluation_set_item_files",
    grain="file of an item",
    description="The files of an item. API 2025-04-21 says their ids alone: files has those that runs have brought.",
    key=("evaluation_set_item_id", "position"),
    replaced_by="evaluation_set_item_id",
    columns=(
        Column("evaluation_set_item_id", TEXT, "The item: evaluation_set_items.id.", about="evaluation_set_item"),
        POSITION,
        Column("file_id", TEXT, "The file: files.id.", references="file"),
    ),
)


class EvaluationSetItemTables:
    """Writes items of evaluation sets."""

    def __init__(self, tables: TableSet, drift: DriftLog, files: FileTables | SeenFiles, *, keep_raw: bool) -> None:
        """Start a load.

        Args:
            tables: where the rows go.
            drift: where unknown keys are noted.
            files: where their files go.
            keep_raw: also keep the payloads themselves.
        """
        self._tables, self._drift, self._files = tables, drift, files
        self._rows = ObjectRows(
            "evaluation_set_item",
            EVALUATION_SET_ITEMS,
            tables,
            drift,
            children=(EVALUATION_SET_ITEM_FILES,),
            keep_raw=keep_raw,
        )

    def add(self, item: dict[str, Any], origin: Origin) -> str:
        """Add an item.

        Args:
            item: the canonical EvaluationSetItem object with an ``id`` (SDK 0.2.0 and 1.20.0, evaluation_set_item).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(item)
        for position, file in enumerate(self._rows.objects(item, "files", extra)):
            # an id alone would empty what a run has said of the file
            is_named_only = file.keys() == {"id"} and isinstance(file["id"], str)
            file_id = file["id"] if is_named_only else self._files.add(file, origin.fetched_at)
            if file_id is None:
                self._drift.unexpected_type("file", "id", file.get("id"))
                extra.setdefault("files", []).append(file)
            else:
                self._tables[EVALUATION_SET_ITEM_FILES].add(
                    evaluation_set_item_id=item["id"], position=position, file_id=file_id
                )
        return self._rows.write(item, origin, values, extra)
