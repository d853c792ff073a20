"""The row of an object that is fetched, and what goes with any such row: markers, its payload, and its sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from extend_source.tables import bookkeeping
from extend_source.tables.building import TableSet
from extend_source.tables.contract import EXTRA, Column, TableSchema
from extend_source.tables.credits import CreditTables
from extend_source.tables.files import FileTables, file_id_of
from extend_source.tables.kinds import INTEGER, JSON, TEXT, TIMESTAMP
from extend_source.tables.payloads import Origin, payload_sha256
from extend_source.tables.reading import DriftLog, Extra, ObjectReader
from extend_source.tables.seen_files import SeenFiles
from extend_source.text.json_codec import encode_json

POSITION = Column("position", INTEGER, "Place in the API's list, from 0.")
EXTRA_COLUMN = Column(EXTRA, JSON, "What the API sent of this object beyond the known columns.")
LISTED_WORKSPACE = Column("workspace_id", TEXT, "The workspace named in the settings.")
TIMES = (
    Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
    Column("updated_at", TIMESTAMP, "Last update.", api="updatedAt"),
)
LISTED = (
    *TIMES,
    Column("listed_at", TIMESTAMP, "When the listing first said so."),
    Column("summary_sha256", TEXT, "SHA-256 of the summary as canonical JSON."),
    EXTRA_COLUMN,
)
"""The last columns of an object that is listed."""

CREATED_BY = (
    Column("created_by_type", TEXT, "user or api_key (API 2026-02-09).", api="createdBy.type"),
    Column("created_by_email", TEXT, "Who made it; dropped by default.", api="createdBy.email", is_personal=True),
    Column("created_by_name", TEXT, "The key it was made with; dropped too.", api="createdBy.name", is_personal=True),
)

BEFORE = (
    Column("object", TEXT, "The API's name for this object type.", api="object"),
    Column("api_version", TEXT, "The API version it was fetched with."),
    Column("workspace_id", TEXT, "The workspace named in the settings."),
)
"""The columns that follow the id of an object that is fetched."""

AFTER = (
    Column("fetched_at", TIMESTAMP, "When this source fetched it."),
    Column("loaded_tables", TEXT, "The tables it was loaded into, if not the usual ones: names joined by commas."),
    Column("row_counts", JSON, "The rows that were written with it, by table."),
    Column("payload_sha256", TEXT, "SHA-256 of the payload in canonical form, without download links."),
    EXTRA_COLUMN,
)
"""The last columns of an object that is fetched."""


class ObjectRows:
    """Writes the rows of one type of objects: its own table, and the books that each object has a row in."""

    def __init__(
        self,
        object_type: str,
        table: TableSchema,
        tables: TableSet,
        drift: DriftLog,
        *,
        children: Sequence[TableSchema] = (),
        keep_raw: bool = False,
    ) -> None:
        """Start a load.

        Args:
            object_type: what the objects are, a key of `OBJECT_TYPES`.
            table: the table with one row for each.
            tables: where the rows go.
            drift: where unknown keys are noted.
            children: the tables whose rows an object replaces.
            keep_raw: also keep the payloads themselves.
        """
        self._object_type, self._table, self._keep_raw = object_type, table, keep_raw
        self._tables, self._drift, self._children = tables, drift, children
        self._reader = ObjectReader.of(table)
        self._names = [column.name for column in table.api_columns]
        self._own = {column.name for column in table.own_columns}

    def add(self, payload: dict[str, Any], origin: Origin) -> str:
        """Add an object whose table has all of it.

        Args:
            payload: the canonical object, with an ``id``.
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        return self.write(payload, origin, *self.read(payload))

    def read(self, payload: dict[str, Any]) -> tuple[dict[str, Any], Extra]:
        """Begin an object: say that it was loaded, and read its columns.

        Args:
            payload: the canonical object, with an ``id``.

        Returns:
            The values by the names of their columns, and what no column holds.
        """
        object_id = payload["id"]
        for table in self._children:
            self._tables[table].mark(object_id)
        self._tables[bookkeeping.FETCH_ERRORS].mark(object_id)
        self._tables[bookkeeping.TOMBSTONES].mark(object_id)
        values, extra = self._reader.read(payload, self._drift)
        return dict(zip(self._names, values, strict=True)), dict(extra or {})

    def write(self, payload: dict[str, Any], origin: Origin, values: dict[str, Any], extra: Extra, **own: Any) -> str:
        """End an object: write its row, and its payload where these are kept.

        Args:
            payload: the canonical object.
            origin: where it came from.
            values: the values that `read` has returned.
            extra: what no table holds of it.
            **own: the values of the columns that the builder worked out, by name.

        Returns:
            The payload's `payload_sha256`.
        """
        said = {
            "api_version": origin.api_version,
            "workspace_id": origin.workspace_id,
            # what the object itself says is newer than what the listing said before
            "created_at": values.get("created_at") or origin.created_at,
            "updated_at": values.get("updated_at") or origin.updated_at,
            "fetched_at": origin.fetched_at,
            "payload_sha256": origin.payload_sha256 or payload_sha256(payload),
        }
        # rows are counted once all are there
        known = {**said, "loaded_tables": origin.loaded_tables, "row_counts": None, **own}
        chosen = {name: value for name, value in known.items() if name in self._own}
        self._tables[self._table].add([values[name] for name in self._names], extra or None, **chosen)
        if self._keep_raw:
            self._tables[bookkeeping.RAW_PAYLOADS].add(
                **said,
                id=payload["id"],
                resource_type=self._object_type,
                payload=encode_json(payload),
                is_final=None,
            )
        return str(said["payload_sha256"])

    def objects(self, owner: dict[str, Any], key: str, extra: Extra) -> Iterator[dict[str, Any]]:
        """Yield the objects of a list.

        Args:
            owner: the object that has the list.
            key: the member that holds it.
            extra: where to leave what is no list of objects.
        """
        items = owner.get(key)
        if isinstance(items, list) and all(isinstance(item, dict) for item in items):
            yield from items
        else:
            self.keep(extra, key, items)

    def add_file(
        self, payload: dict[str, Any], files: FileTables | SeenFiles, origin: Origin, extra: Extra
    ) -> str | None:
        """Add the file that an object is about, of which API 2025-04-21 says the id alone.

        Args:
            payload: the canonical object.
            files: where the file goes.
            origin: where the object came from.
            extra: where to leave what is no file.

        Returns:
            The file's id; None where it is not told.
        """
        file, file_id = payload.get("file"), file_id_of(payload)
        if isinstance(file, dict) and file_id is not None:
            files.add(file, origin.fetched_at)
        else:
            self.keep(extra, "file", file)
        if "fileId" in payload and payload["fileId"] != file_id:
            self.keep(extra, "fileId", payload["fileId"])
        return file_id

    def add_usage(
        self, run: dict[str, Any], credits: CreditTables, own: Decimal | None, origin: Origin, extra: Extra
    ) -> None:
        """Add what a run, and what it started, has cost.

        Args:
            run: the canonical run.
            credits: where the lines go.
            own: what it cost itself; None: unknown, or it has no line of its own.
            origin: where it came from.
            extra: where to leave what no line can hold.
        """
        if odd := credits.add(self._object_type, run["id"], run.get("usage"), own, origin.fetched_at):
            extra["usage"] = {**(extra.get("usage") or {}), **odd}

    def keep(self, extra: Extra, key: str, value: Any) -> None:
        """Leave a value that is not of its type to ``extra``; null is no value."""
        if value is not None:
            extra[key] = value
            self._drift.unexpected_type(self._object_type, key, value)
