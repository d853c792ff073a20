"""What runs, and the values read in documents, were before: a row for each state that differs from the last one seen.

Rows are only added. What a row is compared with is read from the destination, so that a load that is repeated adds
nothing, and rows of a load that was cut off become those of the load that repeats it. A row that is there already is
written again only where a privacy rule hides today what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from extend_source.pipeline.landed import LandedData
from extend_source.privacy import PrivacyRules
from extend_source.tables import Tables
from extend_source.tables.contract import TableSchema
from extend_source.tables.history import EXTRACTION_FIELD_HISTORY, PROCESSOR_RUN_HISTORY, VALID_FROM
from extend_source.tables.row_counts import is_marker
from extend_source.tables.schemas import EXTRACTION_FIELDS, PROCESSOR_RUNS

_TIMES = ("id", "fetched_at", "updated_at")
_ADDED, _CHANGED, _REMOVED = "added", "changed", "removed"
_NOTHING = (None, None)
"""What is compared of a value that is not there, or that is hidden as if it were not."""


Row = tuple[Any, ...]
"""The values of a history's columns, in their order, without the load id; or of its key."""


@dataclass(frozen=True)
class _Kept:
    """A history, and the table of which it keeps what was there before.

    Attributes:
        table: the history.
        of: the other table.
        run_id: its column with the run's id.
        compared: the columns that make a state; both tables have them.
    """

    table: TableSchema
    of: TableSchema
    run_id: str
    compared: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of a `Row`."""
        return tuple(column.name for column in self.table.columns)

    @cached_property
    def copied(self) -> tuple[str, ...]:
        """Those that the other table has as well."""
        return tuple(name for name in self.columns if name in self.of.column_names and name != self.run_id)

    @cached_property
    def key_of(self) -> Callable[[Row], Any]:
        """Picks the key out of a row."""
        return itemgetter(*map(self.columns.index, self.table.key))

    @cached_property
    def item_of(self) -> Callable[[Row], Any]:
        """Picks out what a state is of: a run, or one value of it."""
        return itemgetter(*(self.columns.index(name) for name in self.table.key if name != VALID_FROM))

    @cached_property
    def state_of(self) -> Callable[[Row], Any]:
        """Picks out what is compared."""
        return itemgetter(*map(self.columns.index, self.compared))

    @cached_property
    def time_of(self) -> Callable[[Row], datetime]:
        """Picks out when it was seen."""
        return itemgetter(self.columns.index(VALID_FROM))

    def row(self, **values: Any) -> Row:
        """Make a row; columns that are not named are NULL."""
        return tuple(values.get(name) for name in self.columns)


_STATES = _Kept(
    PROCESSOR_RUN_HISTORY,
    PROCESSOR_RUNS,
    "id",
    tuple(column.name for column in PROCESSOR_RUN_HISTORY.columns if column.name in PROCESSOR_RUNS.column_names),
)
_VALUES = _Kept(EXTRACTION_FIELD_HISTORY, EXTRACTION_FIELDS, "run_id", ("value_type", "value_text"))


class _Earlier(NamedTuple):
    """What was seen of some runs before.

    Attributes:
        rows: the rows by their key, oldest first.
        unsaved: the keys of those that must be written.
    """

    rows: dict[Row, Row]
    unsaved: set[Row]


class History:
    """Finds what is new in the batches of one load."""

    def __init__(self, landed: LandedData, load_id: str | None, privacy: PrivacyRules) -> None:
        """Start a load.

        Args:
            landed: what the destination holds.
            load_id: dlt's id of the load, for ``_dlt_load_id``.
            privacy: the rules of today.
        """
        self._landed, self._load_id, self._privacy = landed, load_id, privacy
        self._cut_off: dict[str, frozenset[Row]] = {}

    def add(self, tables: Tables) -> None:
        """Fill the histories with what the runs of a batch say.

        Args:
            tables: the batch, clean and filled in with what is known.
        """
        runs = tables[PROCESSOR_RUNS.name]
        if not runs.num_rows:
            return
        seen = _times_of(zip(*(runs[name].to_pylist() for name in _TIMES), strict=True))
        with self._landed.connected():
            whole = self._times_of_whole_runs(seen)
            states = self._earlier(_STATES, seen, whole)
            # most runs of a first sync are in neither
            known = {*whole, *(key[0] for key in states.rows), *(key[0] for key in self._cut_off_keys(_VALUES))}
            values = self._earlier(_VALUES, known.intersection(seen), whole)
        for kept, earlier in ((_STATES, states), (_VALUES, values)):
            tables[kept.table.name] = self._news(kept, _batch_of(kept, tables), earlier, seen)

    def _times_of_whole_runs(self, seen: Mapping[str, Row]) -> dict[str, Row]:
        """When the runs were seen that have landed with all their rows, as far as that was before now."""
        found = _times_of(self._landed.lookup(PROCESSOR_RUNS, _TIMES, seen, complete=True))
        incomplete = self._landed.incomplete_among(found)
        return {run: times for run, times in found.items() if run not in incomplete and times[0] < seen[run][0]}

    def _earlier(self, kept: _Kept, ids: Iterable[str], whole: Mapping[str, Row]) -> _Earlier:
        """Read what was seen of some runs before; of one without a history, what has landed is its beginning."""
        wanted = list(ids)
        rows = list(self._landed.lookup(kept.table, kept.columns, wanted))
        begun = {row[0] for row in rows}
        unbegun = [run for run in wanted if run in whole and run not in begun]
        for run, *values in self._landed.lookup(kept.of, (kept.run_id, *kept.copied), unbegun, complete=True):
            since, changed_at = whole[run]
            copied = dict(zip(kept.copied, values, strict=True))
            rows.append(kept.row(run_id=run, valid_from=since, changed_at=changed_at, change=_ADDED, **copied))
        cut_off, earlier = self._cut_off_keys(kept), _Earlier({}, set())
        for before, row in sorted(zip(rows, self._hidden_today(kept, rows), strict=True), key=_by_time(kept)):
            key = kept.key_of(row)
            earlier.rows[key] = row
            if row[0] not in begun or key in cut_off or before != row:
                earlier.unsaved.add(key)
        return earlier

    def _cut_off_keys(self, kept: _Kept) -> frozenset[Row]:
        """The keys of rows of loads that did not end: their runs are fetched again."""
        name = kept.table.name
        if name not in self._cut_off:
            self._cut_off[name] = frozenset(self._landed.rows(kept.table, kept.table.key, complete=False))
        return self._cut_off[name]

    def _hidden_today(self, kept: _Kept, rows: list[Row]) -> list[Row]:
        """Apply the rules of today to rows of earlier payloads."""
        if not rows:
            return rows
        clean = self._privacy.clean_earlier(self._arrow(kept, rows), kept.table, ruled=kept.of)
        return list(zip(*(clean[name].to_pylist() for name in kept.columns), strict=True))

    def _news(self, kept: _Kept, batch: pa.Table, earlier: _Earlier, seen: Mapping[str, Row]) -> pa.Table:
        """Return the rows to write: of the batch those that are no repetition, and what is gone."""
        if not earlier.rows:
            return batch
        last = {kept.item_of(row): row for row in earlier.rows.values()}
        newest = {row[0]: kept.time_of(row) for row in earlier.rows.values()}
        outdated = {run for run, since in newest.items() if seen[run][0] < since}
        there, fresh = set(), []
        for row in zip(*(batch[name].to_pylist() for name in kept.columns), strict=True):
            item = kept.item_of(row)
            there.add(item)
            before = kept.state_of(last[item]) if item in last else _NOTHING
            if kept.state_of(row) != before and row[0] not in outdated:
                fresh.append(row if before == _NOTHING else _as_changed(kept, row))
        for item, row in last.items():
            if item not in there and row[0] not in outdated and kept.state_of(row) != _NOTHING:
                fresh.append(_as_removed(kept, row, *seen[row[0]]))
        written = {key: row for key, row in earlier.rows.items() if key in earlier.unsaved}
        written.update((kept.key_of(row), row) for row in fresh)
        return self._arrow(kept, list(written.values()))

    def _arrow(self, kept: _Kept, rows: list[Row]) -> pa.Table:
        schema = kept.table.arrow_schema
        if not rows:
            return schema.empty_table()
        columns = [*zip(*rows, strict=True), [self._load_id] * len(rows)]
        arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=schema)


def _times_of(rows: Iterable[Row]) -> dict[str, Row]:
    """When runs were seen, and when they had changed last, by their ids."""
    return {row[0]: row[1:] for row in rows}


def _batch_of(kept: _Kept, tables: Tables) -> pa.Table:
    """What a batch says of its runs now, as rows of a history."""
    runs, rows = tables[PROCESSOR_RUNS.name], tables[kept.of.name]
    rows = rows.filter(pc.invert(is_marker(kept.of, rows)))
    owners = rows[kept.run_id]
    places = pc.index_in(owners, value_set=runs["id"].combine_chunks())
    values = {
        "run_id": owners,
        VALID_FROM: runs["fetched_at"].take(places),
        "changed_at": runs["updated_at"].take(places),
        "change": pa.array([_ADDED] * rows.num_rows, type=pa.string()),
    }
    schema = kept.table.arrow_schema
    columns = [values[name] if name in values else rows[name] for name in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def _by_time(kept: _Kept) -> Callable[[tuple[Row, Row]], datetime]:
    return lambda pair: kept.time_of(pair[1])


def _as_changed(kept: _Kept, row: Row) -> Row:
    return kept.row(**{**dict(zip(kept.columns, row, strict=True)), "change": _CHANGED})


def _as_removed(kept: _Kept, row: Row, seen_at: datetime, changed_at: datetime | None) -> Row:
    """Make the row that says that a value is gone."""
    values = dict(zip(kept.columns, row, strict=True))
    values |= {**dict.fromkeys(kept.compared), "valid_from": seen_at, "changed_at": changed_at, "change": _REMOVED}
    return kept.row(**values)
