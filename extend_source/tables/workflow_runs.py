"""Workflow runs: what their list says, the runs themselves, and their steps with what each has found."""

from __future__ import annotations

from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.credits import CreditTables
from extend_source.tables.files import FileTables
from extend_source.tables.kinds import BOOLEAN, CREDITS, DOCUMENT_JSON, DOCUMENT_TEXT, INTEGER, JSON, TEXT, TIMESTAMP
from extend_source.tables.object_rows import (
    AFTER,
    BEFORE,
    EXTRA_COLUMN,
    LISTED,
    LISTED_WORKSPACE,
    POSITION,
    ObjectRows,
)
from extend_source.tables.payloads import Origin
from extend_source.tables.reading import DriftLog, Extra, ObjectReader
from extend_source.tables.seen_files import SeenFiles
from extend_source.tables.workflows import WORKFLOWS

_STATUS = Column(
    "status",
    TEXT,
    "PROCESSED, NEEDS_REVIEW, REJECTED, FAILED, CANCELLED, or one that moves.",
    api="status",
)
_OF_THE_RUN = (
    Column("batch_id", TEXT, "The batch that it belongs to.", api="batchId"),
    Column("reviewed_by", TEXT, "E-mail of the reviewer; dropped by default.", api="reviewedBy", is_personal=True),
    Column("rejection_note", TEXT, "Why a person has rejected it.", api="rejectionNote"),
    Column("credits", CREDITS, "Of all its runs together: a sum, not a line of the ledger.", api="usage.credits"),
    Column("total_credits", CREDITS, "The same (API 2026-02-09).", api="usage.totalCredits"),
    Column("initial_run_at", TIMESTAMP, "When it was first run.", api="initialRunAt"),
    Column("started_at", TIMESTAMP, "When it started to work.", api="startTime"),
    Column("ended_at", TIMESTAMP, "When it ended.", api="endTime"),
    Column("reviewed_at", TIMESTAMP, "When a person reviewed it.", api="reviewedAt"),
)

WORKFLOW_RUN_SUMMARIES = TableSchema(
    name="workflow_run_summaries",
    grain="workflow run that was listed",
    description="What the listing says of a workflow run, also before it has ended. Unchanged rows are not rewritten.",
    key=("id",),
    is_book=True,
    object_name="workflow_run_summary",
    latest_by="listed_at",
    columns=(
        Column("id", TEXT, "The workflow run's id.", api="id", about="workflow_run"),
        LISTED_WORKSPACE,
        Column("object", TEXT, "The API's name for this object type.", api="object"),
        Column("workflow_id", TEXT, "The workflow.", api="workflowId"),
        Column("workflow_name", TEXT, "Its name.", api="workflowName"),
        Column("workflow_version_id", TEXT, "Its version.", api="workflowVersionId"),
        Column("workflow_version", TEXT, "The number of that (API 2026-02-09).", api="workflowVersion"),
        _STATUS,
        *_OF_THE_RUN,
        *LISTED,
    ),
)

WORKFLOW_RUNS = TableSchema(
    name="workflow_runs",
    grain="workflow run that has ended",
    description="Runs of workflows; their processor runs and parse runs are in the tables of these.",
    key=("id",),
    object_name="workflow_run",
    handled=frozenset({"files", "stepRuns", "usage.breakdown", "workflow.object"}),
    columns=(
        Column("id", TEXT, "The workflow run's id.", api="id", about="workflow_run"),
        *BEFORE,
        Column("name", TEXT, "Its name, by default that of the file (API 2025-04-21).", api="name"),
        Column("workflow_id", TEXT, "The workflow: workflows.id.", api="workflow.id", references="workflow"),
        Column("workflow_name", TEXT, "Its name, as sent with the run.", api="workflow.name"),
        Column(
            "workflow_version_id",
            TEXT,
            "Its version: workflow_versions.id (API 2026-02-09; else see workflow_run_summaries).",
            api="workflow.versionId",
            references="workflow_version",
        ),
        Column("workflow_version", TEXT, "The version's number, or draft.", api="workflow.version"),
        _STATUS,
        Column("failure_reason", TEXT, "Why it failed, as a code.", api="failureReason"),
        Column("failure_message", TEXT, "Why it failed, in words.", api="failureMessage"),
        Column("reviewed", BOOLEAN, "A person has reviewed it.", api="reviewed"),
        *_OF_THE_RUN,
        Column("url", TEXT, "The run in the dashboard.", api="url"),
        Column("metadata", JSON, "What the caller attached to it.", api="metadata"),
        Column("created_at", TIMESTAMP, "Creation, from the listing.", keep_known=True),
        Column("updated_at", TIMESTAMP, "Last update, from the listing.", keep_known=True),
        *AFTER,
    ),
)

_RUN_ID = Column("workflow_run_id", TEXT, "The workflow run: workflow_runs.id.", about="workflow_run")
_STEP_POSITION = Column("step_position", INTEGER, "The step run: workflow_step_runs.position.")
_FILE_ID = Column("file_id", TEXT, "The file: files.id.", about="file")

WORKFLOW_RUN_FILES = TableSchema(
    name="workflow_run_files",
    grain="file of a workflow run",
    description="The files that a workflow run was given.",
    key=("workflow_run_id", "position"),
    replaced_by="workflow_run_id",
    columns=(_RUN_ID, POSITION, _FILE_ID),
)

WORKFLOW_STEP_RUNS = TableSchema(
    name="workflow_step_runs",
    grain="step run of a workflow run",
    description="What each step has made. In API 2025-04-21: validations, and the processor runs without their steps.",
    key=("workflow_run_id", "position"),
    replaced_by="workflow_run_id",
    object_name="workflow_step_run",
    handled=frozenset({"object", "workflowRunId", "files", "step.object", "step.type", "result.checks"}),
    columns=(
        _RUN_ID,
        POSITION,
        Column("id", TEXT, "The step run's id; NULL: a processor run of API 2025-04-21.", api="id"),
        Column("step_type", TEXT, "PARSE, EXTRACT, CLASSIFY, SPLIT, RULE_VALIDATION and others.", api="stepType"),
        Column("step_id", TEXT, "The step's id, which differs between versions of a workflow.", api="step.id"),
        Column("step_name", TEXT, "The step: workflow_steps.name.", api="step.name"),
        Column("status", TEXT, "PENDING, WAITING, PROCESSING, PROCESSED, FAILED and others.", api="status"),
        Column("result_object", TEXT, "What run it made: extract_run, parse_run and others.", api="result.object"),
        Column("result_id", TEXT, "That run: processor_runs.id, or parse_runs.id.", api="result.id"),
        Column("valid", BOOLEAN, "All that it checked is valid.", api="result.valid"),
        Column("matched_branch_id", TEXT, "The branch that a router has taken.", api="result.matchedBranch.id"),
        Column("matched_branch_name", TEXT, "Its name.", api="result.matchedBranch.name"),
        Column("merged_processors", JSON, "The processors whose results were merged.", api="result.mergedExtractors"),
        Column("response_status", INTEGER, "HTTP status of the customer's endpoint.", api="result.response.status"),
        Column("response_data", DOCUMENT_JSON, "What that endpoint answered.", api="result.response.data"),
        EXTRA_COLUMN,
    ),
)

WORKFLOW_STEP_RUN_FILES = TableSchema(
    name="workflow_step_run_files",
    grain="file of a step run",
    description="The files that a step has worked on (API 2026-02-09).",
    key=("workflow_run_id", "step_position", "position"),
    replaced_by="workflow_run_id",
    columns=(_RUN_ID, _STEP_POSITION, POSITION, _FILE_ID),
)

WORKFLOW_STEP_CHECKS = TableSchema(
    name="workflow_step_checks",
    grain="rule, block or branch that a step has tried",
    description="How validations and routers came to their results.",
    key=("workflow_run_id", "step_position", "position"),
    replaced_by="workflow_run_id",
    object_name="workflow_step_check",
    columns=(
        _RUN_ID,
        _STEP_POSITION,
        POSITION,
        Column("kind", TEXT, "rule, block (of a validation) or branch (of a router).", api="kind"),
        Column("check_id", TEXT, "Its id in the step's config.", api="id"),
        Column("name", TEXT, "Its name.", api="name"),
        Column("passed", BOOLEAN, "It holds; of a branch: it was taken.", api="valid"),
        Column("valid_array", JSON, "Item by item, where the rule is about a list.", api="validArray"),
        Column("failure_reason", TEXT, "RULE_FAILED, PARSE_ERROR or VALUE_ERROR.", api="failureReason"),
        Column("error", DOCUMENT_TEXT, "What went wrong.", api="error"),
        Column("reasoning", DOCUMENT_TEXT, "Why it was decided so.", api="reasoning"),
        EXTRA_COLUMN,
    ),
)

_CHILDREN = (WORKFLOW_RUN_FILES, WORKFLOW_STEP_RUNS, WORKFLOW_STEP_RUN_FILES, WORKFLOW_STEP_CHECKS)
_STEP_RUN = ObjectReader.of(WORKFLOW_STEP_RUNS)
_CHECK = ObjectReader.of(WORKFLOW_STEP_CHECKS)
_WITHOUT_LISTS = "2025-04-21"
"""The version of the API that has no list of workflows."""


class WorkflowRunTables:
    """Writes workflow runs; the runs that they bring along are written by the builders of these."""

    def __init__(
        self,
        tables: TableSet,
        drift: DriftLog,
        files: FileTables | SeenFiles,
        credits: CreditTables,
        *,
        keep_raw: bool,
        erased: frozenset[str] = frozenset(),
    ) -> None:
        """Start a load.

        Args:
            tables: where the rows go.
            drift: where unknown keys are noted.
            files: where their files go.
            credits: where what their runs have cost goes.
            keep_raw: also keep the payloads themselves.
            erased: ids of what was erased on request: their runs still name workflows.
        """
        self._tables, self._drift, self._files, self._credits = tables, drift, files, credits
        self._erased = erased
        self._rows = ObjectRows("workflow_run", WORKFLOW_RUNS, tables, drift, children=_CHILDREN, keep_raw=keep_raw)

    def add(self, run: dict[str, Any], origin: Origin) -> str:
        """Add a workflow run.

        Args:
            run: the canonical WorkflowRun object with an ``id`` (SDK 0.2.0 and 1.20.0, workflow_run), in which the runs
                of its steps are only named.
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(run)
        run_id: str = run["id"]
        self._add_files(WORKFLOW_RUN_FILES, run, origin, extra, workflow_run_id=run_id)
        for position, step_run in enumerate(self._rows.objects(run, "stepRuns", extra)):
            self._add_step_run(run_id, position, step_run, origin)
        # what it cost itself is a sum of lines that its runs have
        self._rows.add_usage(run, self._credits, None, origin, extra)
        workflow_id = values["workflow_id"]
        if origin.api_version == _WITHOUT_LISTS and workflow_id is not None and workflow_id not in self._erased:
            self._add_workflow(workflow_id, values["workflow_name"], origin)
        return self._rows.write(run, origin, values, extra)

    def _add_step_run(self, run_id: str, position: int, step_run: dict[str, Any], origin: Origin) -> None:
        values, read_extra = _STEP_RUN.read(step_run, self._drift)
        extra: Extra = dict(read_extra or {})
        place = {"workflow_run_id": run_id, "step_position": position}
        self._add_files(WORKFLOW_STEP_RUN_FILES, step_run, origin, extra, **place)
        result = step_run.get("result")
        if isinstance(result, dict):
            for number, check in enumerate(self._rows.objects(result, "checks", extra)):
                read = _CHECK.read(check, self._drift)
                self._tables[WORKFLOW_STEP_CHECKS].add(*read, **place, position=number)
        self._tables[WORKFLOW_STEP_RUNS].add(values, extra or None, workflow_run_id=run_id, position=position)

    def _add_files(self, table: TableSchema, owner: dict[str, Any], origin: Origin, extra: Extra, **place: Any) -> None:
        for position, file in enumerate(self._rows.objects(owner, "files", extra)):
            file_id = self._files.add(file, origin.fetched_at)
            if file_id is None:
                self._drift.unexpected_type("file", "id", file.get("id"))
                extra.setdefault("files", []).append(file)
            else:
                self._tables[table].add(**place, position=position, file_id=file_id)

    def _add_workflow(self, workflow_id: str, name: str | None, origin: Origin) -> None:
        """Add a workflow that is known from its runs alone."""
        values = {"id": workflow_id, "object": "workflow", "name": name}
        self._tables[WORKFLOWS].add(
            [values.get(column.name) for column in WORKFLOWS.api_columns],
            api_version=origin.api_version,
            workspace_id=origin.workspace_id,
            fetched_at=origin.fetched_at,
            loaded_tables=None,
            row_counts=None,
            payload_sha256=None,
        )
