"""The same moving source in API 2026-02-09: what has landed is what an undisturbed sync of a copy lands."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import LoggedRequest, Options, SandboxServer
from extend_source.sandbox.paging import CursorKind
from tests.acceptance.changes import KINDS, LATE, Changer, Kind
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.test_moving_source import CURSORS, Plan, plans_of
from tests.acceptance.warehouse import AnyWarehouse, Row

pytestmark = pytest.mark.thorough

STAYING: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind not in ("delete", "restore", "cancel"))
"""Changes after which all that was listed is still there: the stand-in has no parse run of a run that was cancelled."""
SCANS = ("schema_drift", "credit_usage")
"""What depends on when it was looked at: when an unknown key was first seen, and which load found a cost last."""


def sync_while_it_changes(warehouse: AnyWarehouse, changer: Changer, plan: Plan) -> None:
    """Sync while changes happen before each request; those that it leaves over happen afterwards."""
    left = deque(plan)

    def play(_: LoggedRequest) -> None:
        for change in left.popleft() if left else ():
            changer.apply(change)

    warehouse.server.before_each_request = play
    try:
        warehouse.sync(api_version=CURRENT_VERSION, max_concurrency=1, max_error_share=1, quiet_log_minutes=60)
    finally:
        warehouse.server.before_each_request = None
        for changes in left:
            for change in changes:
                changer.apply(change)


def compare_all(warehouse: AnyWarehouse) -> None:
    """Let everything become visible, sync, and compare the whole listing and each run."""
    warehouse.server.workspace.advance(LATE.total_seconds())
    for more in ({}, {"reconcile": True, "review_window_days": 10_000, "max_rechecks": 10_000}):
        assert warehouse.sync(api_version=CURRENT_VERSION, quiet_log_minutes=60, **more).complete


def landed(warehouse: AnyWarehouse) -> dict[str, list[Row]]:
    """All rows but those that say when something was looked at."""
    tables = {name: rows for name, rows in warehouse.snapshot().items() if name not in SCANS}
    for row in tables["parse_runs"]:  # their times come from the list: a run may have named them before that
        del row["created_at"], row["updated_at"]
    return tables


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_source_that_moves_has_landed_whole_once_it_rests(cursor: CursorKind, make_warehouse: MakeWarehouse) -> None:
    @settings(
        max_examples=2,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        phases=[Phase.generate],
    )
    @given(plans=st.lists(plans_of(STAYING), min_size=2, max_size=2), page=st.sampled_from([3, 5]))
    def moves(plans: list[Plan], page: int) -> None:
        with SandboxServer(runs=20, options=Options(cursor=cursor, largest_page=page)) as server:
            warehouse, changer = make_warehouse(server), Changer(server.workspace)
            for plan in plans:
                sync_while_it_changes(warehouse, changer, plan)
            compare_all(warehouse)
            undisturbed = make_warehouse(server)
            undisturbed.sync(api_version=CURRENT_VERSION)
            moved, still = landed(warehouse), landed(undisturbed)
            assert moved.keys() == still.keys()
            for name, rows in still.items():
                assert moved[name] == rows, name
            credits = "select resource_type, resource_id, basis, credits from credit_usage order by 1, 2"
            assert warehouse.query(credits) == undisturbed.query(credits)
            assert warehouse.rows("fetch_errors") == []

    moves()


def test_runs_that_go_while_the_lists_are_read_are_known_to_be_gone(make_warehouse: MakeWarehouse) -> None:
    with SandboxServer(runs=40, options=Options(cursor="keyset", largest_page=5)) as server:
        warehouse, gone = make_warehouse(server), []

        def delete_one(request: LoggedRequest) -> None:
            if request.route.startswith("list_") and len(gone) < 6:
                gone.append(server.workspace.run_ids()[-1])
                server.workspace.delete_run(gone[-1])

        warehouse.sync(api_version=CURRENT_VERSION)
        server.before_each_request = delete_one
        warehouse.sync(api_version=CURRENT_VERSION, reconcile=True)
        server.before_each_request = None
        compare_all(warehouse)

        assert len(gone) == 6
        assert {run_id.partition("_")[2] for run_id in warehouse.column("tombstones", "id")} == {
            run_id.partition("_")[2] for run_id in gone
        }
        assert warehouse.count("processor_runs") == 40
