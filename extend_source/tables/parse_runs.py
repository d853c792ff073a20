"""Parse runs of API 2026-02-09: their list says what is loaded of them."""

from __future__ import annotations

from extend_source.tables.contract import EXTRA, Column, TableSchema
from extend_source.tables.kinds import CREDITS, INTEGER, JSON, NUMBER, TEXT, TIMESTAMP

PARSE_RUN_SUMMARIES = TableSchema(
    name="parse_run_summaries",
    grain="parse run that was listed",
    description="What the listing says of a parse run (API 2026-02-09). Unchanged rows are not rewritten.",
    key=("id",),
    is_book=True,
    object_name="parse_run_summary",
    handled=frozenset({"usage.totalCredits"}),
    latest_by="listed_at",
    columns=(
        Column("id", TEXT, "The parse run's id.", api="id"),
        Column("workspace_id", TEXT, "The workspace named in the settings."),
        Column("object", TEXT, "The API's name for this object type.", api="object"),
        Column("status", TEXT, "PENDING, PROCESSING, PROCESSED or FAILED.", api="status"),
        Column("file_id", TEXT, "The file that was parsed: files.id, if it was used.", api="fileId", about="file"),
        Column("batch_id", TEXT, "The batch that it belongs to.", api="batchId"),
        Column("failure_reason", TEXT, "Why it failed, as a code.", api="failureReason"),
        Column("failure_message", TEXT, "Why it failed, in words.", api="failureMessage"),
        Column("page_count", INTEGER, "Pages; for spreadsheets an estimate.", api="metrics.pageCount"),
        Column("processing_time_ms", NUMBER, "How long it took, in milliseconds.", api="metrics.processingTimeMs"),
        Column("credits", CREDITS, "NULL: unknown.", api="usage.credits"),
        Column("metadata", JSON, "What the caller attached to it.", api="metadata"),
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update.", api="updatedAt"),
        Column("listed_at", TIMESTAMP, "When the listing first said so."),
        Column("summary_sha256", TEXT, "SHA-256 of the summary as canonical JSON."),
        Column(EXTRA, JSON, "What the API sent of this object beyond the known columns."),
    ),
)
