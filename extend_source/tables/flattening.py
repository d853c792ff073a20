"""From payloads to Arrow tables: one pass over each payload fills every table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from extend_source.tables import bookkeeping
from extend_source.tables.batch_runs import BatchRunTables
from extend_source.tables.building import TableSet
from extend_source.tables.configs import ConfigTables
from extend_source.tables.contract import TableSchema
from extend_source.tables.credits import CreditTables
from extend_source.tables.edit_runs import EditRunTables
from extend_source.tables.evaluation import EvaluationSetItemTables
from extend_source.tables.evaluation_runs import EvaluationSetRunTables
from extend_source.tables.files import FileTables, file_ids_of
from extend_source.tables.forms import EditTemplateTables, FormDetectionRunTables
from extend_source.tables.links import CleanConfigs, file_without_signatures, run_without_signatures
from extend_source.tables.object_rows import ObjectRows
from extend_source.tables.objects import FILE_COLUMNS, LISTED_TABLES, LISTED_TYPES, OBJECT_TYPES, TABLES
from extend_source.tables.parse_outputs import ParseRunTables
from extend_source.tables.payloads import Origin, payload_sha256
from extend_source.tables.processors import ProcessorVersionTables
from extend_source.tables.reading import DriftLog, Extra, ObjectReader
from extend_source.tables.runs import RunTables, without_files
from extend_source.tables.seen_files import SEEN_FILES, SeenFiles
from extend_source.tables.typed import TypedNames, TypedTables
from extend_source.tables.verify_runs import VerifyRunTables
from extend_source.tables.workflow_runs import WorkflowRunTables
from extend_source.tables.workflows import WorkflowVersionTables
from extend_source.text.json_codec import encode_json
from extend_source.text.redaction import without_signed_urls

_LISTED_READERS = {table.name: ObjectReader.of(table) for table in LISTED_TABLES}


class Cleaning(Protocol):
    """Hides what must not be written anywhere."""

    def clean(self, object_type: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of an object without it."""

    def clean_summary(self, object_type: str, summary: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of a summary without it."""

    def field_action(self, path: tuple[str, ...], *, scalar: bool) -> str:
        """Say what happens to a field: keep, hash, mask or drop."""


class Family(Protocol):
    """Writes the objects of one type."""

    def add(self, payload: dict[str, Any], origin: Origin, /) -> str:
        """Add a canonical object; return its `payload_sha256`."""


class Tables(dict[str, pa.Table]):
    """Rows by the name of their table.

    Attributes:
        typed: the schemas of the typed tables among them, which come with the processors.
    """

    def __init__(self, tables: dict[str, pa.Table], typed: dict[str, tuple[TableSchema, pa.Table]]) -> None:
        super().__init__(tables)
        self.update((name, rows) for name, (_, rows) in typed.items())
        self.typed = {name: schema for name, (schema, _) in typed.items()}


@dataclass(frozen=True)
class FetchError:
    """An object, or a file's contents, that could not be loaded.

    Attributes:
        id: the object's id.
        workspace_id: the workspace named in the settings.
        resource_type: what it is, a key of `OBJECT_TYPES`.
        attempts: the loads in which it failed, this one included.
        status_code: the HTTP status, where there was an answer.
        code: the API's error code, or the name of the error.
        message: one line; free of secrets.
        error_code: this source's code of what happened.
        first_seen_at: the first failure.
        last_seen_at: this failure.
    """

    id: str
    workspace_id: str | None
    resource_type: str
    attempts: int
    status_code: int | None
    code: str | None
    message: str
    error_code: str
    first_seen_at: datetime
    last_seen_at: datetime


class Flattener:
    """Turns the payloads of one load into tables, in batches.

    What a load has seen once (a file, a config, an unknown key) it writes once. Nothing here does I/O.

    Attributes:
        erased_with_files: how many objects were noted as erased, as their files are.
    """

    def __init__(
        self,
        *,
        with_contents: bool = True,
        trust_empty_contents: bool = True,
        parse_output: str = "words",
        keep_raw: bool = False,
        details: bool = True,
        landed_drift: frozenset[tuple[str, str]] = frozenset(),
        erased_files: frozenset[str] = frozenset(),
        erased: frozenset[str] = frozenset(),
        names: TypedNames | None = None,
        privacy: Cleaning | None = None,
        cut_documents: bool = True,
        files_apart: bool = False,
    ) -> None:
        """Start a load.

        Args:
            with_contents: write the text of files; False keeps all of it out of the tables, the raw ones included.
            trust_empty_contents: an empty list of pages in a run means that the file has none.
            parse_output: how much of what parse runs have read is written, a key of `PARSE_OUTPUT_TABLES`.
            keep_raw: also keep the payloads themselves.
            details: what runs have cost is said by the runs; False: by their list, as they are not fetched.
            landed_drift: keys of ``schema_drift`` rows that earlier loads wrote, which stay as they are.
            erased_files: ids of files that must not be written again.
            erased: ids of all that was erased: what others say of it, such as its cost, is not written.
            names: the names of typed tables; None: none are written.
            privacy: cleans all that is added, before anything else is done with it.
            cut_documents: cut the signatures of links out of the documents' own content, too.
            files_apart: files become rows of ``seen_files``, to be put together elsewhere.
        """
        self._tables = TableSet([*TABLES.values(), *([SEEN_FILES] if files_apart else [])])
        self._drift = DriftLog()
        self._files: FileTables | SeenFiles
        if files_apart:
            self._files = SeenFiles(self._tables, with_contents=with_contents)
        else:
            self._files = FileTables(
                self._tables, self._drift, with_contents=with_contents, trust_empty=trust_empty_contents
            )
        self._privacy = privacy
        hide = None if privacy is None else privacy.field_action
        self._typed = None if names is None else TypedTables(names, self._drift, hide)
        self._configs = ConfigTables(self._tables, self._drift)
        self._credits = CreditTables(self._tables, self._drift, erased)
        books = (self._tables, self._drift)
        shared = (*books, self._files, self._configs, self._credits)
        plain = {name: ObjectRows(name, kind.table, *books, keep_raw=keep_raw) for name, kind in OBJECT_TYPES.items()}
        self._families: dict[str, Family] = {
            **plain,  # those that have no builder of their own
            "processor_run": RunTables(*shared, keep_raw=keep_raw, raw_contents=with_contents, typed=self._typed),
            "parse_run": ParseRunTables(*shared, parse_output=parse_output, keep_raw=keep_raw),
            "workflow_run": WorkflowRunTables(*books, self._files, self._credits, keep_raw=keep_raw, erased=erased),
            "workflow_version": WorkflowVersionTables(*books, self._configs, keep_raw=keep_raw),
            "processor_version": ProcessorVersionTables(*books, self._configs, keep_raw=keep_raw),
            "verify_run": VerifyRunTables(*books, self._files, self._credits, keep_raw=keep_raw),
            "edit_run": EditRunTables(*books, self._files, self._credits, keep_raw=keep_raw),
            "form_detection_run": FormDetectionRunTables(*books, self._files, self._credits, keep_raw=keep_raw),
            "edit_template": EditTemplateTables(*books, self._files, keep_raw=keep_raw),
            "evaluation_set_item": EvaluationSetItemTables(*books, self._files, keep_raw=keep_raw),
            "evaluation_set_run": EvaluationSetRunTables(*books, keep_raw=keep_raw),
            "batch_run": BatchRunTables(*books, keep_raw=keep_raw),
        }
        self._keep_raw, self._details = keep_raw, details
        self._erased_files = erased_files
        self._cut_documents, self._clean_configs = cut_documents, CleanConfigs()
        self._written_drift = set(landed_drift)
        self.erased_with_files = 0

    def bring(self, load_id: str, object_id: str) -> None:
        """Say what the next payload is of, where files are taken apart.

        Args:
            load_id: the load that has brought it.
            object_id: the object.
        """
        if isinstance(self._files, SeenFiles):
            self._files.brought_by, self._files.seen_in = load_id, object_id

    def add(self, object_type: str, payload: dict[str, Any], origin: Origin, *, final: bool = True) -> str:
        """Add an object as the API sends it in full, wholly or not at all.

        Args:
            object_type: what it is, a key of `OBJECT_TYPES`.
            payload: the canonical object.
            origin: where it came from.
            final: what names the object has ended: a file without text gets a row that says so.

        Returns:
            The SHA-256 of a run's payload, see `RunTables.add`; empty for a file, of which none is kept, and for what
            must not be written.

        Raises:
            Exception: the payload cannot be read, for example as it nests too deeply; nothing of it was added.
        """
        if object_type == "file":
            return self._add_file(payload, origin, final=final)
        if object_type in FILE_COLUMNS and not self._erased_files.isdisjoint(file_ids_of(payload)):
            # all that it says is of the file: it is not to be asked for again either
            self.add_erasure(payload["id"], object_type, origin.fetched_at)
            self.erased_with_files += 1
            return ""
        try:
            run = without_files(payload, self._erased_files)
            run = run_without_signatures(run, cut_documents=self._cut_documents, configs=self._clean_configs)
            if self._privacy is not None:
                run = self._privacy.clean(object_type, run)
            with self._tables.all_or_nothing():
                return self._families[object_type].add(run, origin)
        except Exception:
            # what was written with it must be written again with others
            self._configs.forget()
            self._credits.forget()
            raise

    def _add_file(self, file: dict[str, Any], origin: Origin, *, final: bool) -> str:
        """Add a file as ``GET /files/{id}`` sends it, its text included; see `FileTables.add`."""
        if file["id"] in self._erased_files:
            return ""
        file = file_without_signatures(file, cut_documents=self._cut_documents)
        if self._privacy is not None:
            file = self._privacy.clean("file", file)
        self._files.add(file, origin.fetched_at, fetched=True, keep_empty=final)
        self._tables[bookkeeping.FETCH_ERRORS].mark(file["id"])
        if self._keep_raw:
            self._tables[bookkeeping.RAW_PAYLOADS].add(
                id=file["id"],
                resource_type="file",
                api_version=origin.api_version,
                workspace_id=origin.workspace_id,
                payload=encode_json(file),
                is_final=final,
                created_at=None,
                updated_at=None,
                fetched_at=origin.fetched_at,
                payload_sha256=None,
            )
        return ""

    def start_over(self) -> None:
        """Take what follows as payloads of a later load; see `FileTables.start_over`."""
        self._files.start_over()

    def add_summary(
        self, object_type: str, summary: dict[str, Any], workspace_id: str | None, listed_at: datetime
    ) -> None:
        """Add an object as the listing shows it.

        Args:
            object_type: what it is, a key of `LISTED_TYPES`.
            summary: the canonical summary, with an ``id`` (SDK 0.2.0, processor_run_summary; SDK 1.20.0,
                parse_run_summary).
            workspace_id: the workspace named in the settings.
            listed_at: when it was listed, UTC.
        """
        listed = LISTED_TYPES[object_type]
        if self._privacy is not None:
            summary = self._privacy.clean_summary(object_type, summary)
        shown = without_signed_urls(summary)
        values, read_extra = _LISTED_READERS[listed.table.name].read(shown, self._drift)
        extra: Extra = dict(read_extra or {})
        for key, table in listed.children.items():
            self._add_listed_items(table, summary["id"], key, shown.get(key), extra)
        said = dict(zip((column.name for column in listed.table.api_columns), values, strict=True))
        if listed.has_credits:
            odd = self._credits.add(object_type, summary["id"], shown.get("usage"), said["credits"], listed_at)
            extra |= {"usage": {**(extra.get("usage") or {}), **odd}} if odd else {}
        elif not (self._details or listed.is_sum):
            self._credits.note(object_type, summary["id"], said.get("credits"), listed_at)
        self._tables[listed.table].add(
            values,
            extra or None,
            workspace_id=workspace_id,
            listed_at=listed_at,
            summary_sha256=payload_sha256(summary),
        )

    def _add_listed_items(self, table: TableSchema, owner: str, key: str, items: Any, extra: Extra) -> None:
        """Add the items of a listed object's member; what is no list of objects goes to its ``extra``."""
        builder = self._tables[table]
        builder.mark(owner)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            if items is not None:
                self._drift.unexpected_type(table.object_name, key, items)
                extra[key] = items
            return
        for position, item in enumerate(items):
            read = _LISTED_READERS[table.name].read(item, self._drift)
            builder.add(*read, **{str(table.replaced_by): owner}, position=position)

    def add_tombstone(
        self, object_type: str, object_id: str, workspace_id: str | None, detected_at: datetime, reason: str
    ) -> None:
        """Add an object that is gone at the source; it is no longer an error."""
        self._tables[bookkeeping.TOMBSTONES].add(
            id=object_id,
            resource_type=object_type,
            workspace_id=workspace_id,
            detected_at=detected_at,
            reason=reason,
        )
        self._tables[bookkeeping.FETCH_ERRORS].mark(object_id)

    def confirm(self, object_id: str) -> None:
        """Say that an object could be had, and that its rows stay as they have landed."""
        self._tables[bookkeeping.TOMBSTONES].mark(object_id)
        self._tables[bookkeeping.FETCH_ERRORS].mark(object_id)

    def remove_tombstone(self, object_id: str) -> None:
        """Say that an object is there again."""
        self._tables[bookkeeping.TOMBSTONES].mark(object_id)

    def add_erasure(self, object_id: str, resource_type: str, erased_at: datetime | None) -> None:
        """Add an object that was erased on request."""
        self._tables[bookkeeping.ERASURES].add(id=object_id, resource_type=resource_type, erased_at=erased_at)

    def add_log(self, entry: Mapping[str, Any], objects: Iterable[Mapping[str, Any]]) -> None:
        """Add what the load did.

        Args:
            entry: the row of ``sync_log``, by column name; columns that are left out are NULL.
            objects: the rows of ``sync_log_objects``.
        """
        columns = bookkeeping.SYNC_LOG.columns
        self._tables[bookkeeping.SYNC_LOG].add(**{column.name: entry.get(column.name) for column in columns})
        for row in objects:
            self._tables[bookkeeping.SYNC_LOG_OBJECTS].add(**row)

    def add_error(self, error: FetchError) -> None:
        """Add what could not be loaded."""
        self._tables[bookkeeping.FETCH_ERRORS].add(**asdict(error))

    def add_webhook_event(self, event: Mapping[str, Any]) -> None:
        """Add an event that a webhook has told, by column name."""
        self._tables[bookkeeping.WEBHOOK_EVENTS].add(**event)

    @property
    def undated_runs(self) -> list[str]:
        """The runs added since the last `take` whose creation the typed tables lack."""
        return [] if self._typed is None else self._typed.undated_runs

    @property
    def drift_rows(self) -> int:
        """How many rows ``schema_drift`` has with those of this load."""
        return len(self._written_drift | self._drift.entries.keys())

    def take_drifted_runs(self) -> set[str]:
        """Return the runs, added since the last call, of which ``schema_drift`` says something."""
        run_ids, self._drift.run_ids = self._drift.run_ids, set()
        return run_ids

    def take(self, load_id: str | None, now: datetime, created: Mapping[str, datetime | None] | None = None) -> Tables:
        """Return what was added since the last call as Arrow tables.

        Args:
            load_id: the id of the load, for ``_dlt_load_id``.
            now: the time for new ``schema_drift`` rows, UTC.
            created: when the undated runs were created, as far as that is known from elsewhere.

        Returns:
            Every table by name, empty ones included, each of its schema.
        """
        self._files.flush()
        typed = {}
        if self._typed is not None:
            typed = self._typed.take(load_id, now, self._tables[bookkeeping.TYPED_COLUMNS], created or {})
        builder = self._tables[bookkeeping.SCHEMA_DRIFT]
        for (owner, path), (reason, kind, run_id) in self._drift.entries.items():
            if (owner, path) in self._written_drift:
                continue
            self._written_drift.add((owner, path))
            builder.add(
                object=owner,
                path=path,
                reason=reason,
                json_type=kind,
                first_seen_at=now,
                example_run_id=run_id,
            )
        return Tables(self._tables.take(load_id), typed)
