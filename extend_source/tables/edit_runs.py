"""Edit runs, which fill in forms: what their list says, the runs themselves, and the values they have filled in."""

from __future__ import annotations

from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.credits import CreditTables
from extend_source.tables.extraction import scalar_columns
from extend_source.tables.files import FileTables
from extend_source.tables.kinds import BOOLEAN, CREDITS, INTEGER, JSON, NUMBER, TEXT, TIMESTAMP
from extend_source.tables.object_rows import AFTER, BEFORE, LISTED, LISTED_WORKSPACE, ObjectRows
from extend_source.tables.payloads import Origin
from extend_source.tables.reading import DriftLog
from extend_source.tables.schemas import VALUE_COLUMNS
from extend_source.tables.seen_files import SeenFiles
from extend_source.tables.walking import walk

FORM_RUN_COLUMNS = (
    Column(
        "status",
        TEXT,
        "PROCESSING, PROCESSED or FAILED.",
        api="status",
        values=("PROCESSING", "PROCESSED", "FAILED"),
    ),
    Column("failure_reason", TEXT, "Why it failed, as a code.", api="failureReason"),
    Column("failure_message", TEXT, "Why it failed, in words (API 2026-02-09).", api="failureMessage"),
    Column("page_count", INTEGER, "Pages of the form.", api="metrics.pageCount"),
    Column("field_count", INTEGER, "Fields of the form.", api="metrics.fieldCount"),
    Column("fields_detected_count", INTEGER, "Fields that were found in it.", api="metrics.fieldsDetectedCount"),
    Column("fields_annotated_count", INTEGER, "Fields that were described.", api="metrics.fieldsAnnotatedCount"),
    Column("processing_time_ms", NUMBER, "How long it took, in milliseconds.", api="metrics.processingTimeMs"),
    Column("field_detection_time_ms", NUMBER, "Of this, to find fields.", api="metrics.fieldDetectionTimeMs"),
    Column("field_annotation_time_ms", NUMBER, "Of this, to describe them.", api="metrics.fieldAnnotationTimeMs"),
    Column("credits", CREDITS, "What it cost itself; NULL: unknown.", api="usage.credits"),
    Column("total_credits", CREDITS, "With what it started; never add these up.", api="usage.totalCredits"),
)
"""What all runs on forms have."""

FORM_OPTION_COLUMNS = (
    Column("table_parsing_enabled", BOOLEAN, "Tables are filled in.", api="config.advancedOptions.tableParsingEnabled"),
    Column(
        "radio_enums_enabled", BOOLEAN, "Radio buttons are a field.", api="config.advancedOptions.radioEnumsEnabled"
    ),
    Column("native_fields_only", BOOLEAN, "Only the PDF's own fields.", api="config.advancedOptions.nativeFieldsOnly"),
    Column(
        "conditional_generation_enabled",
        BOOLEAN,
        "Fields may depend on others (API 2026-02-09).",
        api="config.advancedOptions.conditionalGenerationEnabled",
    ),
)
"""The options of all configs that are about forms."""

EDIT_CONFIG_COLUMNS = (
    Column("engine_version", TEXT, "The version of the engine (API 2026-02-09).", api="config.engineVersion"),
    Column("instructions", TEXT, "What the caller asked to be filled in.", api="config.instructions"),
    Column(
        "schema_generation_instructions",
        TEXT,
        "How to describe the fields of the form (API 2026-02-09).",
        api="config.schemaGenerationInstructions",
    ),
    Column("form_schema", JSON, "The fields of the form, with the values that the caller gave.", api="config.schema"),
    Column("flatten_pdf", BOOLEAN, "The fields become text of the page.", api="config.advancedOptions.flattenPdf"),
    *FORM_OPTION_COLUMNS,
)
"""The config of an edit run."""

_FIELD_FILLING = Column("field_filling_time_ms", NUMBER, "Of this, to fill them in.", api="metrics.fieldFillingTimeMs")

EDIT_RUN_SUMMARIES = TableSchema(
    name="edit_run_summaries",
    grain="edit run that was listed",
    description="What the listing says of an edit run (API 2026-02-09). Unchanged rows are not rewritten.",
    key=("id",),
    is_book=True,
    object_name="edit_run_summary",
    latest_by="listed_at",
    columns=(
        Column("id", TEXT, "The edit run's id.", api="id", about="edit_run"),
        LISTED_WORKSPACE,
        Column("object", TEXT, "The API's name for this object type.", api="object"),
        Column("file_id", TEXT, "The form: files.id.", api="fileId", about="file"),
        *FORM_RUN_COLUMNS,
        _FIELD_FILLING,
        *LISTED,
    ),
)

EDIT_RUNS = TableSchema(
    name="edit_runs",
    grain="edit run that has ended",
    description="Runs that fill in forms. What reviewers change in a run's output is in extraction_edits, not here.",
    key=("id",),
    object_name="edit_run",
    handled=frozenset({"file", "fileId", "output", "usage.breakdown"}),
    columns=(
        Column("id", TEXT, "The edit run's id.", api="id", about="edit_run"),
        *BEFORE,
        Column("file_id", TEXT, "The form: files.id.", about="file"),
        Column("edited_file_id", TEXT, "The form as it was filled in.", api="editedFile.id", about="file"),
        *FORM_RUN_COLUMNS,
        _FIELD_FILLING,
        *EDIT_CONFIG_COLUMNS,
        Column("created_at", TIMESTAMP, "Creation, from the listing (API 2026-02-09).", keep_known=True),
        Column("updated_at", TIMESTAMP, "Last update, from the listing (API 2026-02-09).", keep_known=True),
        *AFTER,
    ),
)

EDIT_RUN_VALUES = TableSchema(
    name="edit_run_values",
    grain="value that an edit run has filled in",
    description="What stands in the fields of the form that an edit run has filled in.",
    key=("edit_run_id", "path"),
    replaced_by="edit_run_id",
    columns=(
        Column("edit_run_id", TEXT, "The edit run: edit_runs.id.", about="edit_run"),
        *VALUE_COLUMNS,
    ),
)


class EditRunTables:
    """Writes edit runs."""

    def __init__(
        self, tables: TableSet, drift: DriftLog, files: FileTables | SeenFiles, credits: CreditTables, *, keep_raw: bool
    ) -> None:
        """Start a load.

        Args:
            tables: where the rows go.
            drift: where unknown keys are noted.
            files: where the forms go.
            credits: where what they have cost goes.
            keep_raw: also keep the payloads themselves.
        """
        self._values, self._files, self._credits = tables[EDIT_RUN_VALUES], files, credits
        self._rows = ObjectRows("edit_run", EDIT_RUNS, tables, drift, children=(EDIT_RUN_VALUES,), keep_raw=keep_raw)

    def add(self, run: dict[str, Any], origin: Origin) -> str:
        """Add an edit run.

        Args:
            run: the canonical EditRun object with an ``id`` (SDK 0.2.0 and 1.20.0, edit_run).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(run)
        file_id = self._rows.add_file(run, self._files, origin, extra)
        self._rows.add_usage(run, self._credits, values["credits"], origin, extra)
        if run.get("output") is not None:
            self._add_values(run["id"], run["output"])
        return self._rows.write(run, origin, values, extra, file_id=file_id)

    def _add_values(self, run_id: str, values: Any) -> None:
        """Add what was filled in; of what holds other values, only what holds none has a row."""
        single = (node for node in walk(values) if not (node.value and isinstance(node.value, (dict, list))))
        for position, node in enumerate(single):
            path, template, _, field, parent_path, row_index, value = node
            place = (path, template, field, parent_path, row_index, position)
            self._values.add_in_order((run_id, *place, *scalar_columns(value)))
