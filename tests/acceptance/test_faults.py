"""Whatever goes wrong on the wire: the sync ends, nothing wrong lands, and later syncs heal everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extend_source import ExtendError, SyncResult
from extend_source.config.settings import ExtendSettings
from extend_source.errors import AccessRefused
from extend_source.sandbox import FAULT_NAMES, Fault, LoggedRequest, Options, SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import fetched, garble, impatient, log, make_open_warehouse, moment_of, put_small_runs
from tests.acceptance.shell import Outcome, run_shell
from tests.acceptance.truth import assert_holds, assert_summaries
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse

PASSING = sorted(FAULT_NAMES.keys() - {"unauthorized", "slow", "shifting_pages"})
"""The faults that a request repeated often enough outlasts."""

SHARES = (0.05, 0.2, 0.5)

NEW_RUNS = 14

TWO_AT_ONCE = {"max_concurrency": 2}
"""Without a request budget: more would be on their way already when the first one is refused."""

BY_DEFAULT = {
    "requests_per_second": ExtendSettings.requests_per_second,
    "max_concurrency": ExtendSettings.max_concurrency,
}


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A stand-in with 7 runs, all of which have ended, on pages of 7; its faults hit the fifth request first."""
    with SandboxServer(seed=6, runs=7, options=Options(largest_page=7)) as server:
        server.workspace.advance(3600)
        yield server


def under_each_share(warehouse: AnyWarehouse) -> Iterator[float]:
    """Load what is there; then, for each share of the requests that a fault may hit, add new runs."""
    warehouse.sync()
    for share in SHARES:
        warehouse.server.workspace.advance(3600)
        for _ in range(NEW_RUNS):
            warehouse.server.workspace.add_run(processor="classifier", status="PROCESSED")
        warehouse.server.requests.reset()
        yield share


def sync_or_error(warehouse: AnyWarehouse) -> SyncResult | ExtendError:
    """Sync, and return what it returned or raised; any other error is none that a sync may end with."""
    try:
        return warehouse.sync()
    except ExtendError as error:
        return error


def assert_nothing_wrong_landed(warehouse: AnyWarehouse) -> None:
    """Assert that the runs that have landed are as they should be, and that no others have a row anywhere."""
    __tracebackhide__ = True
    assert_holds(warehouse, run_ids=warehouse.column("processor_runs", "id"))
    assert_summaries(warehouse, run_ids=warehouse.column("processor_run_summaries", "id"))
    assert warehouse.rows("tombstones") == []


def assert_healed(warehouse: AnyWarehouse) -> None:
    """Assert that everything is there, and no trace of what went wrong but in the log."""
    __tracebackhide__ = True
    assert_holds(warehouse)
    assert_summaries(warehouse)
    assert warehouse.rows("fetch_errors") == []
    assert warehouse.rows("tombstones") == []


@pytest.mark.parametrize("fault", PASSING)
def test_a_sync_outlasts_a_fault_or_says_what_it_could_not_get_and_the_next_one_heals_it(
    server: SandboxServer, make_warehouse: MakeWarehouse, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    # with three attempts, half of the requests failing makes dead letters
    impatient(monkeypatch, attempts=3)
    warehouse = make_warehouse(server)
    landed: set[str] = set()
    for share in under_each_share(warehouse):
        server.faults.set([f"{fault}:{share}"])
        before = set(warehouse.column("processor_runs", "id"))

        outcome = sync_or_error(warehouse)

        assert {entry.fault for entry in server.requests.entries} == {None, fault}
        assert_nothing_wrong_landed(warehouse)
        landed = set(warehouse.column("processor_runs", "id"))
        dead_letters = set(warehouse.column("fetch_errors", "id"))
        if isinstance(outcome, SyncResult):
            assert (outcome.fetched, outcome.failed, outcome.gone) == (len(landed - before), len(dead_letters), 0)
            assert outcome.complete is (not dead_letters)
            assert landed | dead_letters == set(server.workspace.run_ids())
            assert landed.isdisjoint(dead_letters)

    server.faults.clear()
    server.requests.reset()
    healed = warehouse.sync()

    assert healed.complete
    assert sorted(fetched(server)) == sorted(set(server.workspace.run_ids()) - landed)
    assert_healed(warehouse)


def test_slow_bodies_only_take_longer(server: SandboxServer, make_warehouse: MakeWarehouse) -> None:
    warehouse = make_warehouse(server)
    for share in under_each_share(warehouse):
        server.faults.set([Fault("slow", probability=share, seconds=0.1)])

        result = warehouse.sync()

        assert {entry.fault for entry in server.requests.entries} == {None, "slow"}
        assert (result.fetched, result.retries, result.complete) == (NEW_RUNS, 0, True)
    assert_healed(warehouse)


def test_pages_that_shift_while_they_are_read_hide_no_run_for_long(make_warehouse: MakeWarehouse) -> None:
    with SandboxServer(seed=6, runs=7, options=Options(largest_page=2)) as server:  # hits the fifth page first, too
        warehouse, shifts = make_warehouse(server), list[int]()
        for share in under_each_share(warehouse):
            new = set(server.workspace.run_ids()[-NEW_RUNS:])
            server.faults.set([Fault("shifting_pages", probability=share)])

            warehouse.sync(reconcile=True, review_window_days=0)

            shifts.append(sum(map(has_shifted, server.requests.entries)))
            moved = {run_id for run_id in new if moment_of(server.workspace, run_id) > server.workspace.now}
            assert new - moved <= set(warehouse.column("processor_runs", "id"))
            server.faults.clear()
            warehouse.sync()
            assert_healed(warehouse)
        assert 0 < shifts[0] < shifts[1] < shifts[2]


def has_shifted(entry: LoggedRequest) -> bool:
    """Tell whether rows were updated before a page; there is nothing to shift before the first one."""
    return entry.fault == "shifting_pages" and bool(entry.query.get("nextPageToken"))


def test_a_key_that_is_refused_now_and_then_ends_the_sync_or_costs_a_run_and_the_next_one_makes_up_for_it(
    server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    warehouse = make_warehouse(server)
    for share in under_each_share(warehouse):
        server.faults.set([Fault("unauthorized", probability=share)])

        outcome = sync_or_error(warehouse)

        if isinstance(outcome, SyncResult):  # what should work did when it was asked for
            assert outcome.failed == len(warehouse.rows("fetch_errors")) > 0
        else:
            assert isinstance(outcome, AccessRefused)
        assert_nothing_wrong_landed(warehouse)
    server.faults.clear()
    assert warehouse.sync().complete
    assert_healed(warehouse)


@pytest.mark.parametrize("settings", [TWO_AT_ONCE, BY_DEFAULT], ids=["two at once", "by default"])
def test_a_key_that_is_revoked_in_mid_sync_ends_it_at_once_and_what_was_loaded_stays(
    server: SandboxServer, make_warehouse: MakeWarehouse, settings: dict[str, Any]
) -> None:
    warehouse = make_warehouse(server)
    put_small_runs(server.workspace, 17)
    server.faults.set(["unauthorized:17+"])  # 4 listings, and 12 of 24 runs

    with pytest.raises(AccessRefused, match="401"):
        warehouse.sync(package_runs=5, **settings)

    refused = [entry for entry in server.requests.entries if entry.status == 401]
    (first_answer, *_) = sorted(entry.answered_at for entry in refused if entry.answered_at is not None)
    later = [entry for entry in server.requests.entries if entry.started_at > first_answer]
    assert len(later) <= 2
    committed = set(warehouse.column("processor_runs", "id"))
    assert len(committed) == 12
    assert log(warehouse, "runs_fetched", "runs_pending", "watermark_after") == [
        (5, 19, None),
        (5, 14, None),
        (2, 12, None),
    ]
    assert_nothing_wrong_landed(warehouse)

    server.faults.clear()
    server.requests.reset()
    result = warehouse.sync(package_runs=5)

    assert result.complete
    assert sorted(fetched(server)) == sorted(set(server.workspace.run_ids()) - committed)
    assert_healed(warehouse)


def test_faults_of_every_kind_at_once_heal_over_several_syncs(
    server: SandboxServer, make_warehouse: MakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, attempts=3)
    warehouse = make_warehouse(server)
    put_small_runs(server.workspace, 30)
    server.faults.set([f"{fault}:0.08" for fault in PASSING])

    for _ in range(3):
        sync_or_error(warehouse)
        assert_nothing_wrong_landed(warehouse)
    server.faults.clear()
    warehouse.sync()

    assert_healed(warehouse)


# ---- through the shell


def shell(folder: Path, server: SandboxServer, *arguments: str) -> Outcome:
    return run_shell(
        folder,
        *arguments,
        SOURCES__EXTEND__BASE_URL=server.base_url,
        SOURCES__EXTEND__API_KEY=server.api_key,
        SOURCES__EXTEND__REQUESTS_PER_SECOND="0",
    )


def test_the_shell_ends_with_4_when_the_key_is_refused_in_mid_sync(server: SandboxServer, tmp_path: Path) -> None:
    server.faults.set(["unauthorized:4+"])

    outcome = shell(tmp_path, server, "sync")

    assert outcome.code == 4
    assert outcome.stdout == ""
    line = outcome.stderr.splitlines()[-1]
    assert line.startswith("extend-source: EXT-209: GET /processor_runs/dpr_")
    assert "the Extend API answered 401" in line
    assert "Check the API key" in line


def test_the_shell_ends_with_3_while_a_run_cannot_be_loaded_and_with_0_once_it_can(
    server: SandboxServer, tmp_path: Path
) -> None:
    odd = server.workspace.put_run({"id": "dpr_odd", "status": "PROCESSED", "type": "EXTRACT"})
    garble(server, odd)

    failing = shell(tmp_path, server, "sync")
    server.instead = None
    healed = shell(tmp_path, server, "sync")

    assert failing.code == 3
    assert failing.stdout.startswith("7 runs loaded, 0 already there, 1 failed")
    assert "  dpr_odd: EXT-206: GET /processor_runs/dpr_odd: 200 with an unusable body of 14 bytes" in failing.stdout
    assert healed.code == 0
    assert healed.stdout.startswith("1 run loaded, ")
