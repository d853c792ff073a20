"""Runs of evaluation sets, and what they have measured."""

from __future__ import annotations

import re
from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import INTEGER, JSON, NUMBER, TEXT, TIMESTAMP
from extend_source.tables.object_rows import AFTER, BEFORE, POSITION, ObjectRows
from extend_source.tables.payloads import Origin
from extend_source.tables.reading import DriftLog, Extra

EVALUATION_SET_RUNS = TableSchema(
    name="evaluation_set_runs",
    grain="run of an evaluation set",
    description="A version of a processor, measured by an evaluation set. No list has them: name their ids.",
    key=("id",),
    object_name="evaluation_set_run",
    handled=frozenset({"metrics"}),
    columns=(
        Column("id", TEXT, "The run's id.", api="id", about="evaluation_set_run"),
        *BEFORE,
        Column(
            "evaluation_set_id",
            TEXT,
            "The set: evaluation_sets.id.",
            api="evaluationSetId",
            references="evaluation_set",
        ),
        Column("processor_id", TEXT, "The processor: processors.id.", api="processorId", references="processor"),
        Column("processor_name", TEXT, "Its name, as sent with the run.", api="processorName"),
        Column("processor_type", TEXT, "EXTRACT, CLASSIFY or SPLITTER (API 2026-02-09).", api="processorType"),
        Column(
            "processor_version_id",
            TEXT,
            "Its version: processor_versions.id.",
            api="processorVersionId",
            references="processor_version",
        ),
        Column("processor_version", TEXT, "The version's number (API 2026-02-09).", api="processorVersion"),
        Column("status", TEXT, "PENDING, PROCESSING, PROCESSED, FAILED or CANCELLED.", api="status"),
        Column("run_count", INTEGER, "Processor runs that it has made (API 2025-04-21).", api="runCount"),
        Column("fuzzy_match_fields", JSON, "Fields that needed no exact match.", api="options.fuzzyMatchFields"),
        Column("exclude_fields", JSON, "Fields that did not count.", api="options.excludeFields"),
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update.", api="updatedAt"),
        *AFTER,
    ),
)

EVALUATION_SET_RUN_METRICS = TableSchema(
    name="evaluation_set_run_metrics",
    grain="figure of an evaluation set's run",
    description="What a run has measured: of all, of each field, of each class. Ratios are from 0 to 1.",
    key=("evaluation_set_run_id", "position"),
    replaced_by="evaluation_set_run_id",
    columns=(
        Column("evaluation_set_run_id", TEXT, "The run: evaluation_set_runs.id.", about="evaluation_set_run"),
        POSITION,
        Column("scope", TEXT, "What it is about: the run, a field or a class.", values=("run", "field", "class")),
        Column("subject", TEXT, "Dotted path of the field, or the class; NULL: the whole run."),
        Column("metric", TEXT, "accuracy, precision, recall, f1, count_expected, num_files and others."),
        Column("value", NUMBER, "The figure; times are in milliseconds."),
    ),
)

METRICS_BY_SUBJECT = {"fieldMetrics": "field", "classificationMetrics": "class"}
"""The members of metrics with those of each field or class, and what scope these have."""

_NEXT_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class EvaluationSetRunTables:
    """Writes runs of evaluation sets."""

    def __init__(self, tables: TableSet, drift: DriftLog, *, keep_raw: bool) -> None:
        """Start a load; see `ObjectRows`."""
        self._tables, self._drift = tables, drift
        self._rows = ObjectRows(
            "evaluation_set_run",
            EVALUATION_SET_RUNS,
            tables,
            drift,
            children=(EVALUATION_SET_RUN_METRICS,),
            keep_raw=keep_raw,
        )

    def add(self, run: dict[str, Any], origin: Origin) -> str:
        """Add a run.

        Args:
            run: the canonical EvaluationSetRun object with an ``id`` (SDK 0.2.0, batch_processor_run; SDK 1.20.0,
                evaluation_set_run).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(run)
        metrics = run.get("metrics")
        if isinstance(metrics, dict):
            figures = _Figures(self._drift)
            if odd := figures.read(metrics):
                extra["metrics"] = odd
            for position, (scope, subject, metric, value) in enumerate(figures.rows):
                self._tables[EVALUATION_SET_RUN_METRICS].add(
                    evaluation_set_run_id=run["id"],
                    position=position,
                    scope=scope,
                    subject=subject,
                    metric=metric,
                    value=value,
                )
        else:
            self._rows.keep(extra, "metrics", metrics)
        return self._rows.write(run, origin, values, extra)


class _Figures:
    """The figures of one run.

    Attributes:
        rows: scope, subject, metric and value of each.
    """

    def __init__(self, drift: DriftLog) -> None:
        self.rows: list[tuple[str, str | None, str, float]] = []
        self._drift = drift

    def read(self, metrics: dict[str, Any]) -> Extra:
        """Read the figures of a run; return what is none."""
        by_subject = {key: metrics[key] for key in METRICS_BY_SUBJECT if isinstance(metrics.get(key), dict)}
        of_the_run = {key: value for key, value in metrics.items() if key not in by_subject}
        odd = self._read("run", None, of_the_run, "metrics.")
        for key, subjects in by_subject.items():
            for subject, said in subjects.items():
                if isinstance(said, dict):
                    left = self._read(METRICS_BY_SUBJECT[key], subject, said, f"metrics.{key}.*.")
                else:
                    left = said
                    if said is not None:
                        self._drift.unexpected_type("evaluation_set_run", f"metrics.{key}.*", said)
                if left not in (None, {}):
                    odd.setdefault(key, {})[subject] = left
        return odd

    def _read(self, scope: str, subject: str | None, figures: dict[str, Any], place: str) -> Extra:
        odd: Extra = {}
        for key, value in figures.items():
            if value is None:
                continue
            try:
                number = NUMBER.convert(value)
            except ValueError:
                odd[key] = value
                self._drift.unexpected_type("evaluation_set_run", f"{place}{key}", value)
            else:
                self.rows.append((scope, subject, _NEXT_WORD.sub("_", key).lower(), number))
        return odd
