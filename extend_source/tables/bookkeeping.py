"""The tables in which the source keeps its own books: what was listed, failed or is gone, and what each load did."""

from __future__ import annotations

from extend_source.config.run_values import PROCESSOR_TYPES, RUN_STATUSES
from extend_source.tables.contract import ANY_OBJECT, EXTRA, OBJECTS, Column, TableSchema
from extend_source.tables.kinds import BOOLEAN, CREDITS, DOCUMENT_TEXT, INTEGER, JSON, NUMBER, TEXT, TIMESTAMP

_WORKSPACE_ID = Column("workspace_id", TEXT, "The workspace named in the settings.")


def _resource_type() -> Column:
    return Column("resource_type", TEXT, f"What it is: {', '.join(OBJECTS)}.", values=OBJECTS)


PROCESSOR_RUN_SUMMARIES = TableSchema(
    name="processor_run_summaries",
    grain="run that was listed",
    description="What the listing says of a run, also before it is fetched. Unchanged rows are not rewritten.",
    key=("id",),
    is_book=True,
    object_name="processor_run_summary",
    latest_by="listed_at",
    columns=(
        Column("id", TEXT, "The run's id.", api="id", about="processor_run"),
        _WORKSPACE_ID,
        Column("type", TEXT, "EXTRACT, CLASSIFY or SPLITTER.", api="type", values=PROCESSOR_TYPES),
        Column(
            "status",
            TEXT,
            "PENDING, PROCESSING, PROCESSED, FAILED or CANCELLED.",
            api="status",
            values=RUN_STATUSES,
        ),
        Column("processor_id", TEXT, "The processor.", api="processorId"),
        Column("processor_version_id", TEXT, "The processor's version.", api="processorVersionId"),
        Column("processor_version", TEXT, "Its number, or draft (API 2026-02-09).", api="processorVersion"),
        Column("processor_name", TEXT, "The processor's name.", api="processorName"),
        Column("reviewed", BOOLEAN, "A person has reviewed it (API 2026-02-09).", api="reviewed"),
        Column("edited", BOOLEAN, "The review changed something (API 2026-02-09).", api="edited"),
        Column("credits", CREDITS, "Without parsing; NULL: unknown.", api="usage.credits"),
        Column("total_credits", CREDITS, "With what it started (API 2026-02-09).", api="usage.totalCredits"),
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update.", api="updatedAt"),
        Column("listed_at", TIMESTAMP, "When the listing first said so."),
        Column("summary_sha256", TEXT, "SHA-256 of the summary as canonical JSON."),
        Column(EXTRA, JSON, "What the API sent of this object beyond the known columns."),
    ),
)

TOMBSTONES = TableSchema(
    name="tombstones",
    grain="object that is gone at the source",
    description="Its own rows stay. An object that comes back loses its row here.",
    key=("id",),
    is_book=True,
    replaced_by="id",
    marker_on="reason",
    columns=(
        Column("id", TEXT, "The object's id.", about=ANY_OBJECT),
        _resource_type(),
        _WORKSPACE_ID,
        Column("detected_at", TIMESTAMP, "When it was found to be gone."),
        Column(
            "reason",
            TEXT,
            "not_found: the API said 404 or 410; not_listed: its list had it no longer. Deleted, expired, or moved.",
        ),
    ),
)

FETCH_ERRORS = TableSchema(
    name="fetch_errors",
    grain="run, file's text or other object that could not be loaded",
    description="A later success removes the row.",
    key=("id",),
    is_book=True,
    replaced_by="id",
    marker_on="attempts",
    columns=(
        Column("id", TEXT, "The object's id.", about=ANY_OBJECT),
        _WORKSPACE_ID,
        _resource_type(),
        Column("attempts", INTEGER, "Loads in which it failed."),
        Column("status_code", INTEGER, "The HTTP status, where there was an answer."),
        Column("code", TEXT, "The API's error code, or this source's name for the error."),
        Column("message", TEXT, "What happened and what to do."),
        Column("error_code", TEXT, "The code of that, such as EXT-215: see Troubleshooting."),
        Column("first_seen_at", TIMESTAMP, "First failure."),
        Column("last_seen_at", TIMESTAMP, "Latest failure."),
    ),
)

SCHEMA_DRIFT = TableSchema(
    name="schema_drift",
    grain="unknown key, or field that does not fit its column",
    description="The values themselves are in the owner's extra column or, of typed tables, in extraction_fields.",
    key=("object", "path"),
    is_book=True,
    columns=(
        Column("object", TEXT, "The API object, or the typed table."),
        Column("path", TEXT, "The key, dotted; of a typed table the field's path_template."),
        Column(
            "reason",
            TEXT,
            "unknown_key; unexpected_type: the column cannot hold a value; no_column: no room.",
            values=("unknown_key", "unexpected_type", "no_column"),
        ),
        Column("json_type", TEXT, "The JSON type seen first."),
        Column("first_seen_at", TIMESTAMP, "When it was seen first."),
        Column("example_run_id", TEXT, "A run that carries it; NULL: seen elsewhere.", references="processor_run"),
    ),
)

SYNC_LOG = TableSchema(
    name="sync_log",
    grain="load",
    description="What each load did. A sync is one load or several of one sync_id; counts are those of the load alone.",
    key=("load_id",),
    is_book=True,
    columns=(
        Column("load_id", TEXT, "dlt's id of the load: _dlt_loads.load_id."),
        Column("sync_id", TEXT, "The sync it was part of: the id of its first load."),
        Column(
            "mode",
            TEXT,
            "full, incremental, reconcile, quiet, by_id or rebuild.",
            values=("full", "incremental", "reconcile", "quiet", "by_id", "rebuild"),
        ),
        _WORKSPACE_ID,
        Column("started_at", TIMESTAMP, "When the load began."),
        Column("fetched_at", TIMESTAMP, "When its last row was fetched; loading follows."),
        Column("runs_listed", INTEGER, "Runs seen in the listing."),
        Column("runs_known", INTEGER, "Of these, runs that had landed and not changed."),
        Column("runs_fetched", INTEGER, "Runs fetched and loaded."),
        Column("runs_changed", INTEGER, "Of these, runs that were new or had another payload than before."),
        Column("runs_failed", INTEGER, "Runs that went to fetch_errors."),
        Column("runs_gone", INTEGER, "Runs found to be gone: tombstones."),
        Column("runs_pending", INTEGER, "Runs, and parse runs, left for a later load."),
        Column("runs_restored", INTEGER, "Runs written again, as rows of theirs were gone."),
        Column("runs_rechecked", INTEGER, "Runs fetched although nothing said that they had changed."),
        Column("runs_drifted", INTEGER, "Of these, runs that had changed unnoticed."),
        Column("drift_rate", NUMBER, "runs_drifted / runs_rechecked; NULL: none was rechecked."),
        Column("files_fetched", INTEGER, "Files whose text was fetched."),
        Column("files_failed", INTEGER, "Files whose text went to fetch_errors."),
        Column("requests", INTEGER, "Requests sent."),
        Column("retries", INTEGER, "Of these, second or later attempts."),
        Column("throttled", INTEGER, "429 answers."),
        Column("seconds_waiting", NUMBER, "Seconds in which the request budget held requests back."),
        Column("bytes_received", INTEGER, "Bytes of the bodies as they came over the wire."),
        Column("rows_written", JSON, "Rows written, by table, as a JSON object; NULL: written before 0.2."),
        Column("watermark_before", TIMESTAMP, "Changes up to here had been loaded before; NULL: none."),
        Column("watermark_after", TIMESTAMP, "Changes up to here are loaded with this load."),
        Column("stopped_by", TEXT, "Why it ended early: request or the limit max_runs, max_requests or max_seconds."),
        Column("error", TEXT, "What the sync failed with after this load, one line; NULL: it did not fail."),
        Column("error_code", TEXT, "The code of that, such as EXT-209: see Troubleshooting."),
        Column("scope", JSON, "What the watermark holds for: filters, tables, and whether runs are fetched."),
        Column("api_version", TEXT, "The API version asked for."),
        Column("source_version", TEXT, "The version of this source."),
        Column("dlt_version", TEXT, "The version of dlt."),
    ),
)

SYNC_LOG_OBJECTS = TableSchema(
    name="sync_log_objects",
    grain="type of objects in a load",
    description="What each load did with each type of objects; a type with nothing to count has no row.",
    key=("load_id", "resource_type"),
    is_book=True,
    columns=(
        Column("load_id", TEXT, "The load: sync_log.load_id."),
        _resource_type(),
        Column("listed", INTEGER, "Seen in a list."),
        Column("known", INTEGER, "Of these, had landed and not changed."),
        Column("wanted", INTEGER, "To be fetched."),
        Column("done", INTEGER, "Whose request ended, well or not."),
        Column("fetched", INTEGER, "Fetched and loaded."),
        Column("changed", INTEGER, "Of these, new or with another payload than before."),
        Column("failed", INTEGER, "Went to fetch_errors."),
        Column("failed_again", INTEGER, "Of these, had failed before."),
        Column("gone", INTEGER, "Found to be gone: tombstones."),
        Column("restored", INTEGER, "Written again, as rows of theirs were gone."),
        Column("rechecked", INTEGER, "Fetched although nothing said that they had changed."),
        Column("drifted", INTEGER, "Of these, had changed unnoticed."),
    ),
)

TYPED_COLUMNS = TableSchema(
    name="typed_columns",
    grain="typed table, or field of one, and type",
    description="The map of the typed tables: a name given once never changes.",
    key=("processor_id", "path", "data_type"),
    latest_by="recorded_at",
    columns=(
        Column("processor_id", TEXT, "The processor."),
        Column("path", TEXT, "As in extraction_fields.path_template; $: the processor's table, x[]: an array's."),
        Column("data_type", TEXT, "table, or text, bigint, double, bool, date, decimal or json."),
        Column("table_name", TEXT, "The table."),
        Column("column_name", TEXT, "The column; NULL: a table, or a field beyond a table's 1,000 columns."),
        Column("processor_name", TEXT, "The processor's name in the newest run seen."),
        Column("description", TEXT, "What the schema says of the field."),
        Column("first_version_id", TEXT, "The processor version of the oldest run seen that declares it."),
        Column("first_seen_at", TIMESTAMP, "That run's creation; NULL: unknown."),
        Column("last_version_id", TEXT, "The processor version of the newest run seen that declares it."),
        Column("last_seen_at", TIMESTAMP, "That run's creation."),
        Column("recorded_at", TIMESTAMP, "When this was written."),
    ),
)

ERASURES = TableSchema(
    name="erasures",
    grain="object that was erased on request",
    description="No sync loads it again, while its row is here.",
    key=("id",),
    is_book=True,
    columns=(
        Column("id", TEXT, "The object's id.", about=ANY_OBJECT),
        _resource_type(),
        Column("erased_at", TIMESTAMP, "When it was erased."),
    ),
)

REPLACEMENTS = TableSchema(
    name="replacements",
    grain="object that a load has replaced, or is about to",
    description="Written before a load begins. Until it has ended, tables may hold a part of the new rows only.",
    key=("id",),
    is_book=True,
    columns=(
        Column("id", TEXT, "The object's id.", about=ANY_OBJECT),
        _resource_type(),
        Column("announced_at", TIMESTAMP, "When this was written."),
    ),
)

RAW_PAYLOADS = TableSchema(
    name="raw_payloads",
    grain="payload of a run or other object, or of a file that was fetched for its text",
    description="Written with keep_raw: all tables can be rebuilt from it without a request.",
    key=("id", "resource_type"),
    opt_in=True,
    latest_by="fetched_at",
    columns=(
        Column("id", TEXT, "The object's id.", about=ANY_OBJECT),
        _resource_type(),
        Column("api_version", TEXT, "The API version it was fetched with; NULL: a file fetched before 0.2."),
        _WORKSPACE_ID,
        Column("payload", DOCUMENT_TEXT, "The payload as JSON text, digits as sent, without signed URLs."),
        Column("is_final", BOOLEAN, "Of a file: no run was working on it any longer: if it has no text, it has none."),
        Column("created_at", TIMESTAMP, "Creation of the object, from the listing.", keep_known=True),
        Column("updated_at", TIMESTAMP, "Last update of the object, from the listing.", keep_known=True),
        Column("fetched_at", TIMESTAMP, "When this source fetched it."),
        Column("payload_sha256", TEXT, "SHA-256 of the payload in canonical form; NULL: a file."),
    ),
)

WEBHOOK_EVENTS = TableSchema(
    name="webhook_events",
    grain="event that a webhook has told",
    description="Written by listen, once what the event names has been loaded. Its payload is kept nowhere.",
    key=("event_id",),
    is_book=True,
    opt_in=True,
    columns=(
        Column("event_id", TEXT, "Extend's id of the event; the same in every delivery."),
        Column("event_type", TEXT, "For example extract_run.processed."),
        Column("object", TEXT, "The API's name for the type of object; NULL: the event does not say."),
        Column("object_id", TEXT, "The object that it is about; NULL: the event does not say.", about=ANY_OBJECT),
        Column("resource_type", TEXT, "What that lands as, for example processor_run; NULL: it does not land."),
        Column("run_count", INTEGER, "The runs of all types that it named; what filters choose of them has landed."),
        Column("received_at", TIMESTAMP, "When it arrived first."),
    ),
)

MIGRATED_IDS = TableSchema(
    name="migrated_ids",
    grain="run, processor or processor version of the dataset before it was migrated",
    description="Its id in each version of the API. Made by migrate alone.",
    key=("old_id", "resource_type"),
    is_book=True,
    columns=(
        Column("old_id", TEXT, "The id in API 2025-04-21."),
        Column("resource_type", TEXT, "processor_run, processor or processor_version."),
        Column("new_id", TEXT, "The id in API 2026-02-09; NULL: not known.", about=ANY_OBJECT),
        Column("matched_by", TEXT, "suffix, attributes or runs (of the processor); NULL: not matched."),
        Column("is_listed", BOOLEAN, "API 2026-02-09 lists it; of a processor: runs of it."),
        Column("reason", TEXT, "Why new_id or is_listed is missing: not_listed, ambiguous or files_differ."),
        Column("migrated_at", TIMESTAMP, "When this was written."),
    ),
)
