"""Files, their contents, pages and sheets, and what parsing them cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from extend_source.tables import schemas
from extend_source.tables.building import TableSet
from extend_source.tables.credits import CREDIT_USAGE
from extend_source.tables.reading import DriftLog, Extra, ObjectReader

_FILE = ObjectReader.of(schemas.FILES)
_CONTENTS = ObjectReader.of(schemas.FILE_CONTENTS)
PART_TABLES = {"pages": schemas.FILE_PAGES, "sheets": schemas.FILE_SHEETS, "sections": schemas.FILE_SECTIONS}
"""The tables of the parts of a file's contents, by their keys."""

_READERS = {part: ObjectReader.of(table) for part, table in PART_TABLES.items()}

_API_NAMES = [column.name for column in schemas.FILES.api_columns]
_ID = _API_NAMES.index("id")
_CREDITS = _API_NAMES.index("credits")
_KEEP_KNOWN = [column.keep_known for column in schemas.FILES.api_columns]

_TICK = timedelta(microseconds=1)

TEXT_TABLES = frozenset({schemas.FILE_CONTENTS.name, *(table.name for table in PART_TABLES.values())})
"""The tables that hold the text of files."""


@dataclass
class _Record:
    """All that one load has learned of a file: what is known is never forgotten, the newest figure wins."""

    values: list[Any]
    extra: Extra
    seen_at: datetime
    changed: bool = True
    text: tuple[list[Any], Extra] | None = None
    text_seen_at: datetime | None = None
    parts: dict[str, list[Any]] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)


class FileTables:
    """Writes each distinct file once a batch at most, however many runs carry it."""

    def __init__(self, tables: TableSet, drift: DriftLog, *, with_contents: bool, trust_empty: bool = True) -> None:
        """Start a load.

        Args:
            tables: where the rows go.
            drift: where unknown keys are noted.
            with_contents: write the text of files; False keeps all of it out of the tables.
            trust_empty: an empty text or list of pages in a run means that the file has none; False where the text is
                fetched by ``GET /files/{id}``, as runs may carry empty contents then.
        """
        self._tables = tables
        self._drift = drift
        self._with_contents = with_contents
        self._trust_empty = trust_empty
        self._records: dict[str, _Record] = {}
        self._known: dict[str, list[Any]] = {}
        self._touched: dict[str, None] = {}

    def add(
        self, file: dict[str, Any], fetched_at: datetime, *, fetched: bool = False, keep_empty: bool = False
    ) -> str | None:
        """Add a file as a run or ``GET /files/{id}`` carries it.

        Args:
            file: the API's File object (docs "File object").
            fetched_at: when it was fetched, UTC.
            fetched: it comes from ``GET /files/{id}``: its contents stand above those that runs carry.
            keep_empty: a file without any text gets a row that says so.

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
            contents = None
        record = self._merge(file_id, values, extra or {}, fetched_at)
        if contents is not None:
            self._merge_contents(record, contents, fetched, fetched_at)
        if keep_empty and record.text is None and not record.written:
            record.text, record.text_seen_at = (list(_CONTENTS.nothing), {}), fetched_at
        self._touched[file_id] = None
        return file_id

    def _merge(self, file_id: str, values: list[Any], extra: Extra, fetched_at: datetime) -> _Record:
        record = self._records.get(file_id)
        if record is None:
            record = self._records[file_id] = _Record(values, extra, fetched_at)
            return record
        merged = [old if new is None else new for old, new in zip(record.values, values, strict=True)]
        united = {**record.extra, **extra}
        if merged != record.values or united != record.extra:
            # a later row of the same load must win over the earlier one
            record.seen_at = max(fetched_at, record.seen_at + _TICK)
            record.values, record.extra, record.changed = merged, united, True
        return record

    def _merge_contents(self, record: _Record, contents: dict[str, Any], fetched: bool, fetched_at: datetime) -> None:
        values, extra = _CONTENTS.read(contents, self._drift)
        if not self._trust_empty and not fetched:
            values = [value or None for value in values]
        left_over: Extra = dict(extra or {})
        for part in PART_TABLES:
            items = contents.get(part)
            if items is None:
                continue
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                self._drift.unexpected_type("file_contents", part, items)
                left_over[part] = items
            elif fetched or (
                (items or self._trust_empty) and not record.parts.get(part) and part not in record.written
            ):
                record.parts[part] = items
        if left_over or any(value is not None for value in values):
            before, extra_before = record.text or (list(_CONTENTS.nothing), {})
            new, old = (values, before) if fetched else (before, values)
            merged = [second if first is None else first for first, second in zip(new, old, strict=True)]
            record.text = (merged, {**extra_before, **left_over})
            if fetched or record.text_seen_at is None:
                record.text_seen_at = fetched_at
        if fetched:
            record.written.discard("text")  # its row is later than one that a run's text may have written

    def forget(self) -> None:
        """Forget all files; what was written stays."""
        self._records.clear()
        self._known.clear()

    def start_over(self) -> None:
        """Take what follows as a later load: files met again are written anew, and only what must be kept is kept.

        It is for payloads of several loads that are put into one; the rows of an earlier load are not in the
        destination yet, where the next one would have found what must not be erased.
        """
        self.flush()
        for file_id, record in self._records.items():
            kept = [value if keep else None for value, keep in zip(record.values, _KEEP_KNOWN, strict=True)]
            self._known[file_id] = self._filled(file_id, kept)
        self._records.clear()

    def flush(self) -> None:
        """Write what the files added since the last call have brought."""
        for file_id in self._touched:
            record = self._records[file_id]
            if record.changed:
                self._write(file_id, record)
            for part, items in record.parts.items():
                self._write_part(file_id, part, items)
            if record.text is not None and "text" not in record.written:
                contents = self._tables[schemas.FILE_CONTENTS]
                contents.add(*record.text, file_id=file_id, fetched_at=record.text_seen_at)
                record.written.add("text")
            record.written.update(record.parts)
            record.changed, record.text, record.parts = False, None, {}  # the text is not needed any longer
        self._touched.clear()

    def _write(self, file_id: str, record: _Record) -> None:
        values = self._filled(file_id, record.values)
        self._tables[schemas.FILES].add(values, record.extra, fetched_at=record.seen_at, row_counts=None)
        credits = record.values[_CREDITS]
        if credits is not None:
            self._tables[CREDIT_USAGE].add(
                resource_type="file",
                resource_id=file_id,
                credits=credits,
                basis="parsing",
                observed_at=record.seen_at,
            )

    def _filled(self, file_id: str, values: list[Any]) -> list[Any]:
        """Fill what a payload does not carry with what was known before `start_over`."""
        known = self._known.get(file_id)
        if known is None:
            return values
        return [old if new is None else new for old, new in zip(known, values, strict=True)]

    def _write_part(self, file_id: str, part: str, items: list[Any]) -> None:
        reader, builder = _READERS[part], self._tables[PART_TABLES[part]]
        builder.mark(file_id)
        for position, entry in enumerate(items):
            values, extra = reader.read(entry, self._drift)
            builder.add(values, extra, file_id=file_id, position=position)


def file_id_of(payload: dict[str, Any]) -> str | None:
    """Name the file that an object is about.

    Args:
        payload: the canonical object, for example a parse run.

    Returns:
        The file's id; None where it is not told.
    """
    file = payload.get("file")
    file_id = file.get("id") if isinstance(file, dict) else payload.get("fileId")
    return file_id if isinstance(file_id, str) else None


def file_ids_of(payload: dict[str, Any]) -> frozenset[str]:
    """Name the file that an object is about, and the one that an edit run has made of it."""
    edited = payload.get("editedFile")
    edited_id = edited.get("id") if isinstance(edited, dict) else None
    return frozenset(each for each in (file_id_of(payload), edited_id) if isinstance(each, str))
