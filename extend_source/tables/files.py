"""Files, their contents, pages and sheets, and what parsing them cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from extend_source.tables import schemas
from extend_source.tables.building import TableSet
from extend_source.tables.reading import DriftLog, ObjectReader

_FILE = ObjectReader.of(schemas.FILES)
_CONTENTS = ObjectReader.of(schemas.FILE_CONTENTS)
_PAGE = ObjectReader.of(schemas.FILE_PAGES)
_SHEET = ObjectReader.of(schemas.FILE_SHEETS)

_API_NAMES = [column.name for column in schemas.FILES.api_columns]
_ID = _API_NAMES.index("id")
_CREDITS = _API_NAMES.index("credits")
_UPDATED_AT = _API_NAMES.index("updated_at")


@dataclass
class _Seen:
    """What this load has already written of a file."""

    credits: Decimal | None
    updated_at: datetime | None
    parts: set[str]


class FileTables:
    """Writes each distinct file once a load, however many runs carry it."""

    def __init__(self, tables: TableSet, drift: DriftLog, *, with_contents: bool) -> None:
        """Start a load.

        Args:
            tables: where the rows go.
            drift: where unknown keys are noted.
            with_contents: write the text of files; False keeps all of it out of the tables.
        """
        self._tables = tables
        self._drift = drift
        self._with_contents = with_contents
        self._seen: dict[str, _Seen] = {}

    def add(self, file: dict[str, Any], fetched_at: datetime, *, contents_asked_for: bool = False) -> str | None:
        """Add a file as a run or ``GET /files/{id}`` carries it.

        Args:
            file: the API's File object (docs "File object").
            fetched_at: when it was fetched, UTC.
            contents_asked_for: the request asked for text: a file that has none gets a row that says so.

        Returns:
            The file's id; None for an object without one, which the caller must keep.
        """
        values, extra = _FILE.read(file, self._drift)
        file_id: str | None = values[_ID]
        if file_id is None:
            return None
        contents = file.get("contents") if self._with_contents else None
        if contents is not None and not isinstance(contents, dict):
            self._drift.unexpected_type("file", "contents", contents)
            extra = {**(extra or {}), "contents": contents}
        credits, updated_at = values[_CREDITS], values[_UPDATED_AT]
        seen = self._seen.get(file_id)
        if seen is None or _is_news(seen, credits, updated_at):
            self._tables[schemas.FILES].add([fetched_at], values, extra)
            if credits is not None:
                ledger = self._tables[schemas.CREDIT_USAGE]
                ledger.add(["file", file_id, credits, "parsing", fetched_at])
        if seen is None:
            seen = self._seen[file_id] = _Seen(credits, updated_at, set())
        seen.credits = credits if credits is not None else seen.credits
        seen.updated_at = updated_at or seen.updated_at
        if contents_asked_for and not isinstance(contents, dict):
            contents = {}
        if isinstance(contents, dict):
            self._add_contents(file_id, contents, seen.parts, fetched_at, keep_empty=contents_asked_for)
        return file_id

    def forget(self) -> None:
        """Forget which files were written."""
        self._seen.clear()

    def _add_contents(
        self,
        file_id: str,
        contents: dict[str, Any],
        written: set[str],
        fetched_at: datetime,
        *,
        keep_empty: bool,
    ) -> None:
        values, extra = _CONTENTS.read(contents, self._drift)
        for part, table, reader in (
            ("pages", schemas.FILE_PAGES, _PAGE),
            ("sheets", schemas.FILE_SHEETS, _SHEET),
        ):
            items = contents.get(part)
            if items is None or part in written:
                continue
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                self._drift.unexpected_type("file_contents", part, items)
                extra = {**(extra or {}), part: items}
                continue
            written.add(part)
            builder = self._tables[table]
            builder.mark(file_id)
            for position, entry in enumerate(items):
                item_values, item_extra = reader.read(entry, self._drift)
                builder.add([file_id, position], item_values, item_extra)
        if "text" not in written and (keep_empty or extra or any(value is not None for value in values)):
            written.add("text")
            self._tables[schemas.FILE_CONTENTS].add([file_id, fetched_at], values, extra)


def _is_news(seen: _Seen, credits: Decimal | None, updated_at: datetime | None) -> bool:
    """Tell whether a file met again in one load says something that the first meeting did not."""
    new_credits = credits is not None and credits != seen.credits
    newer = updated_at is not None and (seen.updated_at is None or updated_at > seen.updated_at)
    return new_credits or newer
