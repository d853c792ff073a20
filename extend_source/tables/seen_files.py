"""Files taken out of payloads, to be put together where all that was seen of a file is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from extend_source.tables import schemas
from extend_source.tables.building import TableSet
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.credits import CREDIT_USAGE
from extend_source.tables.files import PART_TABLES, FileTables
from extend_source.tables.kinds import BOOLEAN, DOCUMENT_TEXT, TEXT, TIMESTAMP
from extend_source.tables.reading import DriftLog
from extend_source.text.json_codec import decode_json, encode_json

SEEN_FILES = TableSchema(
    name="seen_files",
    grain="file in a payload",
    description="What flattening passes on: sorted by id, fetched_at, is_fetched and seen_in, it becomes files.",
    key=("id", "seen_in", "is_fetched"),
    columns=(
        Column("id", TEXT, "The file's id."),
        Column("fetched_at", TIMESTAMP, "When the payload was fetched."),
        Column("is_fetched", BOOLEAN, "It is what GET /files/{id} has sent."),
        Column("seen_in", TEXT, "The object whose payload it is."),
        Column("keep_empty", BOOLEAN, "Without any text it gets a row that says so."),
        Column("brought_by", TEXT, "The load that brought the payload."),
        Column("file", DOCUMENT_TEXT, "The file as JSON text."),
    ),
)

TABLES_OF_FILES = {
    table.name: table for table in (schemas.FILES, schemas.FILE_CONTENTS, *PART_TABLES.values(), CREDIT_USAGE)
}
"""The tables that files become, by name."""


class SeenFiles:
    """Takes files out of payloads, in the place of `FileTables`.

    Attributes:
        brought_by: the load that has brought the payload that is being read.
        seen_in: the object that it is of.
    """

    def __init__(self, tables: TableSet, *, with_contents: bool) -> None:
        """Start.

        Args:
            tables: where the rows go.
            with_contents: keep the text of files.
        """
        self._tables, self._with_contents = tables, with_contents
        self.brought_by = self.seen_in = ""

    def add(
        self, file: dict[str, Any], fetched_at: datetime, *, fetched: bool = False, keep_empty: bool = False
    ) -> str | None:
        """Take a file; see `FileTables.add`."""
        file_id = file.get("id")
        if not isinstance(file_id, str):
            return None
        kept = file if self._with_contents else {key: value for key, value in file.items() if key != "contents"}
        self._tables[SEEN_FILES].add(
            id=file_id,
            fetched_at=fetched_at,
            is_fetched=fetched,
            seen_in=self.seen_in,
            keep_empty=keep_empty,
            brought_by=self.brought_by,
            file=encode_json(kept),
        )
        return file_id

    def start_over(self) -> None:
        """Do nothing: each row names its load."""

    def flush(self) -> None:
        """Do nothing: all is written."""


class FileMerge:
    """Puts files together, one after the other, as the loads did that brought them.

    Attributes:
        file_id: the file that is being put together; None: another may begin.
    """

    def __init__(self, tables: TableSet, drift: DriftLog, *, trust_empty: bool) -> None:
        """Start.

        Args:
            tables: where the rows go.
            drift: where unknown keys are noted.
            trust_empty: see `FileTables`.
        """
        self._tables = tables
        self._files = FileTables(tables, drift, with_contents=True, trust_empty=trust_empty)
        self.file_id: str | None = None
        self._load_id: str | None = None
        self._start: dict[str, int] = {}

    def add(self, seen: Mapping[str, Any]) -> None:
        """Add a row of ``seen_files``; those of a file come one after the other, in the order of fetching."""
        if self.file_id is None:
            self.file_id, self._start = seen["id"], self._lengths()
        elif seen["brought_by"] != self._load_id:
            self._end_load()
            self._files.start_over()
        self._load_id = seen["brought_by"]
        file = decode_json(seen["file"].encode())
        self._files.add(file, seen["fetched_at"], fetched=seen["is_fetched"], keep_empty=seen["keep_empty"])

    def end(self) -> None:
        """Write the rows of the file, and go on to the next one."""
        self._end_load()
        self._files.forget()
        self.file_id = None

    def _end_load(self) -> None:
        """Write what one load has brought, in place of what an earlier one has."""
        before = self._lengths()
        self._files.flush()
        for name, start in self._start.items():
            self._tables[TABLES_OF_FILES[name]].replace(start, before[name])

    def _lengths(self) -> dict[str, int]:
        return {name: len(self._tables[table]) for name, table in TABLES_OF_FILES.items()}
