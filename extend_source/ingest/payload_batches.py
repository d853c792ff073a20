"""Payloads in Arrow batches, turned into the rows of all tables: pure functions, for engines that do the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from extend_source.config.settings import ExtendSettings, resolved_privacy
from extend_source.error_codes import ErrorCode
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.ingest.stored_payloads import (
    LONG_AGO,
    UNREADABLE,
    RawPayload,
    contents_of_stored,
    is_read_again,
    origin_of,
)
from extend_source.privacy import privacy_rules
from extend_source.tables import (
    TABLES,
    TYPED_TABLES,
    FetchError,
    Flattener,
    Origin,
    TypedName,
    TypedNames,
    wanted_tables,
)
from extend_source.tables.bookkeeping import FETCH_ERRORS, RAW_PAYLOADS, SCHEMA_DRIFT, TYPED_COLUMNS
from extend_source.tables.building import TableBuilder, TableSet
from extend_source.tables.contract import LOAD_ID, TableSchema
from extend_source.tables.credits import CREDIT_CHARGES, CREDIT_USAGE
from extend_source.tables.flattening import Tables
from extend_source.tables.kinds import to_timestamp
from extend_source.tables.objects import OBJECT_TYPES
from extend_source.tables.reading import DriftLog
from extend_source.tables.row_counts import RowCounts, is_marker
from extend_source.tables.seen_files import SEEN_FILES, TABLES_OF_FILES, FileMerge
from extend_source.tables.typed.plans import schema_of
from extend_source.text.json_codec import MemberDecoder, encode_json

if TYPE_CHECKING:
    from typing_extensions import Unpack

_REQUIRED = ("id", "resource_type", "payload", "fetched_at")

_WITH_TIMES = (*(kind.table.name for kind in OBJECT_TYPES.values()), SEEN_FILES.name)

_MOST_AT_ONCE = 250
_MOST_BYTES = 20_000_000
"""Payloads, and about the most bytes of them, that become one batch of rows."""

_BOOKS = frozenset({SCHEMA_DRIFT.name, FETCH_ERRORS.name})
"""What is noted of payloads that say something unknown, or cannot be read."""

SHARED_TABLES: dict[str, tuple[str, ...]] = {
    **{table.name: ("config_id",) for table in TABLES.values() if table.owner and table.owner.about == "config"},
    CREDIT_USAGE.name: CREDIT_USAGE.key,
    CREDIT_CHARGES.name: ("resource_type", "resource_id"),
    SCHEMA_DRIFT.name: SCHEMA_DRIFT.key,
}
"""The tables whose rows several batches may tell, by the columns of what they are about: those of one batch stand."""

_SIGHTED = ("object", "type", "status", "processorId", "processorName", "processorVersionId", "config")
"""What of a run its processor's typed tables are named by."""

_SIGHTINGS = pa.schema(
    [
        ("fetched_at", pa.timestamp("us", tz="UTC")),
        ("id", pa.string()),
        ("first_created_at", pa.timestamp("us", tz="UTC")),
        ("last_created_at", pa.timestamp("us", tz="UTC")),
        ("run", pa.string()),
    ]
)


@dataclass(frozen=True)
class FlattenPlan:
    """How payloads become rows: what all workers must agree on. It can be pickled.

    Attributes:
        settings: the settings that count, without a key.
        now: when it is done, UTC: the time of notes on what is unknown or cannot be read.
        erased_files: ids of files that must not be written again.
        names: the names of typed tables and columns that were agreed on; None: they are given as they come, which is
            for one worker alone.
    """

    settings: ExtendSettings = field(repr=False)
    now: datetime
    erased_files: frozenset[str] = frozenset()
    names: tuple[TypedName, ...] | None = None

    @classmethod
    def of(
        cls,
        *,
        with_fetched_files: bool,
        erased_files: Iterable[str] = (),
        now: datetime | None = None,
        **arguments: Unpack[Arguments],
    ) -> FlattenPlan:
        """Make a plan of settings.

        Args:
            with_fetched_files: there are payloads of ``GET /files/{id}``: where runs carry no text, it means nothing.
            erased_files: ids of files that must not be written again, as in ``erasures``.
            now: the time to note; by default the present.
            **arguments: settings by name, as for `rebuild`.

        Returns:
            The plan, without names.

        Raises:
            ConfigurationValueError: a setting has a value that it does not take.
        """
        settings = resolved_settings(needs_key=False, **arguments)
        settings.api_key = ""  # nobody needs it, and plans travel
        settings.keep_raw = False
        settings.file_contents = contents_of_stored(settings, with_fetched_files=with_fetched_files)
        return cls(settings, now or datetime.now(timezone.utc), frozenset(erased_files))

    @property
    def tables(self) -> dict[str, TableSchema]:
        """The tables that rows go to, by name: the typed ones as far as names were agreed on."""
        settings = self.settings
        wanted = wanted_tables(
            keep_raw=False, parse_output=settings.parse_output, verify_details=True, groups=settings.groups
        )
        typed = TypedNames(self.names or ())
        return {
            **{table.name: table for table in wanted if not table.is_book or table.name in _BOOKS},
            **{table.table_name: schema_of(table, typed.columns_of(table.table_name)) for table in typed.tables()},
        }

    @property
    def shared(self) -> dict[str, tuple[str, ...]]:
        """The tables whose rows several batches may tell, by the columns of what they are about.

        The rows of the latest batch stand; in ``credit_usage`` the row observed last.
        """
        return dict(SHARED_TABLES)

    def agreed(self, sightings: Iterable[pa.Table], before: Iterable[TypedName] = ()) -> tuple[FlattenPlan, pa.Table]:
        """Agree on the names of typed tables and columns.

        Args:
            sightings: what `sighted_processors` has returned for all payloads.
            before: names that were given earlier, and stay: the rows of ``typed_columns``.

        Returns:
            The plan with these names, and the rows of ``typed_columns``.
        """
        names = TypedNames(before)
        flattener = _flattener(self, names)
        found: dict[str, dict[str, Any]] = {}
        for row in (row for table in sightings for row in table.to_pylist()):
            _merge_sighting(found, row["run"], row)
        for run, seen in sorted(found.items(), key=lambda each: (each[1]["fetched_at"], each[1]["id"])):
            for created_at in (seen["first_created_at"], seen["last_created_at"]):
                payload = MemberDecoder(remembered="config").decode_object(run.encode())
                origin = Origin("", None, seen["fetched_at"], created_at)
                flattener.add("processor_run", {**payload, "id": seen["id"]}, origin)
        flattener.take(None, self.now)  # notes in the names who was seen when
        rows = TableBuilder(TYPED_COLUMNS)
        for name in names.all():
            rows.add(**asdict(name), recorded_at=self.now)
        return replace(self, names=tuple(names.all())), rows.take(None).drop_columns([LOAD_ID])


def sighted_processors(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tell which processors, versions and configs payloads are of: what names of typed tables are made from.

    Args:
        batches: as for `flatten_batches`.

    Yields:
        One table, for `FlattenPlan.agreed`.
    """
    decoder = MemberDecoder(remembered="config")
    found: dict[str, dict[str, Any]] = {}
    for raw in (raw for _, raws in _raw_payloads(batches) for raw in raws):
        if raw.resource_type != "processor_run":
            continue
        try:
            payload = decoder.decode_object(raw.payload.encode())
            run = {key: payload[key] for key in _SIGHTED if key in payload}
            created_at = raw.created_at if payload.get("createdAt") is None else to_timestamp(payload["createdAt"])
        except Exception:  # noqa: S112 - whoever flattens it will note it
            continue
        if run.get("type") != "EXTRACT":
            continue
        seen = {"fetched_at": raw.fetched_at or LONG_AGO, "id": raw.id}
        seen |= {"first_created_at": created_at, "last_created_at": created_at}
        _merge_sighting(found, encode_json(run, sort_keys=True), seen)
    yield pa.Table.from_pylist([{**seen, "run": run} for run, seen in found.items()], schema=_SIGHTINGS)


def _merge_sighting(found: dict[str, dict[str, Any]], run: str, seen: dict[str, Any]) -> None:
    """Note runs of a processor, version and config: the first that was fetched, and when they were created."""
    known = found.setdefault(run, seen)
    if known is seen:
        return
    first, last = (
        [time for time in (known[name], seen[name]) if time is not None]
        for name in ("first_created_at", "last_created_at")
    )
    earliest = min(known, seen, key=lambda each: (each["fetched_at"], each["id"]))
    found[run] = {
        **earliest,
        "first_created_at": min(first, default=None),
        "last_created_at": max(last, default=None),
    }


def flatten_batches(batches: Iterable[pa.RecordBatch], plan: FlattenPlan) -> Iterator[Tables]:
    """Turn raw payloads into rows, a few hundred payloads at a time, in whichever order they come.

    Nothing here does I/O, and markers are left out. A payload that cannot be read is a row of ``fetch_errors``.
    Several batches may tell the same: see `FlattenPlan.shared`. Files become ``seen_files``: see `flatten_files`.

    Args:
        batches: payloads with the columns of ``raw_payloads``: id, resource_type, payload and fetched_at, and those of
            the others that there are; with ``_dlt_load_id``, files are put together load by load.
        plan: what all workers have agreed on.

    Yields:
        Rows by the name of their table, of all tables of the plan and ``seen_files``; each object once.

    Raises:
        ValueError: a column is missing.
    """
    names = TypedNames(plan.names or ())
    flattener, decoder = _flattener(plan, names), MemberDecoder(remembered="config")
    written = frozenset(plan.tables) - _BOOKS | {TYPED_TABLES}
    counts = RowCounts(written, typed=plan.settings.typed_tables)
    rules = privacy_rules(plan.settings)
    for load_ids, raws in _raw_payloads(batches):
        for load_id, raw in zip(load_ids, raws, strict=True):
            if _is_left_out(raw, plan.settings):
                continue
            flattener.bring(load_id or "", raw.id)
            try:
                payload = decoder.decode_object(raw.payload.encode())
                if not isinstance(payload, dict) or payload.get("id") != raw.id:
                    raise ValueError("not the object of this id")
                flattener.add(raw.resource_type, payload, origin_of(raw, None, written), final=bool(raw.is_final))
            except Exception as defect:  # one odd payload must not end it all
                flattener.add_error(_unreadable(raw, defect, plan.now))
        tables = flattener.take(None, plan.now)
        rules.clean_tables(tables)
        counts.fill(tables, flattener.take_drifted_runs(), {})
        if plan.names is not None:
            del tables[TYPED_COLUMNS.name]
        yield _without_markers(tables, [*plan.tables, SEEN_FILES.name])


def label_of(tables: Tables) -> str:
    """Name a batch of rows by when its payloads were fetched: the greatest label is the latest batch's.

    Args:
        tables: a batch of `flatten_batches` or `flatten_files`.

    Returns:
        The label.
    """
    times = [tables[name]["fetched_at"] for name in _WITH_TIMES if name in tables and tables[name].num_rows]
    latest = max((pc.max(column).as_py() for column in times), default=None)
    return (latest or LONG_AGO).isoformat(timespec="microseconds")


def flatten_files(batches: Iterable[pa.RecordBatch], plan: FlattenPlan) -> Iterator[Tables]:
    """Put files together from what was seen of them.

    Args:
        batches: rows of ``seen_files``, sorted by id, fetched_at, is_fetched and seen_in; all of a file among them.
        plan: as for `flatten_batches`.

    Yields:
        Rows by the name of their table: ``files``, their text, and what they have cost.
    """
    tables, drift = TableSet(list(TABLES.values())), DriftLog()
    merge = FileMerge(tables, drift, trust_empty=plan.settings.file_contents == "embedded")
    counts, rules = RowCounts(TABLES_OF_FILES, typed=False), privacy_rules(plan.settings)

    def take() -> Tables:
        taken = Tables(tables.take(None), {})
        rules.clean_tables(taken)
        counts.fill(taken, (), {})
        return _without_markers(taken, TABLES_OF_FILES)

    done = 0
    for seen in (row for batch in batches for row in _rows_of(batch)):
        if merge.file_id not in (None, seen["id"]):
            merge.end()
            done += 1
            if done % _MOST_AT_ONCE == 0:
                yield take()
        merge.add(seen)
    merge.end()
    yield take()


def _rows_of(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Read rows, a few at a time: each may be large."""
    for start in range(0, batch.num_rows, _MOST_AT_ONCE):
        yield from in_utc(batch.slice(start, _MOST_AT_ONCE)).to_pylist()


def _flattener(plan: FlattenPlan, names: TypedNames) -> Flattener:
    settings = plan.settings
    return Flattener(
        with_contents=settings.file_contents != "none",
        trust_empty_contents=settings.file_contents == "embedded",
        parse_output=settings.parse_output,
        erased_files=plan.erased_files,
        names=names if settings.typed_tables else None,
        privacy=privacy_rules(settings),
        cut_documents=resolved_privacy(settings.privacy).document_signatures == "cut",
        files_apart=True,
    )


def _raw_payloads(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[list[str | None], list[RawPayload]]]:
    """Read payloads, a few hundred at a time, with the loads that brought them."""
    for batch in batches:
        if missing := [name for name in _REQUIRED if name not in batch.schema.names]:
            raise ValueError(f"The payloads lack columns: {', '.join(missing)}")
        for part in map(in_utc, _parts_of(batch)):
            nothing = [None] * part.num_rows
            columns = {name: part[name].to_pylist() for name in part.schema.names}
            values = [columns.get(name, nothing) for name in RawPayload._fields]
            yield columns.get(LOAD_ID, nothing), [RawPayload(*row) for row in zip(*values, strict=True)]


def _parts_of(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch into parts that fit in memory with what becomes of them."""
    start = size = 0
    for place, length in enumerate(pc.binary_length(batch["payload"].cast(pa.string())).to_pylist()):
        if place > start and (place - start >= _MOST_AT_ONCE or size + (length or 0) > _MOST_BYTES):
            yield batch.slice(start, place - start)
            start, size = place, 0
        size += length or 0
    if start < batch.num_rows:
        yield batch.slice(start)


def in_utc(rows: Any) -> Any:
    """Return an Arrow batch or table with all times in UTC, whatever the time zone of the engine is."""
    fields = [
        field.with_type(pa.timestamp("us", tz="UTC")) if pa.types.is_timestamp(field.type) else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))


def _is_left_out(raw: RawPayload, settings: ExtendSettings) -> bool:
    if raw.is_file:
        return settings.file_contents == "none"
    return not is_read_again(raw.resource_type, settings)


def _unreadable(raw: RawPayload, defect: Exception, now: datetime) -> FetchError:
    # the text of the exception can quote the document, so only its kind is told
    return FetchError(
        id=raw.id,
        workspace_id=raw.workspace_id,
        resource_type=raw.resource_type,
        attempts=1,
        status_code=None,
        code=UNREADABLE,
        message=f"The payload in {RAW_PAYLOADS.name} could not be read ({type(defect).__name__}).",
        error_code=ErrorCode.UNREADABLE.value,
        first_seen_at=now,
        last_seen_at=now,
    )


def _without_markers(tables: Tables, names: Iterable[str]) -> Tables:
    """Leave out rows that only name their owner, other tables, and the id of the load, which is none."""
    kept = {name: tables[name] for name in names if name in tables and name not in tables.typed}
    typed = {name: (schema, tables[name]) for name, schema in tables.typed.items()}
    schemas = {**TABLES, SEEN_FILES.name: SEEN_FILES, **tables.typed}

    def real(name: str, rows: pa.Table) -> pa.Table:
        return rows.filter(pc.invert(is_marker(schemas[name], rows))).drop_columns([LOAD_ID])

    return Tables(
        {name: real(name, rows) for name, rows in kept.items()},
        {name: (schema, real(name, rows)) for name, (schema, rows) in typed.items()},
    )
