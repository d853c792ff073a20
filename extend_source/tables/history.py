"""The tables of what runs, and the values read in documents, were before: written with the setting `history`."""

from __future__ import annotations

from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import BOOLEAN, CREDITS, TEXT, TIMESTAMP

VALID_FROM, VALID_TO = "valid_from", "valid_to"
"""When a state was seen first; and, in the current views, when the next one was."""

_RUN_ID = Column("run_id", TEXT, "The run: processor_runs.id.", about="processor_run")
_VALID_FROM = Column(VALID_FROM, TIMESTAMP, "When this source first saw it; until the next row, valid_to of the view.")
_CHANGED_AT = Column("changed_at", TIMESTAMP, "The run's last update by then, as the source says it; NULL: unknown.")

PROCESSOR_RUN_HISTORY = TableSchema(
    name="processor_run_history",
    grain="state of a run that was seen",
    description="Written with history; rows are only added. processor_run_history_current has valid_to as well.",
    key=("run_id", VALID_FROM),
    is_book=True,
    opt_in=True,
    since=VALID_FROM,
    columns=(
        _RUN_ID,
        _VALID_FROM,
        _CHANGED_AT,
        Column("status", TEXT, "PENDING, PROCESSING, PROCESSED, FAILED or CANCELLED."),
        Column("reviewed", BOOLEAN, "A person has reviewed it."),
        Column("edited", BOOLEAN, "The review changed something."),
        Column("credits", CREDITS, "Without parsing; NULL: unknown."),
        Column("total_credits", CREDITS, "With what it started; never add these up."),
        Column("processor_version_id", TEXT, "The processor's version."),
        Column("processor_version", TEXT, "Its number, or draft (API 2026-02-09)."),
        Column("failure_reason", TEXT, "Why it failed, as a code."),
    ),
)

EXTRACTION_FIELD_HISTORY = TableSchema(
    name="extraction_field_history",
    grain="value of a run's final output as it was first seen, and each time that it had changed",
    description="Written with history; rows are only added. extraction_field_history_current has valid_to as well.",
    key=("run_id", "path", VALID_FROM),
    is_book=True,
    opt_in=True,
    since=VALID_FROM,
    columns=(
        _RUN_ID,
        Column("path", TEXT, "Where in the output, for example line_items[0].sku."),
        _VALID_FROM,
        _CHANGED_AT,
        Column("change", TEXT, "added, changed or removed."),
        Column("path_template", TEXT, "The path with [] for array items: line_items[].sku."),
        Column("field", TEXT, "The nearest key as the schema names it: sku."),
        Column("value_type", TEXT, "As in extraction_fields; NULL: removed, or hidden since by a privacy rule."),
        Column("value_text", TEXT, "The value exactly: a string as it is, a number with the digits sent."),
    ),
)

HISTORY_TABLES = (PROCESSOR_RUN_HISTORY, EXTRACTION_FIELD_HISTORY)
"""Both, in this order."""
