"""Cleaning edit runs, form detection runs and edit templates: what forms hold, and what callers said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extend_source.privacy.hiding import Hider
from extend_source.privacy.objects import ColumnActions, ObjectCleaner, replace_member
from extend_source.tables import TableSchema
from extend_source.tables.edit_runs import EDIT_RUNS
from extend_source.tables.forms import EDIT_TEMPLATES, FORM_DETECTION_RUNS

Json = dict[str, Any]
Clean = Callable[[Any], Any]

_TOLD = ("instructions", "schemaGenerationInstructions", "schema", "inputSchema")
"""What a config says of a form in words and values of the caller, who gives there what is to be filled in."""


class FormCleaner:
    """Cleans what is about forms.

    Attributes:
        cleaners: what cleans a canonical object, by its type.
    """

    def __init__(
        self,
        actions: ColumnActions,
        hider: Hider,
        *,
        hides_fields: bool,
        clean_file: Clean,
        clean_usage: Clean,
        clean_document: Clean,
    ) -> None:
        """Compile the rules.

        Args:
            actions: the rules for columns.
            hider: applies them.
            hides_fields: some fields of documents are hidden: what would show them is left out.
            clean_file: cleans a file.
            clean_usage: cleans what a run has cost.
            clean_document: cleans a document, by the rules for its fields.
        """

        def cleaner(table: TableSchema) -> ObjectCleaner:
            return ObjectCleaner(table, actions, hider, known_only=hides_fields)

        self._hides_fields = hides_fields
        self._clean_file, self._clean_usage, self._clean_document = clean_file, clean_usage, clean_document
        self._edit_run, self._detection_run = cleaner(EDIT_RUNS), cleaner(FORM_DETECTION_RUNS)
        self._template = cleaner(EDIT_TEMPLATES)
        self.cleaners: dict[str, Callable[[Json], Json]] = {
            "edit_run": self._clean_edit_run,
            "form_detection_run": self._clean_detection_run,
            "edit_template": lambda template: self._clean(self._template, template),
        }

    def _clean_detection_run(self, run: Json) -> Json:
        clean = self._clean(self._detection_run, run)
        if self._hides_fields:  # it describes the form in the form's own words
            replace_member(clean, "output", None)
        return clean

    def _clean_edit_run(self, run: Json) -> Json:
        clean = self._clean(self._edit_run, run)
        if self._hides_fields and clean.get("output") is not None:
            clean["output"] = self._clean_document(run["output"])
        return clean

    def _clean(self, cleaner: ObjectCleaner, payload: Json) -> Json:
        """Clean what everything about forms has: a file, a config, and perhaps a cost."""
        clean, file = cleaner(payload), payload.get("file")
        if isinstance(file, dict):
            replace_member(clean, "file", self._clean_file(file))
        replace_member(clean, "usage", self._clean_usage(clean.get("usage")))
        if self._hides_fields:
            if not isinstance(file, dict):
                replace_member(clean, "file", None)
            for name in ("config", "schemaConfig"):
                if isinstance(clean.get(name), dict):
                    clean[name] = {key: None if key in _TOLD else value for key, value in clean[name].items()}
        return clean
