"""A source that changes while it is read: once it rests, two syncs later nothing is missing, stale or doubled."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from types import TracebackType
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from extend_source import SyncResult
from extend_source.errors import InvalidSetting
from extend_source.sandbox import Fault, LoggedRequest, Options, SandboxServer, Workspace
from extend_source.sandbox.paging import CursorKind
from extend_source.sandbox.queries import RunQuery
from extend_source.tables import TABLES
from tests.acceptance.changes import KINDS, LATE, Change, Changer, Kind
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import fetched, impatient, moment_of, put_small_runs
from tests.acceptance.truth import BOOKS, assert_holds, assert_summaries, expected_tables
from tests.acceptance.warehouse import AnyWarehouse, Row, Warehouse, without_sync_columns

pytestmark = pytest.mark.thorough

CURSORS: tuple[CursorKind, ...] = ("offset", "keyset")
ENDED = frozenset({"PROCESSED", "FAILED", "CANCELLED"})

Plan = Sequence[Sequence[Change]]
"""The changes before the first request of a sync, before the second one, and so on."""

MACHINES = {"duckdb": (5, 3), "postgres": (10, 4)}
"""How many histories are tried, and the most steps of each."""


class MovingSource:
    """A workspace that is served, changed and synced.

    Attributes:
        server: the stand-in.
        workspace: its workspace.
        changer: changes the workspace.
        warehouse: the destination.
        log: each payload of a run that was served, in order, with the run's id.
    """

    def __init__(self, make_warehouse: MakeWarehouse, *, runs: int, page: int, cursor: CursorKind) -> None:
        self.server = SandboxServer(runs=runs, options=Options(cursor=cursor, largest_page=page)).start()
        self.workspace = self.server.workspace
        self.changer = Changer(self.workspace)
        self.warehouse: AnyWarehouse = make_warehouse(self.server)
        self._page = page
        self._counts_rows = cursor == "offset"
        self._pages_read = 0
        self.log: list[tuple[str, bytes]] = []

    def __enter__(self) -> MovingSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()

    def sync(self, plan: Plan = (), *, failing: float = 0.0, **arguments: Any) -> SyncResult:
        """Sync while changes happen; those that it leaves over happen afterwards.

        Args:
            plan: the changes.
            failing: the share of requests for single runs that fail.
            **arguments: as for `sync`.
        """
        left = deque(plan)
        answers: list[tuple[LoggedRequest, str, bytes]] = []
        always_listed = set(self.workspace.run_ids())
        self._pages_read = 0

        def play(request: LoggedRequest) -> None:
            for change in left.popleft() if left else ():
                self._change_before(request, change)
            if request.route == "list_runs":
                self._pages_read += 1
                always_listed.intersection_update(self.workspace.run_ids())
            run_id = request.path.rpartition("/")[2]
            if request.route == "get_run" and run_id in self.workspace.run_ids():
                answers.append((request, run_id, self.workspace.run_body(run_id)))

        self.server.before_each_request = play
        self.server.faults.set([Fault("5xx", probability=failing, endpoint="run")] if failing else [])
        arguments |= {"max_concurrency": 1, "max_error_share": 1, "quiet_log_minutes": 60}
        try:
            with kept_open(self.warehouse):
                try:
                    return self.warehouse.sync(**arguments)
                except InvalidSetting as refusal:
                    # where every run seen before is gone, it might as well be another workspace: the user must say
                    if "sync once with refresh" not in str(refusal):
                        raise
                    assert not self._seen_before() & always_listed
                    return self.warehouse.sync(refresh=True, **arguments)
        finally:
            self.server.before_each_request = None
            self.server.faults.clear()
            self.log += [(run_id, body) for request, run_id, body in answers if request.status == 200]
            for changes in left:
                for change in changes:
                    self.changer.apply(change)

    def _seen_before(self) -> set[str]:
        """The runs that have landed, or that a listing has shown."""
        return {
            run_id
            for table in ("processor_runs", "processor_run_summaries")
            for run_id in self.warehouse.column(table, "id")
        }

    def _change_before(self, request: LoggedRequest, change: Change) -> None:
        if not (self._counts_rows and change.kind == "delete" and request.query.get("nextPageToken")):
            self.changer.apply(change)
            return
        before = self._in_listing_order()
        self.changer.apply(change)
        read = self._pages_read * self._page
        if set(before[:read]) - set(self._in_listing_order()):
            # all rows behind it move up, one of them to the page read last: only a whole listing shows that one
            self.changer.unseen.update(before[read : read + 1])

    def _in_listing_order(self) -> list[str]:
        return [run.id for run in self.workspace.list_runs(RunQuery(), "updatedAt", "desc")]

    def rest(self) -> None:
        """Let everything become visible, sync twice and compare."""
        self.workspace.advance(LATE.total_seconds())
        assert self.sync().complete
        self._assert_what_the_listing_shows_has_landed()
        # a recheck would find deleted runs as well; where there is nothing else for it to find, the listing must do
        days = 10_000 if self.changer.silent else 0
        assert self.sync(reconcile=True, review_window_days=days, max_rechecks=10_000).complete
        self._assert_everything_has_landed()
        self.changer.settle()

    def _assert_what_the_listing_shows_has_landed(self) -> None:
        """Assert what an ordinary sync promises, which lists only what is new."""
        with self.warehouse.reading():
            landed = {row["id"]: row for row in without_sync_columns(self.warehouse.rows("processor_runs"))}
            tombstones = set(self.warehouse.column("tombstones", "id"))
        visible = self.workspace.run_ids()
        shown = [run_id for run_id in visible if run_id not in self.changer.unseen]
        for row in expected_tables(self.workspace, shown)["processor_runs"]:
            assert landed.get(row["id"]) == row
        for run_id, row in landed.items():
            if row["status"] not in ENDED and run_id not in tombstones:
                # asked for whatever the listing shows
                assert run_id in visible
                assert row["status"] == self.workspace.runs[run_id].status

    def _assert_everything_has_landed(self) -> None:
        warehouse = self.warehouse
        visible = set(self.workspace.run_ids())
        with warehouse.reading():
            landed = {row["id"]: row for row in warehouse.rows("processor_runs")}
            gone = [row for run_id, row in landed.items() if run_id not in visible]
            assert_holds(warehouse, self._workspace_as_read(gone))
            assert_summaries_of_visible(warehouse, self.workspace)
            tombstones = set(warehouse.column("tombstones", "id"))
            assert tombstones & landed.keys() == {row["id"] for row in gone}
            assert not tombstones & visible
            assert warehouse.rows("fetch_errors") == []
            for name in BOOKS:
                assert_no_key_twice(name, warehouse.rows(name))

    def _workspace_as_read(self, gone: Iterable[Row]) -> Workspace:
        """A workspace with the runs that can be seen, and those that are gone as they were read last."""
        copy, served = Workspace(runs=0), dict(self.log)
        for row in gone:
            times = {name: row[name] for name in ("created_at", "updated_at")}  # a run that is gone has none
            copy.put_run(served[row["id"]], **times)
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
    assert listed - visible <= set(warehouse.column("tombstones", "id"))

    class Visible:
        def rows(self, table: str) -> list[Row]:
            return [row for row in warehouse.rows(table) if row["id"] in visible]

    assert_summaries(Visible(), workspace)  # type: ignore[arg-type]


def assert_no_key_twice(table: str, rows: Iterable[Row]) -> None:
    keys = [tuple(row[name] for name in TABLES[table].key) for row in rows]
    assert len(set(keys)) == len(keys), table


def plans_of(kinds: Sequence[Kind]) -> st.SearchStrategy[Plan]:
    """Plans full of changes from page to page: of fixed length, so that still every change can shrink away."""
    changes = st.builds(Change, st.sampled_from(kinds), st.integers(0, 30))
    return st.lists(st.lists(changes, max_size=3), min_size=12, max_size=12)


def machine(make_warehouse: MakeWarehouse) -> type[RuleBasedStateMachine]:
    """The state machine of a moving source in front of a kind of warehouse."""

    class Machine(RuleBasedStateMachine):
        source: MovingSource | None = None
        kinds: Sequence[Kind] = ()
        syncs = 0
        rested = True

        @initialize(
            runs=st.sampled_from([20, 8, 0]),
            page=st.sampled_from([3, 5]),
            cursor=st.sampled_from(CURSORS),
            # some kinds heal what others break, so no history has them all
            kinds=st.lists(st.sampled_from(KINDS), min_size=3, max_size=8, unique=True),
        )
        def begin(self, runs: int, page: int, cursor: CursorKind, kinds: Sequence[Kind]) -> None:
            self.source = MovingSource(make_warehouse, runs=runs, page=page, cursor=cursor)
            self.kinds = kinds

        @rule(
            data=st.data(),
            reconcile=st.sampled_from([False, False, True]),
            package_runs=st.sampled_from([2000, 12]),
            max_requests=st.one_of(st.none(), st.none(), st.integers(1, 25)),
            failing=st.sampled_from([0.0, 0.5]),
        )
        def sync_while_it_changes(self, data: st.DataObject, **arguments: Any) -> None:
            plan = data.draw(plans_of(self.kinds), label="changes before each request")
            assume(self.syncs or any(plan))  # of a first sync without a change there are tests enough
            self.source.sync(plan, **arguments)
            self.syncs += 1
            self.rested = False

        @precondition(lambda self: not self.rested)
        @rule()
        def rest(self) -> None:
            self.source.rest()
            self.rested = True

        def teardown(self) -> None:
            if self.source is None:
                return
            with self.source:
                if sys.exc_info()[0] is None and not self.rested:  # no step has failed
                    self.source.rest()

    return Machine


def test_a_source_that_moves_has_landed_two_syncs_after_it_rests(
    destination: str, make_warehouse: MakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, attempts=2)
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
    kinds: Sequence[Kind] = (
        *("touch", "create", "edit", "delete"),
        *("settle credits silently", "create late", "touch", "restore", "create long ago"),
    )
    changes = [Change(kind, 61 * number) for number, kind in enumerate(kinds * 10)]
    plan = [changes[start : start + 5] for start in range(0, len(changes), 5)]  # before each of the 18 first pages
    with MovingSource(make_warehouse, runs=0, page=25, cursor=cursor) as source:
        now = source.workspace.now
        for _ in range(500):
            source.workspace.add_run(processor="classifier", status="PROCESSED", created_at=now, updated_at=now)

        source.sync(plan)
        source.changer.apply(Change("delete", 250))  # one that has landed
        source.rest()


def test_a_run_that_is_gone_before_it_was_fetched_is_known_to_be_gone(make_warehouse: MakeWarehouse) -> None:
    with MovingSource(make_warehouse, runs=3, page=5, cursor="offset") as source:
        source.sync(max_requests=2)
        (landed,) = source.warehouse.column("processor_runs", "id")
        gone = next(run_id for run_id in source.workspace.run_ids() if run_id != landed)
        source.workspace.delete_run(gone)
        source.rest()
        assert source.warehouse.column("tombstones", "id") == [gone]


def test_a_run_that_becomes_visible_late_is_found_below_all_that_was_loaded_meanwhile(
    make_warehouse: MakeWarehouse,
) -> None:
    with MovingSource(make_warehouse, runs=0, page=5, cursor="keyset") as source:
        workspace = source.workspace
        moment = workspace.now
        late = workspace.add_run(
            processor="classifier",
            status="PROCESSED",
            created_at=moment,
            updated_at=moment,
            visible_at=moment + timedelta(minutes=5),
        )
        workspace.advance(299)
        newer = put_small_runs(workspace, 20, every=timedelta(seconds=10))
        first = source.sync()
        workspace.advance(1)
        source.server.requests.reset()

        second = source.sync()

        assert (first.mode, first.fetched, first.watermark) == ("full", 20, moment + timedelta(seconds=299))
        assert (second.mode, fetched(source.server)) == ("incremental", [late])
        assert source.warehouse.column("processor_runs", "id") == sorted([late, *newer])
        assert_holds(source.warehouse)


@pytest.mark.slow
@pytest.mark.core
def test_runs_that_change_between_two_pages_cost_no_other_run_its_place(make_warehouse: MakeWarehouse) -> None:
    with MovingSource(make_warehouse, runs=0, page=5, cursor="offset") as source:
        ids = put_small_runs(source.workspace, 10)
        unread, read = ids[0], ids[7]

        def change_after_the_first_page(request: LoggedRequest) -> None:
            if request.query.get("nextPageToken") and moment_of(source.workspace, read) < source.workspace.now:
                for run_id in (unread, read):
                    source.workspace.touch_run(run_id)

        source.server.before_each_request = change_after_the_first_page
        source.warehouse.sync(max_concurrency=1)
        source.server.before_each_request = None
        first = fetched(source.server)
        source.server.requests.reset()
        second = source.sync()

        # one has moved in front of what was left to read; the other one's place was taken by one read before
        assert first == ids[:0:-1]
        assert (second.mode, sorted(fetched(source.server))) == ("incremental", [unread, read])
        assert_holds(source.warehouse)
        assert_summaries(source.warehouse)


def test_a_run_that_could_not_be_fetched_is_fetched_later_though_no_scan_comes_that_far(
    make_warehouse: MakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, attempts=2)
    with MovingSource(make_warehouse, runs=0, page=5, cursor="keyset") as source:
        ids = put_small_runs(source.workspace, 20)
        source.server.faults.set(["503:#20,21@run"])  # both attempts for the oldest one, which comes last
        first = source.warehouse.sync(max_concurrency=1)
        lacking = source.warehouse.column("fetch_errors", "id")
        source.server.faults.clear()
        source.server.requests.reset()

        second = source.sync()

        assert (first.fetched, first.failed, lacking) == (19, 1, ids[:1])
        assert (second.mode, second.listed, second.complete) == ("incremental", 5, True)
        assert fetched(source.server) == ids[:1]
        assert source.warehouse.rows("fetch_errors") == []
        assert_holds(source.warehouse)
