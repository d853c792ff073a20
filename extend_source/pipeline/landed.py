"""What the destination already holds of runs, files and the source's own books.

The destination, not the pipeline's state, says what has landed: a new machine, or one that lost its state, fetches
nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from functools import cached_property, partial
from typing import NamedTuple

from dlt.common.schema.typing import C_DLT_ID

from extend_source.config.settings import ExtendSettings, parse_start_date
from extend_source.pipeline.comments import forget_comments
from extend_source.pipeline.conditions import NO_ROW, Condition, equals, one_of
from extend_source.pipeline.indexes import forget_indexes
from extend_source.pipeline.reader import KEYS_PER_QUERY, DestinationReader
from extend_source.tables import TABLES, TYPED_TABLES, TypedName, TypedNames, selected_by
from extend_source.tables.bookkeeping import (
    ERASURES,
    FETCH_ERRORS,
    PROCESSOR_RUN_SUMMARIES,
    REPLACEMENTS,
    SCHEMA_DRIFT,
    TOMBSTONES,
    TYPED_COLUMNS,
)
from extend_source.tables.contract import TableSchema
from extend_source.tables.files import TEXT_TABLES
from extend_source.tables.objects import LISTED_TYPES, OBJECT_TYPES
from extend_source.tables.row_counts import ROW_COUNTS, Counts, counts_of
from extend_source.tables.schemas import (
    FILES,
    PROCESSOR_RUN_FILES,
    PROCESSOR_RUNS,
)
from extend_source.tables.typed.plans import schema_of

MAX_ATTEMPTS = 5
"""Most loads that ask for a run, or a file's text, that cannot be had; a reconcile still asks for a run again."""

_NAME_COLUMNS = tuple(column.name for column in TYPED_COLUMNS.columns if column.name != "recorded_at")

_TEXT_TABLES = tuple(TABLES[name] for name in sorted(TEXT_TABLES))

MOVING_STATUSES = frozenset({"PENDING", "PROCESSING", "CANCELLING"})
"""States that change by themselves (SDK 0.2.0, processor_status, workflow_status). An unknown one counts as ended."""


def has_ended(status: object) -> bool:
    """Tell whether a run in some state changes no more by itself; one without a state may."""
    return isinstance(status, str) and status not in MOVING_STATUSES


class LandedRun(NamedTuple):
    """What the destination knows of a run."""

    status: str | None
    updated_at: datetime | None
    credits: Decimal | None
    tables: frozenset[str]
    fetched_at: datetime | None = None
    total_credits: Decimal | None = None
    reviewed: bool | None = None
    edited: bool | None = None


class LandedSummary(NamedTuple):
    """What the destination knows of a run's summary."""

    sha256: str | None
    listed_at: datetime | None


class LandedError(NamedTuple):
    """An earlier failure to load a run or a file."""

    attempts: int
    first_seen_at: datetime
    status_code: int | None


class LandedData(DestinationReader):
    """Answers questions about what has landed. Where nothing has, nothing is known."""

    def lacking(self, selected: frozenset[str]) -> frozenset[str]:
        """Name the tables that lack rows: see `find_gone`; also those that a command of dlt has dropped.

        Args:
            selected: the tables that will be loaded.
        """
        found = self.find_gone()
        if not self._there.tables:
            return found
        expected = {name for name in selected if name in TABLES}
        if TYPED_TABLES in selected:
            expected.update(table.table_name for table in self.typed_names().tables())
        # dlt forgets what its own commands drop; and it has not met what another pipeline, or machine, has made
        unknown = sorted(expected - self._there.tables.keys())
        there = self._there.columns_of(unknown)
        found |= {name for name in unknown if not there.get(name)}
        if found and self._pipeline is not None:
            forget_comments(self._pipeline)
            forget_indexes(self._pipeline)
        return found

    def runs(self, ids: Iterable[str], *, incomplete: bool = False) -> dict[str, LandedRun]:
        """Look up runs.

        Args:
            ids: run ids, any number.
            incomplete: also those that `incomplete_among` names.

        Returns:
            The runs that have landed with all their rows, by id. A load that was cut off between two tables does not
            count: its runs are fetched again.
        """
        said = ("fetched_at", "total_credits", "reviewed", "edited")
        columns = ("id", "status", "updated_at", "credits", "loaded_tables", *said)
        return {
            row[0]: LandedRun(row[1], row[2], row[3], selected_by(row[4]), *row[5:])
            for row in self.lookup(PROCESSOR_RUNS, columns, ids, complete=True)
            if incomplete or row[0] not in self._half_replaced_runs
        }

    def incomplete_among(self, ids: Collection[str]) -> frozenset[str]:
        """Tell which of some runs have landed and lack rows of theirs, or of a file that they bring back."""
        return self._half_replaced_runs.intersection(ids)

    def known(self, table: TableSchema, ids: Iterable[str]) -> list[str]:
        """Tell which of some ids have a row in a table, also one of a load that was cut off."""
        return [row[0] for row in self.lookup(table, ("id",), ids)]

    def payload_sums(self, ids: Iterable[str], object_type: str = "processor_run") -> dict[str, str | None]:
        """Look up the SHA-256 of the payloads of runs that have landed."""
        return dict(self.lookup(OBJECT_TYPES[object_type].table, ("id", "payload_sha256"), ids, complete=True))

    def summaries(self, object_type: str, ids: Iterable[str]) -> dict[str, LandedSummary]:
        """Look up the summaries that have landed; not those of a load that was cut off, which are written again."""
        rows = self.lookup(LISTED_TYPES[object_type].table, ("id", "summary_sha256", "listed_at"), ids, complete=True)
        return {row[0]: LandedSummary(row[1], row[2]) for row in rows}

    def oldest_moving(self, table: TableSchema, moving: Sequence[str]) -> datetime | None:
        """Say when the oldest object that had not ended when it was listed was created; None: there is none."""
        times = (row[0] for row in self.rows(table, ("created_at",), one_of("status", moving)))
        return min((time for time in times if time is not None), default=None)

    def processor_ids(self, settings: ExtendSettings) -> set[str]:
        """The processors of the runs that have landed, or were listed, from the workspace asked for."""
        workspace = equals("workspace_id", settings.workspace_id)
        return {
            row[0]
            for table in (PROCESSOR_RUNS, PROCESSOR_RUN_SUMMARIES)
            for row in self.rows(table, ("processor_id",), workspace, distinct=True)
            if row[0]
        }

    def run_types(self, ids: Iterable[str]) -> dict[str, str]:
        """Look up the types of runs that have landed, or were listed."""
        wanted = list(ids)
        types: dict[str, str] = {}
        for table in (PROCESSOR_RUNS, PROCESSOR_RUN_SUMMARIES):
            types.update(self.lookup(table, ("id", "type"), (run_id for run_id in wanted if run_id not in types)))
        return types

    def listed_times(
        self, ids: Iterable[str], object_type: str = "processor_run"
    ) -> dict[str, tuple[datetime | None, datetime | None]]:
        """Look up when runs were created and changed last, as an earlier listing said."""
        if object_type not in LISTED_TYPES:
            return {}
        rows = self.lookup(LISTED_TYPES[object_type].table, ("id", "created_at", "updated_at"), ids)
        return {row[0]: (row[1], row[2]) for row in rows}

    def tombstones(self, ids: Iterable[str]) -> dict[str, datetime]:
        """Look up which runs are known to be gone, and since when; a load that was cut off does not count."""
        rows = self.lookup(TOMBSTONES, ("id", "detected_at"), ids, complete=True)
        return {row[0]: row[1] or _EPOCH for row in rows}

    def all_tombstones(self, object_type: str = "processor_run") -> set[str]:
        """The runs that are known to be gone."""
        of_runs = equals("resource_type", object_type)
        return {row[0] for row in self.rows(TOMBSTONES, ("id",), of_runs, complete=True)}

    def erasures(self) -> list[tuple[str, str, datetime | None]]:
        """The runs and files that were erased on request: id, type and when."""
        return [(row[0], row[1], row[2]) for row in self.rows(ERASURES, ("id", "resource_type", "erased_at"))]

    def erased(self, resource_type: str) -> frozenset[str]:
        """The ids of the runs or files that were erased on request."""
        return frozenset(row[0] for row in self.rows(ERASURES, ("id",), equals("resource_type", resource_type)))

    def runs_in_flight(self, settings: ExtendSettings) -> Iterator[str]:
        """The runs that landed before they had ended, as far as the settings ask for them."""
        yield from self._run_ids(unfinished(), *in_scope(settings))

    def incomplete_runs(self, settings: ExtendSettings) -> list[str]:
        """The runs that have not landed with all their rows, as far as the settings ask for them, newest change first.

        They are of a load that was cut off between two tables and then lost, whether or not it came to their row in
        ``processor_runs``, or rows of theirs are gone from the destination.
        """
        columns = ("id", "updated_at")
        found = list(self.rows(PROCESSOR_RUNS, columns, *in_scope(settings), complete=False))
        half_replaced = sorted(self._half_replaced_runs)
        for start in range(0, len(half_replaced), KEYS_PER_QUERY):
            chosen = one_of("id", half_replaced[start : start + KEYS_PER_QUERY])
            found += self.rows(PROCESSOR_RUNS, columns, chosen, *in_scope(settings), complete=True)
        found.sort(key=lambda run: (run[1] or _EPOCH, run[0]), reverse=True)
        return list(dict.fromkeys(run_id for run_id, _ in found))

    def note_incomplete(self, found: Mapping[str, Collection[str]]) -> None:
        """Remember in the destination that rows of objects are gone, until a load has written them again.

        Args:
            found: ids by the type of object.
        """
        now = datetime.now(timezone.utc)
        load_id = f"incomplete-{now:%Y%m%dT%H%M%S}"  # of a load that never ends
        for kind, ids in found.items():
            self._incomplete.setdefault(kind, set()).update(ids)
        rows = [(object_id, kind, now, load_id) for kind, ids in found.items() for object_id in ids]
        if rows:
            self.replace(REPLACEMENTS, rows, drop=NO_ROW)
        for name in ("_half_replaced", "_half_replaced_runs"):
            self.__dict__.pop(name, None)

    def incomplete(self, resource_type: str) -> frozenset[str]:
        """The objects of a type that are known to lack rows."""
        return self._half_replaced[resource_type]

    def noted(self, resource_type: str, ids: Collection[str]) -> list[str]:
        """Tell which of some objects are known to lack rows."""
        return [object_id for object_id in self._half_replaced[resource_type] if object_id in ids]

    @cached_property
    def _incomplete(self) -> dict[str, set[str]]:
        """What `note_incomplete` was told, where the destination cannot remember it."""
        return {}

    @cached_property
    def _half_replaced(self) -> dict[str, frozenset[str]]:
        """The objects of which some rows are not there, or of an earlier payload, by the type of resource."""
        ids: dict[str, set[str]] = {kind: set() for kind in OBJECT_TYPES}
        for object_id, kind in self.rows(REPLACEMENTS, ("id", "resource_type"), complete=False):
            ids[kind].add(object_id)
        return {kind: frozenset(of_kind | self._incomplete.get(kind, set())) for kind, of_kind in ids.items()}

    @cached_property
    def _half_replaced_runs(self) -> frozenset[str]:
        """The runs to fetch again so that nothing is half replaced: those that are, and enough to bring each such file.

        Any run of a file brings the whole file. One that is gone at the source cannot, and which processors a sync
        asks for is not known here, so that each processor has a run for the file.
        """
        runs, files = self._half_replaced["processor_run"], self._half_replaced["file"]
        users = list(self.lookup(PROCESSOR_RUN_FILES, ("file_id", "run_id"), files))
        gone = self.tombstones(run_id for _, run_id in users)
        covered = {file_id for file_id, run_id in users if run_id in runs and run_id not in gone}
        left = [(file_id, run_id) for file_id, run_id in users if file_id not in covered and run_id not in gone]
        columns = ("id", "processor_id")
        processors = dict(self.lookup(PROCESSOR_RUNS, columns, (run_id for _, run_id in left), complete=True))
        one_each = {(file_id, processors[run_id]): run_id for file_id, run_id in left if run_id in processors}
        return runs.union(one_each.values())

    def runs_of_scope(self, settings: ExtendSettings) -> Iterator[str]:
        """The runs that have landed, or have been listed, and that a full listing with these settings would show.

        Those that were listed and gone before they were fetched are known from their summaries only.
        """
        conditions = in_scope(settings)
        if settings.start_date is not None:
            start = parse_start_date(settings.start_date)
            conditions.append(Condition("{updated_at} >= %s", start, columns=["updated_at"]))
        if settings.statuses:
            conditions.append(one_of("status", settings.statuses))
        yield from self._run_ids(*conditions)
        for row in self.rows(PROCESSOR_RUN_SUMMARIES, ("id",), *conditions):
            yield row[0]

    def runs_to_recheck(self, settings: ExtendSettings, since: datetime) -> Iterator[str]:
        """The ended runs that changed last after a time, those fetched longest ago first."""
        age = "coalesce({updated_at}, {created_at}, {fetched_at}) >= %s"
        young = Condition(age, since, columns=["updated_at", "created_at", "fetched_at"])
        moving = sorted(MOVING_STATUSES)
        ended = Condition(f"{{status}} NOT IN ({', '.join(['%s'] * len(moving))})", *moving, columns=["status"])
        yield from self._run_ids(young, ended, *in_scope(settings), order_by=("fetched_at", "id"))

    def _run_ids(self, *conditions: Condition, order_by: Sequence[str] = ()) -> Iterator[str]:
        columns = ("id", "fetched_at") if order_by else ("id",)
        for row in self.rows(PROCESSOR_RUNS, columns, *conditions, order_by=order_by, complete=True):
            yield row[0]

    def files_with_contents(self, ids: Sequence[str]) -> set[str]:
        """Tell which of some files have landed with text, pages or sheets, all of one load that has ended."""
        found: set[str] = set()
        for table in _TEXT_TABLES:
            missing = [file_id for file_id in ids if file_id not in found]
            found.update(row[0] for row in self.lookup(table, ("file_id",), missing, distinct=True, complete=True))
        return found - self._half_replaced["file"]

    def files_without_contents(self) -> list[str]:
        """The files that have landed without text, pages or sheets, but for those that were asked for too often."""
        not_given_up = self.absent_from(FETCH_ERRORS, "id", too_often(), key="id")
        without = [self.absent_from(table, "file_id", key="id", complete=True) for table in _TEXT_TABLES]
        missing = {row[0]: None for row in self.rows(FILES, ("id",), not_given_up, *without)}
        missing.update((row[0], None) for row in self.lookup(FILES, ("id",), self._half_replaced["file"]))
        return list(missing)

    def file_row_counts(self, ids: Iterable[str]) -> dict[str, Counts]:
        """Look up how many rows files have landed with."""
        rows = self.lookup(FILES, ("id", ROW_COUNTS), ids)
        return {row[0]: counts for row in rows if (counts := counts_of(row[1])) is not None}

    def errors(self, ids: Iterable[str]) -> dict[str, LandedError]:
        """Look up earlier failures, by the id of the run or file."""
        rows = self.lookup(FETCH_ERRORS, ("id", "attempts", "first_seen_at", "status_code"), ids)
        return {row[0]: LandedError(row[1], row[2] or _EPOCH, row[3]) for row in rows}

    def failed_runs(self, workspace_id: str | None, object_type: str = "processor_run") -> Iterator[str]:
        """The runs that could not be loaded, but for those that have failed often, or that the API does not know."""
        of_type = equals("resource_type", object_type)
        for row in self.rows(FETCH_ERRORS, ("id",), of_type, *to_try_again(workspace_id)):
            yield row[0]

    def typed_names(self) -> TypedNames:
        """The names of typed tables and columns that have landed, also with a load that was cut off.

        The latter are as if no run had declared them last, so that the next one that does writes them again.
        """
        cut_off = set(self.rows(TYPED_COLUMNS, TYPED_COLUMNS.key, complete=False))
        names = [TypedName(*row) for row in self.rows(TYPED_COLUMNS, _NAME_COLUMNS)]
        unseen = partial(replace, last_version_id=None, last_seen_at=None)
        seen = (unseen(name) if name.key in cut_off else name for name in names)
        return TypedNames(seen, fits_pages=self.has_pages)

    def unmapped_tables(self) -> list[str]:
        """The typed tables of which ``typed_columns`` has lost the name of a column."""
        names, tables = self.typed_names(), self.typed_tables()
        columns = self._there.columns_of([table.name for table in tables])

        def known(table: TableSchema) -> set[str]:
            mapped = (str(name.column_name) for name in names.columns_of(table.name))
            return {name.casefold() for name in (*table.column_names, C_DLT_ID, *mapped)}

        return [table.name for table in tables if not columns.get(table.name, set()) <= known(table)]

    def typed_tables(self) -> list[TableSchema]:
        """The typed tables that have landed, by name, without the columns for fields."""
        return [schema_of(table, []) for table in self.typed_names().tables()]

    def creation_times(self, run_ids: Iterable[str]) -> dict[str, datetime | None]:
        """Look up when runs were created, which their payloads do not say."""
        rows = self.lookup(PROCESSOR_RUNS, ("id", "created_at"), run_ids)
        return {row[0]: row[1] for row in rows}

    def drift(self) -> dict[tuple[str, str], str]:
        """The reasons of ``schema_drift`` rows by their keys; those of loads that were cut off are written again."""
        rows = self.rows(SCHEMA_DRIFT, ("object", "path", "reason"), complete=True)
        return {(row[0], row[1]): row[2] for row in rows}


def too_often() -> Condition:
    """The errors of what was asked for too often."""
    return Condition("{attempts} >= %s", MAX_ATTEMPTS, columns=["attempts"])


def to_try_again(workspace_id: str | None) -> list[Condition]:
    """The errors of what has not failed often, and may exist."""
    may_exist = Condition("({status_code} IS NULL OR {status_code} <> 404)", columns=["status_code"])
    few = Condition("{attempts} < %s", MAX_ATTEMPTS, columns=["attempts"])
    return [few, may_exist, equals("workspace_id", workspace_id)]


def unfinished() -> Condition:
    """The runs that had not ended when they landed."""
    moving = sorted(MOVING_STATUSES)
    places = ", ".join(["%s"] * len(moving))
    return Condition(f"({{status}} IS NULL OR {{status}} IN ({places}))", *moving, columns=["status"])


def in_scope(settings: ExtendSettings) -> list[Condition]:
    """The conditions on landed runs that follow from the workspace, processors and types asked for."""
    conditions = [equals("workspace_id", settings.workspace_id)]
    if settings.processor_ids:
        conditions.append(one_of("processor_id", settings.processor_ids))
    if settings.processor_types:
        conditions.append(one_of("type", settings.processor_types))
    return conditions


_EPOCH = datetime.fromtimestamp(0, timezone.utc)
