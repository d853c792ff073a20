"""Cleaning verify runs: what they have found quotes the document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from extend_source.privacy.hiding import Hider
from extend_source.privacy.objects import ColumnActions, ObjectCleaner, clean_each, replace_member
from extend_source.tables.verify_runs import VERIFY_EVIDENCE, VERIFY_RUNS, VERIFY_SIGNALS

Json = dict[str, Any]
Clean = Callable[[Any], Any]


class VerifyRunCleaner:
    """Cleans verify runs."""

    def __init__(
        self, actions: ColumnActions, hider: Hider, *, hides_fields: bool, clean_file: Clean, clean_usage: Clean
    ) -> None:
        """Compile the rules.

        Args:
            actions: the rules for columns.
            hider: applies them.
            hides_fields: some fields of documents are hidden: what would show them is left out.
            clean_file: cleans a file.
            clean_usage: cleans what a run has cost.
        """
        self._hides_fields, self._clean_file, self._clean_usage = hides_fields, clean_file, clean_usage
        self._run, self._signal, self._evidence = (
            ObjectCleaner(table, actions, hider, known_only=hides_fields)
            for table in (VERIFY_RUNS, VERIFY_SIGNALS, VERIFY_EVIDENCE)
        )

    def clean(self, run: Json) -> Json:
        """Clean a verify run; where fields are hidden, of what it has found the kinds and the risks alone stay."""
        clean = self._run(run)
        replace_member(clean, "usage", self._clean_usage(clean.get("usage")))
        if isinstance(run.get("file"), dict):
            replace_member(clean, "file", self._clean_file(run["file"]))
        elif self._hides_fields:
            replace_member(clean, "file", None)
        if isinstance(clean.get("output"), dict):
            output = self._without_texts(clean["output"], "summary")
            signals = clean_each(output.get("signals"), self._clean_signal, known_only=self._hides_fields)
            replace_member(output, "signals", signals)
            clean["output"] = output
        return clean

    def _clean_signal(self, signal: Json) -> Json:
        clean = self._without_texts(self._signal(signal), "summary")
        evidence = clean_each(signal.get("evidence"), self._clean_evidence, known_only=self._hides_fields)
        replace_member(clean, "evidence", evidence)
        return clean

    def _clean_evidence(self, evidence: Json) -> Json:
        return self._without_texts(self._evidence(evidence), "data", "locations")

    def _without_texts(self, clean: Json, *names: str) -> Json:
        """Empty members that quote the document, where some of its fields are hidden."""
        return {**clean, **dict.fromkeys(clean.keys() & set(names))} if self._hides_fields else dict(clean)
