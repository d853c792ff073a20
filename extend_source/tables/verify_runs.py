"""Verify runs: what their list says, the runs themselves, and the signs of forgery that they have found."""

from __future__ import annotations

from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.credits import CreditTables
from extend_source.tables.files import FileTables
from extend_source.tables.kinds import BOOLEAN, CREDITS, DOCUMENT_JSON, DOCUMENT_TEXT, INTEGER, JSON, NUMBER, TEXT
from extend_source.tables.object_rows import (
    AFTER,
    BEFORE,
    EXTRA_COLUMN,
    LISTED,
    LISTED_WORKSPACE,
    POSITION,
    TIMES,
    ObjectRows,
)
from extend_source.tables.payloads import Origin
from extend_source.tables.reading import DriftLog, Extra, ObjectReader
from extend_source.tables.seen_files import SeenFiles

_STATUS = Column("status", TEXT, "PROCESSING, PROCESSED, FAILED or CANCELLED.", api="status")
_OF_THE_RUN = (
    Column("failure_reason", TEXT, "Why it failed, as a code.", api="failureReason"),
    Column("failure_message", TEXT, "Why it failed, in words.", api="failureMessage"),
    Column("engine", TEXT, "verify_agentic or verify_light.", api="config.engine"),
    Column("engine_version", TEXT, "The engine's version that has run.", api="config.engineVersion"),
    Column("requires_parsing", BOOLEAN, "The file had to be parsed.", api="config.advancedOptions.requireParsing"),
    Column("page_count", INTEGER, "Pages; NULL: not known.", api="metrics.pageCount"),
    Column("processing_time_ms", NUMBER, "How long it took, in milliseconds.", api="metrics.processingTimeMs"),
    Column("source", TEXT, "What created it: API or STUDIO.", api="source"),
    Column("source_id", TEXT, "Of the API: the id of the request.", api="sourceId"),
    Column("metadata", JSON, "What the caller attached to it.", api="metadata"),
    Column("credits", CREDITS, "Its own; NULL: unknown.", api="usage.credits"),
    Column("total_credits", CREDITS, "With what it started; never add it up.", api="usage.totalCredits"),
)

VERIFY_RUN_SUMMARIES = TableSchema(
    name="verify_run_summaries",
    grain="verify run that was listed",
    description="What the listing says of a verify run (API 2026-02-09), which keeps the results of zero retention.",
    key=("id",),
    is_book=True,
    object_name="verify_run_summary",
    handled=frozenset({"usage.breakdown"}),
    latest_by="listed_at",
    columns=(
        Column("id", TEXT, "The verify run's id.", api="id", about="verify_run"),
        LISTED_WORKSPACE,
        Column("object", TEXT, "The API's name for this object type.", api="object"),
        Column("file_id", TEXT, "The file that was verified; NULL: it was deleted.", api="fileId", about="file"),
        Column("file_name", TEXT, "That file's name.", api="fileName"),
        _STATUS,
        Column("risk_level", TEXT, "LOW, MEDIUM or HIGH; NULL: no result, or it is deleted.", api="riskLevel"),
        *_OF_THE_RUN,
        *LISTED,
    ),
)

VERIFY_RUNS = TableSchema(
    name="verify_runs",
    grain="verify run that has ended",
    description="Written with verify_details (API 2026-02-09). A result that has landed stays once Extend deletes it.",
    key=("id",),
    object_name="verify_run",
    handled=frozenset({"file", "output.signals", "usage.breakdown"}),
    opt_in=True,
    columns=(
        Column("id", TEXT, "The verify run's id.", api="id", about="verify_run"),
        *BEFORE,
        Column("file_id", TEXT, "The file: files.id.", about="file"),
        _STATUS,
        Column("risk_level", TEXT, "LOW, MEDIUM or HIGH: the highest of its signals.", api="output.riskLevel"),
        Column("summary", DOCUMENT_TEXT, "What it has found, in words.", api="output.summary"),
        *_OF_THE_RUN,
        *TIMES,
        *AFTER,
    ),
)

_RUN_ID = Column("verify_run_id", TEXT, "The verify run: verify_runs.id.", about="verify_run")

VERIFY_SIGNALS = TableSchema(
    name="verify_signals",
    grain="signal of a verify run",
    description="Signs of forgery or alteration. No signal does not mean that the document is genuine.",
    key=("verify_run_id", "position"),
    replaced_by="verify_run_id",
    object_name="verify_signal",
    handled=frozenset({"evidence"}),
    opt_in=True,
    columns=(
        _RUN_ID,
        POSITION,
        Column("id", TEXT, "The signal's id.", api="id"),
        Column("type", TEXT, "What it is about, such as AI_GENERATED_CONTENT.", api="type"),
        Column("risk_type", TEXT, "How the risk is told: LEVEL.", api="riskAssessment.type"),
        Column("risk_level", TEXT, "LOW, MEDIUM or HIGH.", api="riskAssessment.level"),
        Column("summary", DOCUMENT_TEXT, "What was found, in words.", api="summary"),
        EXTRA_COLUMN,
    ),
)

VERIFY_EVIDENCE = TableSchema(
    name="verify_evidence",
    grain="piece of evidence of a signal",
    description="What a signal rests on, and where in the file it is.",
    key=("verify_run_id", "signal_position", "position"),
    replaced_by="verify_run_id",
    object_name="verify_evidence",
    opt_in=True,
    columns=(
        _RUN_ID,
        Column("signal_position", INTEGER, "The signal: verify_signals.position."),
        POSITION,
        Column("id", TEXT, "The API's id of it.", api="evidenceId"),
        Column("type", TEXT, "validation, value_comparison, history and others: it says what data is.", api="type"),
        Column("data", DOCUMENT_JSON, "What was found: values, events, codes.", api="data"),
        Column("locations", DOCUMENT_JSON, "Where: pages, boxes, objects and bytes of the file.", api="locations"),
        EXTRA_COLUMN,
    ),
)

DETAIL_TABLES = (VERIFY_RUNS, VERIFY_SIGNALS, VERIFY_EVIDENCE)
"""The tables that need each run to be fetched, which the setting `verify_details` allows."""

_SIGNAL = ObjectReader.of(VERIFY_SIGNALS)
_EVIDENCE = ObjectReader.of(VERIFY_EVIDENCE)


class VerifyRunTables:
    """Writes verify runs."""

    def __init__(
        self, tables: TableSet, drift: DriftLog, files: FileTables | SeenFiles, credits: CreditTables, *, keep_raw: bool
    ) -> None:
        """Start a load; see `ObjectRows`."""
        self._tables, self._drift, self._files, self._credits = tables, drift, files, credits
        children = (VERIFY_SIGNALS, VERIFY_EVIDENCE)
        self._rows = ObjectRows("verify_run", VERIFY_RUNS, tables, drift, children=children, keep_raw=keep_raw)

    def add(self, run: dict[str, Any], origin: Origin) -> str:
        """Add a verify run.

        Args:
            run: the canonical VerifyRun object with an ``id`` (SDK 1.20.0, verify_run).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        values, extra = self._rows.read(run)
        file_id = self._rows.add_file(run, self._files, origin, extra)
        output = run.get("output")
        if isinstance(output, dict):  # what is no object is in extra already
            left_over = dict(extra.get("output") or {})
            for position, signal in enumerate(self._rows.objects(output, "signals", left_over)):
                self._add_signal(run["id"], position, signal)
            extra |= {"output": left_over} if left_over else {}
        self._rows.add_usage(run, self._credits, values["credits"], origin, extra)
        return self._rows.write(run, origin, values, extra, file_id=file_id)

    def _add_signal(self, run_id: str, position: int, signal: dict[str, Any]) -> None:
        values, read_extra = _SIGNAL.read(signal, self._drift)
        extra: Extra = dict(read_extra or {})
        for number, evidence in enumerate(self._rows.objects(signal, "evidence", extra)):
            self._tables[VERIFY_EVIDENCE].add(
                *_EVIDENCE.read(evidence, self._drift), verify_run_id=run_id, signal_position=position, position=number
            )
        self._tables[VERIFY_SIGNALS].add(values, extra or None, verify_run_id=run_id, position=position)


def has_lost_its_result(run: dict[str, Any]) -> bool:
    """Tell whether Extend has deleted what a verify run had found, as it does without data retention.

    Args:
        run: the canonical VerifyRun object.
    """
    return run.get("status") == "PROCESSED" and run.get("output") is None
