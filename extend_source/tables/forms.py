"""What there is to know of forms beside what was filled in: form detection runs, and the templates of edit runs."""

from __future__ import annotations

from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.credits import CreditTables
from extend_source.tables.edit_runs import EDIT_CONFIG_COLUMNS, FORM_OPTION_COLUMNS, FORM_RUN_COLUMNS
from extend_source.tables.files import FileTables
from extend_source.tables.kinds import DOCUMENT_JSON, JSON, TEXT
from extend_source.tables.object_rows import AFTER, BEFORE, TIMES, ObjectRows
from extend_source.tables.payloads import Origin
from extend_source.tables.reading import DriftLog
from extend_source.tables.seen_files import SeenFiles

FORM_DETECTION_RUNS = TableSchema(
    name="form_detection_runs",
    grain="form detection run",
    description="Runs that find the fields of forms (API 2026-02-09). They have no list, and no times.",
    key=("id",),
    object_name="form_detection_run",
    handled=frozenset({"file", "fileId", "usage.breakdown"}),
    columns=(
        Column("id", TEXT, "The form detection run's id.", api="id", about="form_detection_run"),
        *BEFORE,
        Column("file_id", TEXT, "The form: files.id.", about="file"),
        *FORM_RUN_COLUMNS,
        Column("engine_version", TEXT, "The version of the engine.", api="config.engineVersion"),
        Column("instructions", TEXT, "How to describe the fields.", api="config.instructions"),
        Column("input_schema", JSON, "The fields that the caller expects.", api="config.inputSchema"),
        *FORM_OPTION_COLUMNS,
        Column("form_schema", DOCUMENT_JSON, "The fields of the form, as they were found.", api="output.schema"),
        Column("annotated_schema", DOCUMENT_JSON, "The same, described.", api="output.annotatedSchema"),
        Column(
            "matches",
            DOCUMENT_JSON,
            "Which expected field is which of the form: a list of inputPath and formFieldKey.",
            api="output.mappingResult.matches",
        ),
        Column(
            "unmatched_input_paths",
            DOCUMENT_JSON,
            "The expected fields that the form does not have.",
            api="output.mappingResult.unmatchedInputPaths",
        ),
        Column(
            "unused_form_field_keys",
            DOCUMENT_JSON,
            "The fields of the form that nobody expected.",
            api="output.mappingResult.unusedFormFieldKeys",
        ),
        *AFTER,
    ),
)

EDIT_TEMPLATES = TableSchema(
    name="edit_templates",
    grain="edit template",
    description="Forms that are kept to be filled in, with the config of their edit runs (API 2026-02-09).",
    key=("id",),
    object_name="edit_template",
    handled=frozenset({"file", "fileId"}),
    columns=(
        Column("id", TEXT, "The template's id.", api="id", about="edit_template"),
        *BEFORE,
        Column("name", TEXT, "Its name.", api="name"),
        Column("description", TEXT, "What its author says of it.", api="description"),
        Column("file_id", TEXT, "The form: files.id.", references="file"),
        *EDIT_CONFIG_COLUMNS,
        Column(
            "detection_engine_version",
            TEXT,
            "The version of the engine that finds its fields.",
            api="schemaConfig.engineVersion",
        ),
        Column("detection_instructions", TEXT, "How to describe its fields.", api="schemaConfig.instructions"),
        Column("detection_schema", JSON, "The fields that are expected in it.", api="schemaConfig.inputSchema"),
        Column("detection_options", JSON, "How its fields are found.", api="schemaConfig.advancedOptions"),
        *TIMES,
        *AFTER,
    ),
)


class FormDetectionRunTables:
    """Writes form detection runs."""

    def __init__(
        self, tables: TableSet, drift: DriftLog, files: FileTables | SeenFiles, credits: CreditTables, *, keep_raw: bool
    ) -> None:
        """Start a load; see `EditRunTables`."""
        self._files, self._credits = files, credits
        self._rows = ObjectRows("form_detection_run", FORM_DETECTION_RUNS, tables, drift, keep_raw=keep_raw)

    def add(self, run: dict[str, Any], origin: Origin) -> str:
        """Add a form detection run.

        Args:
            run: the canonical FormDetectionRun object with an ``id`` (SDK 1.20.0, form_detection_run).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(run)
        file_id = self._rows.add_file(run, self._files, origin, extra)
        self._rows.add_usage(run, self._credits, values["credits"], origin, extra)
        return self._rows.write(run, origin, values, extra, file_id=file_id)


class EditTemplateTables:
    """Writes edit templates."""

    def __init__(self, tables: TableSet, drift: DriftLog, files: FileTables | SeenFiles, *, keep_raw: bool) -> None:
        """Start a load; see `EditRunTables`."""
        self._files = files
        self._rows = ObjectRows("edit_template", EDIT_TEMPLATES, tables, drift, keep_raw=keep_raw)

    def add(self, template: dict[str, Any], origin: Origin) -> str:
        """Add an edit template.

        Args:
            template: the canonical EditTemplate object with an ``id`` (SDK 1.20.0, edit_template).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(template)
        file_id = self._rows.add_file(template, self._files, origin, extra)
        return self._rows.write(template, origin, values, extra, file_id=file_id)
