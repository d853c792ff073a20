"""The tables in which the source keeps its own books: what failed, and what it did not know."""

from __future__ import annotations

from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import INTEGER, TEXT, TIMESTAMP

FETCH_ERRORS = TableSchema(
    name="fetch_errors",
    grain="run, or file's text, that could not be loaded",
    description="A later success removes the row.",
    key=("id",),
    replaced_by="id",
    marker_on="attempts",
    columns=(
        Column("id", TEXT, "The run's or file's id."),
        Column("resource_type", TEXT, "processor_run or file."),
        Column("attempts", INTEGER, "Loads in which it failed."),
        Column("status_code", INTEGER, "The HTTP status, where there was an answer."),
        Column("code", TEXT, "The API's error code, or this source's name for the error."),
        Column("message", TEXT, "What happened and what to do."),
        Column("first_seen_at", TIMESTAMP, "First failure."),
        Column("last_seen_at", TIMESTAMP, "Latest failure."),
    ),
)

SCHEMA_DRIFT = TableSchema(
    name="schema_drift",
    grain="unknown key in the API's objects",
    description="The values themselves are in the owner's extra column.",
    key=("object", "path"),
    columns=(
        Column("object", TEXT, "The API object."),
        Column("path", TEXT, "The key, dotted."),
        Column("reason", TEXT, "unknown_key, or unexpected_type for a value of a type the column cannot hold."),
        Column("json_type", TEXT, "The JSON type seen first."),
        Column("first_seen_at", TIMESTAMP, "When it was seen first."),
        Column("example_run_id", TEXT, "A run that carries it; NULL: seen on a file."),
    ),
)
