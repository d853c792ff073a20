"""A source that changes while it is read: once it rests, two syncs later nothing is missing, stale or doubled."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from extend_source import SyncResult
from extend_source.sandbox import LoggedRequest, Options, SandboxServer, Workspace
from extend_source.sandbox.paging import CursorKind
from extend_source.tables import TABLES
from tests.acceptance.changes import KINDS, LATE, Change, Changer, Kind
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.truth import BOOKS, assert_holds, assert_summaries, expected_tables
from tests.acceptance.warehouse import AnyWarehouse, Row, Warehouse, without_sync_columns

CURSORS: tuple[CursorKind, ...] = ("offset", "keyset")
ENDED = frozenset({"PROCESSED", "FAILED", "CANCELLED"})
FULL_RECONCILE = {"reconcile": True, "review_window_days": 10_000, "max_rechecks": 10_000}

CHANGES = st.builds(Change, st.sampled_from(KINDS), st.integers(0, 30))

Plan = Sequence[tuple[int, Change]]
"""Changes, each with the number of requests to let pass before it."""

PLANS = st.lists(st.tuples(st.integers(0, 2), CHANGES), max_size=15)

MACHINES = {"duckdb": (4, 5), "postgres": (6, 8)}
"""How many histories are tried, and the most steps of each."""


class MovingSource:
    """A workspace that is served, changed and synced.

    Attributes:
        server: the stand-in.
        changer: changes the workspace.
        warehouse: the destination.
    """

    def __init__(self, make_warehouse: MakeWarehouse, *, runs: int, page: int, cursor: CursorKind) -> None:
        self.server = SandboxServer(runs=runs, options=Options(cursor=cursor, largest_page=page)).start()
        self.workspace = self.server.workspace
        self.changer = Changer(self.workspace)
        self.warehouse: AnyWarehouse = make_warehouse(self.server)
        self._counts_rows = cursor == "offset"
        self._served: dict[str, bytes] = {}

    def sync(self, plan: Plan = (), **arguments: Any) -> SyncResult:
        """Sync while changes happen; those that it leaves over happen afterwards."""
        changes = deque((change, wait) for wait, change in plan)
        waited = 0

        def play(request: LoggedRequest) -> None:
            nonlocal waited
            while changes and changes[0][1] <= waited:
                self._change_before(request, changes.popleft()[0])
                waited = 0
            waited += 1
            run_id = request.path.rpartition("/")[2]
            if request.route == "get_run" and run_id in self.workspace.run_ids():
                self._served[run_id] = self.workspace.run_body(run_id)

        self.server.before_each_request = play
        try:
            with kept_open(self.warehouse):
                return self.warehouse.sync(max_concurrency=1, **arguments)
        finally:
            self.server.before_each_request = None
            for change, _ in changes:
                self.changer.apply(change)

    def _change_before(self, request: LoggedRequest, change: Change) -> None:
        if self._counts_rows and change.kind == "delete" and request.query.get("nextPageToken"):
            # the rows behind it move up, one of them to a page that has been read; only a reconcile sees that one
            self.changer.unseen.update(self.workspace.run_ids())
        self.changer.apply(change)

    def rest(self) -> None:
        """Let everything become visible, sync twice and compare."""
        self.workspace.advance(LATE.total_seconds())
        assert self.sync().complete
        self._assert_what_the_listing_shows_has_landed()
        assert self.sync(**FULL_RECONCILE).complete
        self._assert_everything_has_landed()
        self.changer.unseen.clear()

    def _assert_what_the_listing_shows_has_landed(self) -> None:
        """Assert what an ordinary sync promises, which lists only what is new."""
        with self.warehouse.reading():
            landed = {row["id"]: row for row in without_sync_columns(self.warehouse.rows("processor_runs"))}
            tombstones = set(self.warehouse.column("processor_run_tombstones", "id"))
        visible = self.workspace.run_ids()
        shown = [run_id for run_id in visible if run_id not in self.changer.unseen]
        for row in expected_tables(self.workspace, shown)["processor_runs"]:
            assert landed.get(row["id"]) == row
        in_flight = {run_id for run_id, row in landed.items() if row["status"] not in ENDED}
        assert in_flight - set(visible) <= tombstones

    def _assert_everything_has_landed(self) -> None:
        warehouse = self.warehouse
        visible = set(self.workspace.run_ids())
        with warehouse.reading():
            landed = {row["id"]: row for row in warehouse.rows("processor_runs")}
            gone = [row for run_id, row in landed.items() if run_id not in visible]
            assert_holds(warehouse, self._workspace_as_read(gone))
            assert_summaries_of_visible(warehouse, self.workspace)
            tombstones = set(warehouse.column("processor_run_tombstones", "id"))
            assert tombstones & landed.keys() == {row["id"] for row in gone}
            assert not tombstones & visible
            assert warehouse.rows("fetch_errors") == []
            for name in BOOKS:
                assert_no_key_twice(name, warehouse.rows(name))

    def _workspace_as_read(self, gone: Iterable[Row]) -> Workspace:
        """A workspace with the runs that can be seen, and those that are gone as they were read last."""
        copy = Workspace(runs=0)
        for row in gone:
            times = {name: row[name] for name in ("created_at", "updated_at")}  # a run that is gone has none
            copy.put_run(self._served[row["id"]], **times)
        for run_id in self.workspace.run_ids():
            run = self.workspace.runs[run_id]
            copy.put_run(self.workspace.run_body(run_id), created_at=run.created_at, updated_at=run.updated_at)
        return copy


def kept_open(warehouse: AnyWarehouse) -> AbstractContextManager[object]:
    """Hold a DuckDB file open, as each further connection then takes a tenth of the time."""
    return duckdb.connect(str(warehouse.database)) if isinstance(warehouse, Warehouse) else nullcontext()


def assert_summaries_of_visible(warehouse: AnyWarehouse, workspace: Workspace) -> None:
    """Assert that the summaries are those of the listing, and that other runs which have one are known to be gone."""
    visible = set(workspace.run_ids())
    listed = set(warehouse.column("processor_run_summaries", "id"))
    assert listed - visible <= set(warehouse.column("processor_run_tombstones", "id"))

    class Visible:
        def rows(self, table: str) -> list[Row]:
            return [row for row in warehouse.rows(table) if row["id"] in visible]

    assert_summaries(Visible(), workspace)  # type: ignore[arg-type]


def assert_no_key_twice(table: str, rows: Iterable[Row]) -> None:
    keys = [tuple(row[name] for name in TABLES[table].key) for row in rows]
    assert len(set(keys)) == len(keys), table


def machine(make_warehouse: MakeWarehouse) -> type[RuleBasedStateMachine]:
    """The state machine of a moving source in front of a kind of warehouse."""

    class Machine(RuleBasedStateMachine):
        source: MovingSource | None = None

        @initialize(runs=st.sampled_from([0, 12, 20]), page=st.integers(3, 7), cursor=st.sampled_from(CURSORS))
        def begin(self, runs: int, page: int, cursor: CursorKind) -> None:
            self.source = MovingSource(make_warehouse, runs=runs, page=page, cursor=cursor)

        @rule(changes=st.lists(CHANGES, min_size=1, max_size=5))
        def change_at_rest(self, changes: list[Change]) -> None:
            for change in changes:
                self.source.changer.apply(change)

        @rule(plan=PLANS, reconcile=st.booleans(), package_runs=st.sampled_from([2000, 5]))
        def sync_while_it_changes(self, plan: Plan, reconcile: bool, package_runs: int) -> None:
            self.source.sync(plan, reconcile=reconcile, package_runs=package_runs)

        @rule(plan=PLANS, reconcile=st.booleans(), max_requests=st.integers(1, 25))
        def sync_within_a_budget(self, plan: Plan, reconcile: bool, max_requests: int) -> None:
            self.source.sync(plan, reconcile=reconcile, max_requests=max_requests)

        @rule()
        def rest(self) -> None:
            self.source.rest()

        def teardown(self) -> None:
            if self.source is None:
                return
            try:
                if sys.exc_info()[0] is None:  # no step has failed
                    self.source.rest()
            finally:
                self.source.server.stop()

    return Machine


def test_a_source_that_moves_has_landed_two_syncs_after_it_rests(
    destination: str, make_warehouse: MakeWarehouse
) -> None:
    examples, steps = MACHINES[destination]
    run_state_machine_as_test(
        machine(make_warehouse),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.parametrize("cursor", CURSORS)
def test_five_hundred_runs_that_share_one_updated_at_land_while_pages_shift(
    cursor: CursorKind, make_warehouse: MakeWarehouse
) -> None:
    source = MovingSource(make_warehouse, runs=0, page=25, cursor=cursor)
    now = source.workspace.now
    for _ in range(500):
        source.workspace.add_run(processor="classifier", status="PROCESSED", created_at=now, updated_at=now)
    kinds: Sequence[Kind] = ("touch", "create", "edit", "delete", "edit silently", "create late", "touch", "restore")
    plan = [(int(number % 4 == 0), Change(kind, 61 * number)) for number, kind in enumerate(kinds * 12)]
    try:
        source.sync(plan)
        source.rest()
    finally:
        source.server.stop()


def test_a_run_that_is_gone_before_it_was_fetched_is_known_to_be_gone(make_warehouse: MakeWarehouse) -> None:
    source = MovingSource(make_warehouse, runs=3, page=5, cursor="offset")
    try:
        source.sync(max_requests=2)
        (fetched,) = source.warehouse.column("processor_runs", "id")
        gone = next(run_id for run_id in source.workspace.run_ids() if run_id != fetched)
        source.workspace.delete_run(gone)
        source.rest()
        assert source.warehouse.column("processor_run_tombstones", "id") == [gone]
    finally:
        source.server.stop()
