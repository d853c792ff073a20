"""The payloads that have landed, turned into rows again as the loads that fetched them did."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from dlt.common import logger

from extend_source.api import GROUP_OF
from extend_source.config.groups import GROUPS
from extend_source.config.settings import ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import NoRawPayloads
from extend_source.ingest.limits import StoppedBy
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.recorder import Recorder
from extend_source.ingest.state import Scope
from extend_source.ingest.stored_payloads import (
    LONG_AGO,
    UNREADABLE,
    LandedOrigin,
    PayloadReader,
    RawPayload,
    ReadPayload,
    StoredPayload,
    contents_of_stored,
    in_batches,
    is_read_again,
    origin_of,
    runs_to_leave_alone,
    stored_payloads,
)
from extend_source.ingest.sync_log import LoadLog
from extend_source.ingest.worklist import Worklist
from extend_source.pipeline.conditions import equals
from extend_source.pipeline.landed import LandedData
from extend_source.tables import TYPED_TABLES, FetchError, Tables, wanted_tables
from extend_source.tables.bookkeeping import (
    FETCH_ERRORS,
    RAW_PAYLOADS,
    TOMBSTONES,
)
from extend_source.tables.credits import CREDIT_USAGE
from extend_source.tables.files import TEXT_TABLES
from extend_source.tables.objects import LISTED_TABLES, OBJECT_TYPES, SUMMED_TYPES
from extend_source.tables.row_counts import is_marker
from extend_source.tables.schemas import FILES, PROCESSOR_RUN_FILES
from extend_source.text.json_codec import MemberDecoder, encode_json

_LEFT_AS_THEY_ARE = (RAW_PAYLOADS, TOMBSTONES, *LISTED_TABLES)


class Replay:
    """All payloads that have landed, turned into rows in one load or several.

    They are taken in the order in which they were fetched, and those of one load together, so that the runs of a load
    add to what is known of their files, and what came later stands, as it did then. Only a load of more runs than
    `package_runs` is taken as several; small ones become one, up to that and about `package_megabytes`.

    Attributes:
        settings: the settings of the source; those of the wire are not used.
        written: the tables that it writes, the source's own books among them.
        names: their names.
        rebuilt: the names of those that hold what payloads say.
        progress: the counts.
        without_payload: runs that have landed without a raw payload.
        outdated: runs that have landed from a later payload than the raw one.
        untouched: the ids of all these runs, each with the time at which it was fetched; their rows must stay.
        sync_id: the id of the first load.
        decoder: decodes the payloads.
        max_characters: the size of the payloads at which a load ends, once all is done that one load had brought.
    """

    def __init__(self, settings: ExtendSettings, progress: SyncProgress) -> None:
        """Begin; nothing is read yet."""
        self.settings = settings
        self.settings.keep_raw = False  # the payloads have landed
        wanted = wanted_tables(
            keep_raw=False,
            parse_output=settings.parse_output,
            verify_details=True,  # what has landed needs no request
            history=settings.history,
            groups=settings.groups,
        )
        self.written = tuple(table for table in wanted if table not in _LEFT_AS_THEY_ARE)
        self.names = frozenset(table.name for table in self.written)
        self.rebuilt = tuple(table.name for table in self.written if not table.is_book)
        self.progress = progress
        self.progress.mode = "rebuild"
        self.without_payload = self.outdated = 0
        self.untouched: dict[str, datetime] = {}
        self.sync_id = ""
        self.decoder = MemberDecoder(remembered="config")
        self.max_characters = settings.package_megabytes * 1e6
        self._reader = PayloadReader(self.max_characters)
        self._pending: deque[StoredPayload] | None = None

    @property
    def left(self) -> int:
        """How many payloads are left."""
        return len(self._pending or ())

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left to do, or it must stop."""
        return self._pending is not None and (not self._pending or self.stopped_by is not None)

    @property
    def stopped_by(self) -> StoppedBy | None:
        """Why it ends early; None: it does not."""
        return "request" if self._pending and self.progress.stop_requested else None

    def load(self, landed: LandedData, load_id: str) -> Iterator[Tables]:
        """Turn as many payloads into rows as one load may hold.

        Args:
            landed: what the destination holds.
            load_id: dlt's id of the load.

        Yields:
            Every table of `written` by name, a batch of payloads at a time.

        Raises:
            NoRawPayloads: no payload of a run or parse run has landed.
            InvalidSetting: the destination cannot hold the tables.
        """
        landed.probe()
        if self._pending is None:
            self._pending = self._take_stock(landed)
        self.sync_id = self.sync_id or load_id
        self.progress.packages += 1
        load = _Load(self, landed, load_id)
        batches = in_batches(self._reader.read(list(islice(self._pending, self._size_of_next_load())), landed))
        while self.stopped_by is None and (batch := next(batches, None)):
            done, size = load.add(batch), len(batch)
            batch.clear()  # what is fetched next must not come on top
            for _ in range(done):
                self._pending.popleft()
            yield load.take()
            if done < size:
                break
        batches.close()
        load.add_log()
        yield load.take()

    def _size_of_next_load(self) -> int:
        """Say how many payloads go into the next load: all that a load had brought, of as many loads as fit."""
        most = self.settings.package_runs
        whole, load_id = 0, None
        of_load: Counter[str] = Counter()
        for size, stored in enumerate(self._pending or ()):
            if stored.load_id != load_id:
                whole, load_id = size, stored.load_id
                of_load.clear()
            of_load[stored.object_type] += not stored.is_file
            if whole and size >= most:
                return whole
            if of_load[stored.object_type] > most:  # it was larger than loads may be now
                return size
        return self.left

    def _take_stock(self, landed: LandedData) -> deque[StoredPayload]:
        """Find the payloads, and the runs that must be left alone."""
        settings = self.settings
        kinds = [kind for kind in SUMMED_TYPES if is_read_again(kind, settings)]
        stored = {kind: list(stored_payloads(kind, landed)) for kind in kinds}
        others = _groups_left_out(settings, landed)
        if not any(stored.values()):
            raise NoRawPayloads(
                "No payload has landed that tables could be rebuilt from",
                f"Payloads of {others} have landed: set objects to the groups to rebuild" if others else None,
            )
        if others:
            logger.warning(f"Payloads of {others} have landed and are left out: set objects to the groups to rebuild.")
        settings.file_contents = contents_of_stored(settings, with_fetched_files=False)
        files = [] if settings.file_contents == "none" else list(stored_payloads("file", landed))
        settings.file_contents = contents_of_stored(settings, with_fetched_files=bool(files))
        for kind, runs in stored.items():
            without_payload, outdated = runs_to_leave_alone(kind, runs, landed)
            self.without_payload += len(without_payload)
            self.outdated += len(outdated)
            self.untouched |= {**without_payload, **outdated}
            stored[kind] = [run for run in runs if run.id not in outdated]
            self.progress.found(kind, wanted=len(stored[kind]))
        self.progress.found("file", wanted=len(files))
        self.progress.end_listing()
        return deque(sorted(itertools.chain(*stored.values(), files)))


def _groups_left_out(settings: ExtendSettings, landed: LandedData) -> str:
    """Name the groups of which payloads have landed, and that the settings leave out."""
    types = {object_type for (object_type,) in landed.rows(RAW_PAYLOADS, ("resource_type",), distinct=True)}
    groups = {GROUP_OF[name] for name in types & GROUP_OF.keys() - {"file"}}  # files come with any group
    return " and ".join(name for name in GROUPS if name in groups - {*settings.groups})


class _Load:
    """One load: payloads in, tables out."""

    def __init__(self, replay: Replay, landed: LandedData, load_id: str) -> None:
        """Begin a load."""
        self._replay, self._landed, self._progress = replay, landed, replay.progress
        names = [*replay.rebuilt, *([TYPED_TABLES] if replay.settings.typed_tables else [])]
        self._written = frozenset(names)
        self._recorder = Recorder(replay.settings, landed, replay.progress, load_id, self._written)
        self._log = LoadLog(replay.progress, load_id, replay.sync_id)
        self._texts = _WrittenTexts(replay.settings.file_contents)
        self._brought_by: str | None = None
        self._size = 0
        self._files_fetched_at: dict[str, datetime] = {}
        self._unreadable_before = [row[0] for row in landed.rows(FETCH_ERRORS, ("id",), equals("code", UNREADABLE))]

    def add(self, some: Sequence[ReadPayload]) -> int:
        """Add payloads, in order, until one must wait for the next load.

        Args:
            some: the payloads; one that is gone is left out.

        Returns:
            How many were added; of a new load at least one.
        """
        known: dict[str, LandedOrigin] = {}
        for kind in SUMMED_TYPES:
            ids = [stored.id for stored, _ in some if stored.object_type == kind]
            table = OBJECT_TYPES[kind].table
            rows = self._landed.lookup(table, LandedOrigin._fields, ids, complete=True)
            known.update((row[0], LandedOrigin(*row)) for row in rows)
        for place, (stored, raw) in enumerate(some):
            if raw is None:
                continue
            is_full = self._size >= self._replay.max_characters and stored.load_id != self._brought_by
            if is_full or not self._add(stored, raw, known.get(stored.id)):
                return place
            self._size += len(raw.payload)
        return len(some)

    def _add(self, stored: StoredPayload, raw: RawPayload, known: LandedOrigin | None) -> bool:
        """Add a payload; return False where it must wait for the next load."""
        try:
            payload = self._decoded(raw)
            files = _files_of(payload) if not raw.is_file else [payload]
            if not self._texts.admit(files, stored):
                return False
            if stored.load_id != self._brought_by:
                self._recorder.flattener.start_over()
                self._brought_by = stored.load_id
            origin = origin_of(raw, known, self._written)
            self._recorder.flattener.add(raw.resource_type, payload, origin, final=bool(raw.is_final))
        except Exception as defect:  # one odd payload must not end the rebuild
            self._add_error(stored, raw, defect)
            return True
        self._files_fetched_at.update((file["id"], stored.fetched_at) for file in files)
        counts = self._progress.of[raw.resource_type]
        counts.done += 1
        counts.fetched += 1
        counts.changed += known is None or known.payload_sha256 != raw.payload_sha256
        return True

    def _decoded(self, raw: RawPayload) -> dict[str, Any]:
        payload = self._replay.decoder.decode_object(raw.payload.encode())
        if not isinstance(payload, dict) or payload.get("id") != raw.id:
            raise ValueError("not the object of this id")
        return payload

    def _add_error(self, stored: StoredPayload, raw: RawPayload, defect: Exception) -> None:
        # the text of the exception can quote the document, so only its kind is told
        message = f"The payload in {RAW_PAYLOADS.name} could not be read ({type(defect).__name__})."
        message += " A sync with refresh fetches it again." if stored.is_file else " The next sync fetches it again."
        before = self._landed.errors([stored.id]).get(stored.id)
        now = datetime.now(timezone.utc)
        self._recorder.flattener.add_error(
            FetchError(
                id=stored.id,
                workspace_id=self._replay.settings.workspace_id if raw.is_file else raw.workspace_id,
                resource_type=raw.resource_type,
                attempts=1 + (before.attempts if before else 0),
                status_code=None,
                code=UNREADABLE,
                message=message,
                error_code=ErrorCode.UNREADABLE.value,
                first_seen_at=before.first_seen_at if before else now,
                last_seen_at=now,
            )
        )
        self._progress.note_error(stored.id, ErrorCode.UNREADABLE.line(message))
        counts = self._progress.of[raw.resource_type]
        counts.done += 1
        counts.failed += 1

    def add_log(self) -> None:
        """Add the row of ``sync_log``."""
        nothing_found = Worklist("by_id", Scope({}))  # so that no watermark is named
        entry = self._log.entry(self._replay.settings, nothing_found, None, self._replay.stopped_by)
        entry |= {"mode": "rebuild", "runs_pending": self._replay.left}
        self._recorder.flattener.add_log(entry, self._log.objects())

    def take(self) -> Tables:
        """Return what was added since the last call, without the rows that would replace newer ones."""
        tables = self._recorder.take(all_configs=True)
        self._leave_newer_files(tables)
        self._leave_errors_of_the_api(tables)
        return self._log.count_rows(tables, self._replay.names)

    def _leave_errors_of_the_api(self, tables: Tables) -> None:
        """Leave out the markers that end errors: that a payload is read says nothing of fetching it."""
        errors = tables[FETCH_ERRORS.name]
        is_error = pc.invert(is_marker(FETCH_ERRORS, errors))
        tables[FETCH_ERRORS.name] = errors.filter(pc.or_(is_error, _is_in(errors["id"], self._unreadable_before)))

    def _leave_newer_files(self, tables: Tables) -> None:
        """Leave out the rows of files that an untouched run has brought later, as far as they are still there."""
        fetched_at, self._files_fetched_at = self._files_fetched_at, {}
        if not self._replay.untouched:
            return
        newer = {
            file_id
            for file_id, run_id in self._landed.lookup(PROCESSOR_RUN_FILES, ("file_id", "run_id"), fetched_at)
            if self._replay.untouched.get(run_id, LONG_AGO) > fetched_at[file_id]
        }
        with_row = [row[0] for row in self._landed.lookup(FILES, ("id",), newer)]
        files, costs = tables[FILES.name], tables[CREDIT_USAGE.name]
        tables[FILES.name] = files.filter(pc.invert(_is_in(files["id"], with_row)))
        of_file = pc.and_(pc.equal(costs["resource_type"], "file"), _is_in(costs["resource_id"], with_row))
        tables[CREDIT_USAGE.name] = costs.filter(pc.invert(of_file))
        with_text = self._landed.files_with_contents(sorted(newer))
        for name in TEXT_TABLES:
            tables[name] = tables[name].filter(pc.invert(_is_in(tables[name]["file_id"], with_text)))


class _WrittenTexts:
    """The text of files that one load of a rebuild has written so far.

    In a load, the text of a file that comes first stands, and that of ``GET /files/{id}`` above it; between loads it
    is the last one. Text that would have to replace what this load has written therefore waits for the next.
    """

    def __init__(self, file_contents: str) -> None:
        """Begin a load of a rebuild; `file_contents` is the setting."""
        self._mode = file_contents
        self._written: dict[str, tuple[str, bytes | None]] = {}

    def admit(self, files: Iterable[dict[str, Any]], stored: StoredPayload) -> bool:
        """Note the text of files, unless some of it must wait.

        Args:
            files: the files of one payload.
            stored: the payload.

        Returns:
            Whether the payload may be added.
        """
        texts = {file["id"]: _digest(file.get("contents")) for file in files if self._has_text(file, stored.is_file)}
        for file_id, digest in texts.items():
            load_id, written = self._written.get(file_id, (stored.load_id, digest))
            if written != digest and (stored.is_file or load_id != stored.load_id):
                return False
        for file_id, digest in texts.items():
            _, written = self._written.get(file_id, (stored.load_id, digest))
            # of several texts none is known to be the one that stands
            self._written[file_id] = (stored.load_id, digest if written == digest else None)
        return True

    def _has_text(self, file: dict[str, Any], fetched: bool) -> bool:
        if fetched:
            return True
        contents = file.get("contents")
        if self._mode == "none" or not isinstance(contents, dict):
            return False
        return any(value is not None if self._mode == "embedded" else value for value in contents.values())


def _files_of(run: dict[str, Any]) -> list[dict[str, Any]]:
    files = run.get("files", [run.get("file")])  # a parse run has one
    entries = files if isinstance(files, list) else []
    return [file for file in entries if isinstance(file, dict) and isinstance(file.get("id"), str)]


def _digest(contents: Any) -> bytes:
    return hashlib.sha256(encode_json(contents).encode()).digest()


def _is_in(column: Any, values: Iterable[str]) -> Any:
    return pc.is_in(column, value_set=pa.array(list(values), type=pa.string()))
