"""A sync that is killed at any moment costs at most one load, and the next one makes the tables whole."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dlt
import pytest
from dlt.common.storages.load_package import PackageStorage
from dlt.extract.extract import Extract
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source import status, sync
from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION
from extend_source.sandbox import Options, SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.killing import PHASES, Machine, Moment, sync_until, sync_until_folder
from tests.acceptance.truth import assert_summaries, assert_tables, expected_tables
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

pytestmark = pytest.mark.thorough

RUNS = 2000
RUNS_WITH_EVERYTHING = 60
PACKAGE_RUNS = 200
KILLS = 10
SHARE_OF_NEW_MACHINES = 0.25

VISITS = {
    "listing": [1],
    "fetching": [1, 1, 2, 3],
    "extract": [1, 3, 3, 4, 5],  # before and after the listing, after and before the fetching of a load
    "normalise": [1, 1, 2, 3],
    "load": [1, 1, 2, 3],
    "between packages": [1, 1, 2],
}
STEPS = {"listing": 180, "fetching": 240, "extract": 110, "normalise": 200, "load": 400, "between packages": 24}
"""About how many steps each phase has."""


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    workspace = Workspace(runs=RUNS_WITH_EVERYTHING)
    for number in range(RUNS - RUNS_WITH_EVERYTHING):
        put_light_run(workspace, number)
    with SandboxServer(workspaces=[workspace], options=Options(largest_page=250)) as server:
        yield server


@pytest.mark.parametrize(("seed", "api_version"), [(0, API_VERSION), (1, CURRENT_VERSION)])
def test_a_sync_killed_ten_times_lands_what_an_undisturbed_one_lands(
    seed: int, api_version: str, server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    rng = random.Random(seed)
    expected = expected_tables(server.workspace, api_version=api_version)
    killed_in: Counter[str] = Counter()
    moments = moments_of(rng)
    while moments:
        machines = Machines(make_warehouse(server))
        while True:
            moment = moments[-1] if moments else None
            before = machines.wasted()
            phase = sync_until(moment, machines.current, **settings(server), api_version=api_version)
            if phase is None:
                break
            moments.pop()
            killed_in[phase] += 1
            assert machines.wasted() - before <= PACKAGE_RUNS, moment
            moves = rng.random() < SHARE_OF_NEW_MACHINES
            if moves or phase in ("fetching", "extract") or not machines.warehouse.tables():
                machines.most_wasted += PACKAGE_RUNS  # else the next sync finishes the load: nothing is wasted
            if moves:
                machines.move()
        assert 0 <= machines.wasted() <= machines.most_wasted
        assert_tables(machines.warehouse, expected)
        if api_version == API_VERSION:  # ids are other ones in the newer version
            assert_summaries(machines.warehouse)
        assert_books_in_order(machines.warehouse)

    assert killed_in.total() == KILLS
    assert set(killed_in) == set(PHASES)


@pytest.mark.parametrize("left", ["all of it", "no jobs", "an empty folder"])
def test_a_kill_before_dlt_has_deleted_what_it_normalised_holds_up_no_sync(
    left: str, empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = empty_warehouse.server.workspace
    put_light_run(workspace, 1)
    empty_warehouse.sync()
    put_light_run(workspace, 0)

    def delete_package(storage: PackageStorage, load_id: str, not_exists_ok: bool = False) -> None:
        if storage.initial_state == "extracted":
            gone = {"all of it": [], "no jobs": ["new_jobs"], "an empty folder": os.listdir(package(storage, load_id))}
            for name in gone[left]:
                path = package(storage, load_id) / name
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PackageStorage, "delete_package", delete_package)
        with pytest.raises(PipelineStepFailed):
            empty_warehouse.sync()
    assert empty_warehouse.column("processor_runs", "id") == ["dpr_0001"]

    empty_warehouse.sync()

    assert empty_warehouse.column("processor_runs", "id") == ["dpr_0000", "dpr_0001"]
    assert empty_warehouse.server.requests.counts["get_run"] == 2


@pytest.mark.parametrize("folder", ["normalize", "extracted", "load", "new", "normalized", "loaded"])
def test_a_kill_while_dlt_makes_its_folders_holds_up_no_sync(folder: str, empty_warehouse: Warehouse) -> None:
    server = empty_warehouse.server
    machines = Machines(empty_warehouse)
    put_light_run(server.workspace, 1)
    sync(machines.current.pipeline(), **settings(server))
    put_light_run(server.workspace, 0)
    machines.move()
    machine = machines.current
    left = int(folder not in ("normalize", "extracted"))  # these two come before anything is fetched

    sync_until_folder(folder, machine, **settings(server))

    assert not list((machine.pipelines / "extend").glob(f"**/{folder}"))
    assert server.requests.counts["get_run"] == 1 + left
    assert status(machine.pipeline()).pending_loads == left
    assert sync(machine.pipeline(), **settings(server)).complete
    assert server.requests.counts["get_run"] == 2
    assert empty_warehouse.column("processor_runs", "id") == ["dpr_0000", "dpr_0001"]


def test_a_kill_before_dlt_has_noted_the_first_load_holds_up_no_sync(
    empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_light_run(empty_warehouse.server.workspace, 0)
    destination = dlt.destinations.duckdb(str(empty_warehouse.database))
    dlt.pipeline("other", destination=destination, dataset_name=empty_warehouse.dataset).run([{"n": 1}], table_name="t")
    commit_packages = Extract.commit_packages

    def commit_packages_and_die(extract: Extract) -> None:
        commit_packages(extract)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Extract, "commit_packages", commit_packages_and_die)
        with pytest.raises(PipelineStepFailed):
            empty_warehouse.sync()
    restarted = Warehouse(empty_warehouse.server, empty_warehouse.folder)
    assert restarted.pipeline.has_pending_data

    restarted.sync()

    assert restarted.column("processor_runs", "id") == ["dpr_0000"]


def package(storage: PackageStorage, load_id: str) -> Path:
    return Path(storage.storage.make_full_path(storage.get_package_path(load_id)))


def moments_of(rng: random.Random) -> list[Moment]:
    """Moments to kill at: one at a standstill in each phase, the others while the sync goes on."""
    phases = [*PHASES, *rng.choices(PHASES, k=KILLS - len(PHASES))]
    moments = [
        Moment(phase, rng.choice(VISITS[phase]), rng.randint(1, STEPS[phase]), rng.uniform(0, 0.1) if late else None)
        for phase, late in zip(phases, [False] * len(PHASES) + [True] * KILLS, strict=False)
    ]
    rng.shuffle(moments)
    return moments


class Machines:
    """The machines that sync to one destination, one after the other.

    Attributes:
        warehouse: the destination, for queries.
        current: the machine in use.
        most_wasted: how many requests by id may be without result.
    """

    def __init__(self, warehouse: AnyWarehouse) -> None:
        self.warehouse = warehouse
        self.most_wasted = 0
        self._number = 0
        self._gets_before = runs_asked_for(warehouse.server)
        self.move()

    def move(self) -> None:
        """Go on on a machine that knows nothing."""
        self._number += 1
        self.current = machine_of(self.warehouse, f"machine-{self._number}")

    def wasted(self) -> int:
        """How many runs were asked for by id without having landed."""
        requests = self.warehouse.server.requests
        count = -1
        while count != (count := requests.total):
            time.sleep(0.05)  # what a process had sent when it was killed may still be on its way
        return runs_asked_for(self.warehouse.server) - self._gets_before - landed_runs(self.warehouse)


def machine_of(warehouse: AnyWarehouse, pipelines: str) -> Machine:
    """A machine that syncs to a warehouse, with dlt's notes in a folder of this name beside it."""
    if isinstance(warehouse, PostgresWarehouse):
        name, address = "postgres", warehouse.uri
    else:
        assert isinstance(warehouse, Warehouse)
        name, address = "duckdb", str(warehouse.database)
    return Machine(name, address, warehouse.dataset, warehouse.folder / pipelines)


def runs_asked_for(server: SandboxServer) -> int:
    """How many runs were asked for by id, whatever their type."""
    return sum(count for name, count in server.requests.counts.items() if name.startswith("get_"))


def landed_runs(warehouse: AnyWarehouse) -> int:
    """How many runs have landed with all their rows."""
    with warehouse.reading():
        if "processor_runs" not in warehouse.tables():
            return 0
        ended = "select load_id from _dlt_loads where status = 0"
        return int(warehouse.query(f"select count(*) from processor_runs where _dlt_load_id in ({ended})")[0][0])


def assert_books_in_order(warehouse: AnyWarehouse) -> None:
    """Assert that nothing failed, nothing is said to be gone, and no load is logged twice."""
    with warehouse.reading():
        assert warehouse.rows("fetch_errors") == []
        assert warehouse.rows("tombstones") == []
        loads = warehouse.column("sync_log", "load_id")
        assert len(set(loads)) == len(loads)


def settings(server: SandboxServer) -> dict[str, object]:
    return {
        "api_key": server.api_key,
        "base_url": server.base_url,
        "requests_per_second": 0,
        "max_concurrency": 8,
        "package_runs": PACKAGE_RUNS,
    }


def put_light_run(workspace: Workspace, number: int) -> None:
    """Serve a run with few rows, each in its own minute."""
    created = workspace.now - timedelta(minutes=number)
    run = {"id": f"dpr_{number:04}", "status": "PROCESSED", "usage": {"credits": number % 7}, "files": []}
    if number % 2:
        result = {"id": f"class_{number % 5}", "type": "CLASS", "confidence": 0.5}
        run |= {"type": "CLASSIFY", "config": {"type": "CLASSIFY"}, "output": result}
    else:
        fields = {"type": "object", "properties": {"number": {"type": "integer"}}}
        output = {"value": {"number": number}, "metadata": {}}
        run |= {"type": "EXTRACT", "config": {"type": "EXTRACT", "schema": fields}, "output": output}
    workspace.put_run(run, created_at=created)
