"""What is gone from the destination although it was written: tables, columns and rows, and whose they were.

A run, file or config has landed only when each table still holds what was written of it. Tables and columns that are
gone are noticed at the start of a sync, rows at a reconcile, from the counts that are kept with their owners.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from extend_source.pipeline.conditions import equals
from extend_source.pipeline.landed import LandedData
from extend_source.tables import FILLED_TABLES, TABLES, TYPED_TABLES, selected_by
from extend_source.tables.bookkeeping import RAW_PAYLOADS, SCHEMA_DRIFT, TYPED_COLUMNS
from extend_source.tables.credits import CREDIT_USAGE
from extend_source.tables.objects import CONFIG_USERS, LISTED_TYPES, OBJECT_TYPES, ConfigUsers, Rows
from extend_source.tables.parse_outputs import PARSER_RUN
from extend_source.tables.row_counts import OF_CONFIGS, OF_FILES, OF_OTHERS, OF_RUNS, ROW_COUNTS, Counts, counts_of
from extend_source.tables.schemas import FILES, PROCESSOR_RUN_FILES, PROCESSOR_RUNS, RUN_CONFIGS

_PARTS = frozenset(kind.parts for kind in OBJECT_TYPES.values() if kind.parts)


@dataclass
class Incomplete:
    """The objects that must be written again, as some of their rows are gone.

    Attributes:
        by_type: their ids by the type of object, those that bring back a config among them.
    """

    by_type: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in OBJECT_TYPES})

    @property
    def runs(self) -> set[str]:
        """The ids of runs."""
        return self.by_type["processor_run"]

    @property
    def files(self) -> set[str]:
        """The ids of files."""
        return self.by_type["file"]


class _Run(NamedTuple):
    """What ``processor_runs`` says of what was written of a run."""

    id: str
    processor_id: str | None
    config_id: str | None
    tables: frozenset[str]
    counts: Counts | None

    def had_rows_in(self, table: str, processor_id: str | None) -> bool:
        """Tell whether it had rows in a table; where that is not known, whether it may have had some.

        Args:
            table: the table.
            processor_id: the processor of a typed table; None: it is none.
        """
        if table == RAW_PAYLOADS.name:
            return table in self.tables
        if self.counts is not None:
            return bool(self.counts.get(table))
        if processor_id is not None:
            return TYPED_TABLES in self.tables and self.processor_id == processor_id
        return table in self.tables or table == SCHEMA_DRIFT.name

    @property
    def has_typed_rows(self) -> bool:
        """Tell whether it had rows in typed tables; where that is not known, whether it may have had some."""
        if self.counts is None:
            return TYPED_TABLES in self.tables
        return not self.counts.keys() <= TABLES.keys()


class _Other(NamedTuple):
    """What its table says of what was written of a parse run, a workflow run and so on."""

    id: str
    config_id: str | None
    tables: frozenset[str]
    counts: Counts


def owners_of(tables: Collection[str], landed: LandedData) -> Incomplete:
    """Find whose rows some tables held, which hold none of them any longer.

    Args:
        tables: names of tables that are gone, were emptied, or have lost a column.
        landed: what the destination holds.

    Returns:
        Whose rows they were. Those of summaries, tombstones and errors are nobody's: a listing brings them back.
    """
    found = Incomplete()
    processors = {name.table_name: name.processor_id for name in landed.typed_names().tables()}
    of_runs = {owned.table.name for owned in OF_RUNS} | {RAW_PAYLOADS.name, SCHEMA_DRIFT.name, *processors}
    lost = sorted(of_runs.intersection(tables))
    if PROCESSOR_RUNS.name in tables:  # what is left of it lacks a column
        found.runs.update(run.id for run in _runs(landed))
    configs = _configs_in(tables, landed)
    if lost or configs or TYPED_COLUMNS.name in tables:
        for run in _runs(landed):
            lost_names = TYPED_COLUMNS.name in tables and run.has_typed_rows
            if lost_names or any(run.had_rows_in(table, processors.get(table)) for table in lost):
                found.runs.add(run.id)
    _add_users(configs, landed, found)
    for kind in OF_OTHERS:
        if FILLED_TABLES[kind].isdisjoint(tables):
            continue
        for other in _others(kind, landed):
            had = {*other.counts, OBJECT_TYPES[kind].table.name, *other.tables.intersection([RAW_PAYLOADS.name])}
            if not had.isdisjoint(tables):
                found.by_type[kind].add(other.id)
    if FILES.name in tables:
        found.files.update(_linked_files(landed))
    elif any(owned.table.name in tables for owned in OF_FILES):
        names = [owned.table.name for owned in OF_FILES if owned.table.name in tables]
        for file_id, value in landed.rows(FILES, ("id", ROW_COUNTS)):
            counts = counts_of(value)
            if counts is None or any(counts.get(name) for name in names):
                found.files.add(file_id)
    return found


def restore(landed: LandedData, selected: frozenset[str] = frozenset()) -> frozenset[str]:
    """Make again what someone has dropped from the destination.

    Whose rows it held is noted before: a kill in between loses nothing.

    Args:
        landed: what the destination holds.
        selected: the tables that will be loaded.

    Returns:
        The tables that lack rows. Positions of earlier syncs say nothing any longer where there are any.
    """
    lacking = landed.lacking(selected)
    if lacking:
        incomplete = owners_of(lacking, landed)
        landed.note_incomplete(incomplete.by_type)
        landed.make_again()
    return lacking


def shortfall(landed: LandedData, drift_rows: int) -> Incomplete:
    """Find whose rows are fewer than were written, or hang in the air: one query a table.

    Args:
        landed: what the destination holds.
        drift_rows: the rows that ``schema_drift`` had at the end of the last load.

    Returns:
        The owners. Those that were written before counts were kept are none of them.
    """
    with landed.connected():
        return _shortfall(landed, drift_rows)


def _shortfall(landed: LandedData, drift_rows: int) -> Incomplete:
    found = Incomplete()
    for kind in OF_OTHERS:
        _add_incomplete(kind, landed, found)
    runs, configs = _Expected(), _Expected()
    config_users: dict[str, None] = {}
    with_raw: list[str] = []
    drifted: set[str] = set()
    for run in _runs(landed):
        runs.add(run.id, run.counts or {})
        if run.config_id is not None and RUN_CONFIGS.name in run.tables:
            config_users[run.config_id] = None
        if RAW_PAYLOADS.name in run.tables:
            with_raw.append(run.id)
        if run.counts and SCHEMA_DRIFT.name in run.counts:
            drifted.add(run.id)
    for users in CONFIG_USERS:
        if users.object_type in OF_OTHERS:
            config_users.update(dict.fromkeys(_configs_of(users, landed)))
    if not runs.ids and not config_users:
        return found
    typed = {table.name: table for table in landed.typed_tables()}
    owned_by_runs = {owned.table.name: owned for owned in OF_RUNS} | {
        name: Rows(table, "run_id") for name, table in typed.items()
    }
    for name in runs.rows:
        if name in owned_by_runs:
            found.runs.update(runs.missing_in(name, landed.count_by(owned_by_runs[name])))
        elif name not in TABLES:  # a typed table that typed_columns does not know any longer
            found.runs.update(runs.missing_in(name, {}))
    for name in landed.unmapped_tables():
        found.runs.update(runs.missing_in(name, {}))
    if with_raw:
        of_runs = equals("resource_type", "processor_run")
        stored = {row[0] for row in landed.rows(RAW_PAYLOADS, ("id",), of_runs)}
        found.runs.update(run_id for run_id in with_raw if run_id not in stored)
    if len(landed.drift()) < drift_rows:
        found.runs.update(drifted)
    found.files.update(_incomplete_files(landed))
    for config_id, value in landed.rows(RUN_CONFIGS, ("config_id", ROW_COUNTS)):
        config_users.pop(config_id, None)
        configs.add(config_id, counts_of(value) or {})
    lost_configs = set(config_users)
    for owned in OF_CONFIGS:
        lost_configs |= configs.missing_in(owned.table.name, landed.count_by(owned))
    _add_users(lost_configs, landed, found)
    return found


def _add_incomplete(kind: str, landed: LandedData, found: Incomplete) -> None:
    """Find the parse runs, workflow runs and so on that have fewer rows than were written."""
    expected, with_raw = _Expected(), []
    for other in _others(kind, landed):
        expected.add(other.id, other.counts)
        if RAW_PAYLOADS.name in other.tables:
            with_raw.append(other.id)
    for owned in (*OF_OTHERS[kind], Rows(CREDIT_USAGE, "resource_id", kind)):
        if owned.table.name in expected.rows:
            found.by_type[kind] |= expected.missing_in(owned.table.name, landed.count_by(owned))
    if with_raw:
        stored = {row[0] for row in landed.rows(RAW_PAYLOADS, ("id",), equals("resource_type", kind))}
        found.by_type[kind].update(object_id for object_id in with_raw if object_id not in stored)


class _Expected:
    """The rows that owners should have, by table: few bytes for each, as there may be a million of them."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.rows: dict[str, tuple[array[int], array[int]]] = {}

    def add(self, owner: str, counts: Counts) -> None:
        """Add an owner."""
        for table, count in counts.items():
            if table not in self.rows:
                self.rows[table] = array("Q"), array("Q")
            owners, numbers = self.rows[table]
            owners.append(len(self.ids))
            numbers.append(count)
        self.ids.append(owner)

    def missing_in(self, table: str, there: Mapping[str, int]) -> set[str]:
        """Name the owners that have fewer rows than they should have.

        Args:
            table: the table.
            there: the rows that are there, by owner.
        """
        owners, numbers = self.rows.get(table, (array("Q"), array("Q")))
        return {
            self.ids[place]
            for place, number in zip(owners, numbers, strict=True)
            if there.get(self.ids[place], 0) < number
        }


def _runs(landed: LandedData) -> Iterator[_Run]:
    columns = ("id", "processor_id", "config_id", "loaded_tables", ROW_COUNTS)
    for run_id, processor_id, config_id, tables, value in landed.rows(PROCESSOR_RUNS, columns, complete=True):
        yield _Run(run_id, processor_id, config_id, selected_by(tables), counts_of(value))


def _others(kind: str, landed: LandedData) -> Iterator[_Other]:
    table = OBJECT_TYPES[kind].table
    own = [name for name in ("config_id", "credits", "object", "payload_sha256") if name in table.column_names]
    columns = ("id", "loaded_tables", ROW_COUNTS, *own)
    for object_id, text, value, *rest in landed.rows(table, columns, complete=True):
        said = dict(zip(own, rest, strict=True))
        if said["payload_sha256"] is None:
            continue  # known from others alone, which bring it back
        tables, counts = selected_by(text, FILLED_TABLES[kind]), dict(counts_of(value) or {})
        is_sum = kind in LISTED_TYPES and LISTED_TYPES[kind].is_sum
        has_own_line = not is_sum and said.get("credits") is not None and said["object"] != PARSER_RUN
        if has_own_line and CREDIT_USAGE.name in tables:
            counts[CREDIT_USAGE.name] = 1
        yield _Other(object_id, said.get("config_id"), tables, counts)


def _configs_of(users: ConfigUsers, landed: LandedData) -> Iterator[str]:
    """Name the configs that objects of a type were written with."""
    others = (other for other in _others(users.object_type, landed) if RUN_CONFIGS.name in other.tables)
    if users.column == "id":
        yield from (other.config_id for other in others if other.config_id is not None)
        return
    owners = {other.id for other in others}
    rows = landed.rows(users.table, (users.column, "config_id"), complete=True) if owners else ()
    yield from (config_id for owner, config_id in rows if config_id is not None and owner in owners)


def _configs_in(tables: Collection[str], landed: LandedData) -> set[str]:
    """The configs whose rows some tables held."""
    if RUN_CONFIGS.name in tables:
        return {
            row[0]
            for users in CONFIG_USERS
            for row in landed.rows(users.table, ("config_id",), distinct=True, complete=True)
            if row[0] is not None
        }
    names = [owned.table.name for owned in OF_CONFIGS if owned.table.name in tables]
    found = set()
    for config_id, value in landed.rows(RUN_CONFIGS, ("config_id", ROW_COUNTS)) if names else ():
        counts = counts_of(value)
        if counts is None or any(counts.get(name) for name in names):
            found.add(config_id)
    return found


def _add_users(configs: Collection[str], landed: LandedData, found: Incomplete) -> None:
    """Add a run, or a parse run, for each config, which brings it back: one that is still there, if there is any."""
    left = set(configs)
    for kind, table, column in CONFIG_USERS:
        users = dict[str, str]()
        gone = landed.all_tombstones(kind) if left else set()
        for user_id, config_id in landed.rows(table, (column, "config_id"), complete=True) if left else ():
            if kind in _PARTS and user_id in gone:
                continue  # of what is gone as well: nothing would ask for it
            if config_id in left and (config_id not in users or users[config_id] in gone):
                users[config_id] = user_id
        found.by_type[kind].update(users.values())
        left.difference_update(config_id for config_id, user_id in users.items() if user_id not in gone)


def _linked_files(landed: LandedData) -> Iterable[str]:
    erased = landed.erased("file")
    rows = landed.rows(PROCESSOR_RUN_FILES, ("file_id",), distinct=True)
    return (row[0] for row in rows if row[0] is not None and row[0] not in erased)


def _incomplete_files(landed: LandedData) -> set[str]:
    """The files that have fewer rows than were written, or that runs name and no row describes."""
    files = _Expected()
    for file_id, value in landed.rows(FILES, ("id", ROW_COUNTS)):
        files.add(file_id, counts_of(value) or {})
    found: set[str] = set()
    for owned in OF_FILES:
        if owned.table.name in files.rows:
            found |= files.missing_in(owned.table.name, landed.count_by(owned))
    missing = set(_linked_files(landed)).difference(files.ids)
    if missing:
        # a run that was loaded without the table of files says nothing of it
        links = list(landed.lookup(PROCESSOR_RUN_FILES, ("file_id", "run_id"), missing))
        runs = dict(landed.lookup(PROCESSOR_RUNS, ("id", "loaded_tables"), (run_id for _, run_id in links)))
        found.update(file_id for file_id, run_id in links if run_id in runs and FILES.name in selected_by(runs[run_id]))
    return found
