"""Cleaning workflow runs, workflows, processors and their versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extend_source.privacy.hiding import Hider
from extend_source.privacy.objects import ColumnActions, ObjectCleaner, clean_each, replace_member
from extend_source.tables import TableSchema
from extend_source.tables.workflow_runs import WORKFLOW_RUNS, WORKFLOW_STEP_CHECKS, WORKFLOW_STEP_RUNS
from extend_source.tables.workflows import WORKFLOW_STEP_LINKS, WORKFLOW_STEPS, WORKFLOW_VERSIONS

Json = dict[str, Any]
Clean = Callable[[Any], Any]

_TEXTS = ("error", "reasoning")
"""What a check says of the document."""


class WorkflowCleaner:
    """Cleans what belongs to workflows and processors.

    Attributes:
        cleaners: what cleans a canonical object, by its type.
    """

    def __init__(self, actions: ColumnActions, hider: Hider, *, hides_fields: bool, clean_files: Clean) -> None:
        """Compile the rules.

        Args:
            actions: the rules for columns.
            hider: applies them.
            hides_fields: some fields of documents are hidden: what would show them is left out.
            clean_files: cleans a list of files.
        """

        def cleaner(table: TableSchema) -> ObjectCleaner:
            return ObjectCleaner(table, actions, hider, known_only=hides_fields)

        self._hides_fields, self._clean_files = hides_fields, clean_files
        self._run, self._step_run, self._check = map(cleaner, (WORKFLOW_RUNS, WORKFLOW_STEP_RUNS, WORKFLOW_STEP_CHECKS))
        self._version, self._step, self._link = map(cleaner, (WORKFLOW_VERSIONS, WORKFLOW_STEPS, WORKFLOW_STEP_LINKS))
        self.cleaners: dict[str, Callable[[Json], Json]] = {
            "workflow_run": self._clean_run,
            "workflow_version": self._clean_version,
        }

    def _clean_run(self, run: Json) -> Json:
        clean = self._run(run)
        replace_member(clean, "files", self._clean_files(run.get("files")))
        replace_member(clean, "stepRuns", self._each(run.get("stepRuns"), self._clean_step_run))
        return clean

    def _clean_step_run(self, step_run: Json) -> Json:
        clean = self._step_run(step_run)
        replace_member(clean, "files", self._clean_files(step_run.get("files")))
        result = clean.get("result")
        if isinstance(result, dict):
            result = dict(result)
            replace_member(result, "checks", self._each(result.get("checks"), self._clean_check))
            response = result.get("response")
            if self._hides_fields and isinstance(response, dict):
                result["response"] = {key: value if key == "status" else None for key, value in response.items()}
            clean["result"] = result
        return clean

    def _clean_check(self, check: Json) -> Json:
        clean = self._check(check)
        return {**clean, **dict.fromkeys(clean.keys() & set(_TEXTS))} if self._hides_fields else clean

    def _clean_version(self, version: Json) -> Json:
        clean = self._version(version)
        replace_member(clean, "steps", self._each(version.get("steps"), self._clean_step))
        return clean

    def _clean_step(self, step: Json) -> Json:
        clean = self._step(step)
        replace_member(clean, "next", self._link.all(step.get("next")))
        return clean

    def _each(self, items: Any, clean: Callable[[Json], Json]) -> Any:
        return clean_each(items, clean, known_only=self._hides_fields)
