"""Workflows, their versions, and the steps of these (API 2026-02-09; before that, what runs say of them)."""

from __future__ import annotations

from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.configs import ConfigTables
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import BOOLEAN, INTEGER, JSON, TEXT, TIMESTAMP
from extend_source.tables.object_rows import AFTER, BEFORE, CREATED_BY, EXTRA_COLUMN, POSITION, ObjectRows
from extend_source.tables.payloads import Origin
from extend_source.tables.processors import DRAFT
from extend_source.tables.reading import DriftLog, Extra, ObjectReader

WORKFLOWS = TableSchema(
    name="workflows",
    grain="workflow",
    description="By their present names; in API 2025-04-21 those that workflow runs name, as they name them.",
    key=("id",),
    object_name="workflow",
    handled=frozenset({"draftVersion"}),
    latest_by="fetched_at",
    columns=(
        Column("id", TEXT, "The workflow's id.", api="id", about="workflow"),
        *BEFORE,
        Column("name", TEXT, "Its name.", api="name"),
        *CREATED_BY,
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update.", api="updatedAt"),
        *AFTER,
    ),
)

WORKFLOW_VERSIONS = TableSchema(
    name="workflow_versions",
    grain="version of a workflow",
    description="Deployed versions, which stay as they are, and the draft (API 2026-02-09).",
    key=("id",),
    object_name="workflow_version",
    handled=frozenset({"steps"}),
    columns=(
        Column("id", TEXT, "The version's id.", api="id", about="workflow_version"),
        *BEFORE,
        Column("workflow_id", TEXT, "The workflow: workflows.id.", api="workflowId", about="workflow"),
        Column("version", TEXT, "Its number, such as 3, or draft.", api="version"),
        Column("is_draft", BOOLEAN, "It is being worked on, and may change."),
        Column("name", TEXT, "What its author calls it.", api="name"),
        *CREATED_BY,
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update, where the API tells it.", api="updatedAt"),
        *AFTER,
    ),
)

_VERSION_ID = Column("workflow_version_id", TEXT, "The version: workflow_versions.id.", about="workflow_version")

WORKFLOW_STEPS = TableSchema(
    name="workflow_steps",
    grain="step of a workflow version",
    description="What a version of a workflow does, step by step. Headers of requests are not kept.",
    key=("workflow_version_id", "position"),
    replaced_by="workflow_version_id",
    object_name="workflow_step",
    handled=frozenset({"next", "runConfig"}),
    columns=(
        _VERSION_ID,
        POSITION,
        Column("type", TEXT, "TRIGGER, PARSE, EXTRACT, CLASSIFY, SPLIT, ROUTER and others.", api="type"),
        Column("name", TEXT, "Its name, by which other steps lead to it.", api="name"),
        Column("processor_id", TEXT, "Its processor: processors.id.", api="processor.id", references="processor"),
        Column("processor_version", TEXT, "Of which version: a number, draft or latest.", api="processor.version"),
        Column("config_id", TEXT, "A config of its own: run_configs.config_id.", references="config"),
        Column("config", JSON, "What else it is set to, without the headers of requests.", api="config"),
        EXTRA_COLUMN,
    ),
)

WORKFLOW_STEP_LINKS = TableSchema(
    name="workflow_step_links",
    grain="way from one step of a workflow version to the next",
    description="Which step follows which, and under what condition.",
    key=("workflow_version_id", "step_position", "position"),
    replaced_by="workflow_version_id",
    object_name="workflow_step_link",
    columns=(
        _VERSION_ID,
        Column("step_position", INTEGER, "The step that it starts from: workflow_steps.position."),
        POSITION,
        Column("target", TEXT, "The step that it leads to: workflow_steps.name.", api="step"),
        Column("classification_id", TEXT, "For documents of this class alone.", api="classificationId"),
        Column("condition_id", TEXT, "Where this condition holds.", api="conditionId"),
        Column("branch_id", TEXT, "For this branch of a router; or otherwise.", api="branchId"),
        Column("result", TEXT, "pass or fail, of a validation.", api="result"),
        EXTRA_COLUMN,
    ),
)

_STEP = ObjectReader.of(WORKFLOW_STEPS)
_LINK = ObjectReader.of(WORKFLOW_STEP_LINKS)


class WorkflowVersionTables:
    """Writes versions of workflows."""

    def __init__(self, tables: TableSet, drift: DriftLog, configs: ConfigTables, *, keep_raw: bool) -> None:
        """Start a load; see `ObjectRows`."""
        self._tables, self._drift, self._configs = tables, drift, configs
        self._rows = ObjectRows(
            "workflow_version",
            WORKFLOW_VERSIONS,
            tables,
            drift,
            children=(WORKFLOW_STEPS, WORKFLOW_STEP_LINKS),
            keep_raw=keep_raw,
        )

    def add(self, version: dict[str, Any], origin: Origin) -> str:
        """Add a version.

        Args:
            version: the canonical WorkflowVersion object with an ``id`` (SDK 1.20.0, workflow_version).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(version)
        for position, step in enumerate(self._rows.objects(version, "steps", extra)):
            self._add_step(version["id"], position, step)
        is_draft = None if values["version"] is None else values["version"] == DRAFT
        return self._rows.write(version, origin, values, extra, is_draft=is_draft)

    def _add_step(self, version_id: str, position: int, step: dict[str, Any]) -> None:
        values, read_extra = _STEP.read(step, self._drift)
        extra: Extra = dict(read_extra or {})
        config = step.get("runConfig")
        config_id = self._configs.add(config) if isinstance(config, dict) else None
        for number, link in enumerate(self._rows.objects(step, "next", extra)):
            self._tables[WORKFLOW_STEP_LINKS].add(
                *_LINK.read(link, self._drift),
                workflow_version_id=version_id,
                step_position=position,
                position=number,
            )
        self._tables[WORKFLOW_STEPS].add(
            values, extra or None, workflow_version_id=version_id, position=position, config_id=config_id
        )
