"""What the list of files says: also of those that no run names."""

from __future__ import annotations

from dataclasses import replace

from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import TEXT
from extend_source.tables.object_rows import LISTED, LISTED_WORKSPACE
from extend_source.tables.schemas import FILES

_LISTED_APART = frozenset({"id", "credits", *(column.name for column in LISTED)})

FILE_SUMMARIES = TableSchema(
    name="file_summaries",
    grain="file that was listed",
    description="What the listing says of a file, also of one that no run names. Unchanged rows are not rewritten.",
    key=("id",),
    is_book=True,
    object_name="file_summary",
    latest_by="listed_at",
    columns=(
        Column("id", TEXT, "The file's id: files.id, if a run has used it.", api="id", about="file"),
        LISTED_WORKSPACE,
        *(replace(column, keep_known=False) for column in FILES.api_columns if column.name not in _LISTED_APART),
        *LISTED,
    ),
)
