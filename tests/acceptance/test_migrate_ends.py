"""How a migration ends where it cannot simply be done, and what others have in the database then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import dlt
import psycopg2
import pytest

from extend_source import (
    AccessRefused,
    MigrateResult,
    SyncProgress,
    UsageError,
    create_current_views,
    erase,
    extend_source,
    migrate,
)
from extend_source.api import CURRENT_VERSION
from extend_source.errors import AnotherWorkspace, SyncError
from extend_source.pipeline import dataset_switch
from extend_source.sandbox import OddAnswer, SandboxServer
from extend_source.sandbox.generation_2026.parses import parse_runs
from extend_source.sandbox.requests_log import LoggedRequest
from tests.acceptance.scenes import OpenWarehouse
from tests.acceptance.shell import run_shell
from tests.acceptance.test_kill import put_light_run
from tests.acceptance.test_privacy import CANARIES, KEY, found_on_disk, put_secrets, rules
from tests.acceptance.test_shell import only_line, settings
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse

pytestmark = pytest.mark.thorough

RUNS = 6
PREFIXES = ("exr", "clr")
NEW_IDS = sorted(f"{PREFIXES[number % 2]}_{number:04}" for number in range(RUNS))


@pytest.fixture
def warehouse(empty_server: SandboxServer, tmp_path: Path) -> OpenWarehouse:
    """A dataset of 2025-04-21 with a few light runs."""
    for number in range(RUNS):
        put_light_run(empty_server.workspace, number)
    made = OpenWarehouse(empty_server, tmp_path)
    made.sync()
    empty_server.requests.reset()
    return made


def migrated(warehouse: AnyWarehouse, **arguments: Any) -> MigrateResult:
    return migrate(warehouse.pipeline, **{"dry_run": False, **warehouse.settings(**arguments)})


def gets(server: SandboxServer) -> list[str]:
    return sorted(entry.path.rsplit("/", 1)[1] for entry in server.requests.entries if entry.route.startswith("get_"))


# ---- stopped, and gone on with


def test_a_limit_stops_a_migration_and_the_next_call_goes_on(warehouse: OpenWarehouse) -> None:
    stopped = migrated(warehouse, max_runs=4)

    assert (stopped.state, stopped.loaded) == ("stopped", 4)
    assert warehouse.column("processor_runs", "api_version") == ["2025-04-21"] * RUNS
    assert migrate(warehouse.pipeline, **warehouse.settings()).loaded == 4
    assert migrated(warehouse).state == "done"
    assert warehouse.column("processor_runs", "id") == NEW_IDS
    assert gets(warehouse.server) == NEW_IDS  # each once


def test_what_is_erased_between_two_calls_is_erased_from_what_was_loaded(warehouse: OpenWarehouse) -> None:
    assert migrated(warehouse, max_runs=4).loaded == 4
    erase(warehouse.pipeline, run_ids=["dpr_0000"])
    assert NEW_IDS[3] == "exr_0000"
    loaded = warehouse.query("select id from extend_2026_02_09.processor_runs")
    assert ("exr_0000",) in loaded

    result = migrated(warehouse)

    assert (result.state, result.erasures) == ("done", 1)
    assert warehouse.column("processor_runs", "id") == [run_id for run_id in NEW_IDS if run_id != "exr_0000"]
    assert warehouse.column("erasures", "id") == ["dpr_0000", "exr_0000"]
    assert found_on_disk(warehouse.pipelines, "exr_0000") == []


@pytest.fixture
def parsed(tmp_path: Path) -> Iterator[tuple[OpenWarehouse, str, str]]:
    """A dataset of 2025-04-21 with three parser runs that have ended, and two of their ids."""
    with SandboxServer(runs=12) as server:
        made = OpenWarehouse(server, tmp_path)
        made.sync()
        ended = [each.id for each in parse_runs(server.workspace) if each.status == "PROCESSED"][:3]
        old_ids = [f"parser_run{each.removeprefix('pr')}" for each in ended]
        made.sync(run_ids=old_ids)
        assert made.column("parse_runs", "id") == sorted(old_ids)
        yield made, old_ids[0], old_ids[1]


def test_a_load_that_another_machine_has_left_behind_is_not_finished_after_the_switch(warehouse: OpenWarehouse) -> None:
    elsewhere = warehouse.on_another_machine()
    put_light_run(warehouse.server.workspace, RUNS)
    elsewhere.pipeline.extract(extend_source(**elsewhere.settings()))
    elsewhere.pipeline.normalize()  # killed before the load
    warehouse.sync()
    assert migrated(warehouse).state == "done"

    assert elsewhere.sync(api_version=CURRENT_VERSION).complete

    assert set(warehouse.column("processor_runs", "api_version")) == {CURRENT_VERSION}
    assert warehouse.count("processor_runs") == RUNS + 1


def test_a_parse_run_that_was_erased_stays_erased(parsed: tuple[OpenWarehouse, str, str]) -> None:
    warehouse, early, late = parsed
    erase(warehouse.pipeline, run_ids=[early])
    assert migrated(warehouse, max_runs=4).state == "stopped"
    erase(warehouse.pipeline, run_ids=[late])

    assert migrated(warehouse).state == "done"

    new_ids = {f"pr{each.removeprefix('parser_run')}" for each in (early, late)}
    assert warehouse.count("parse_runs") > 3
    with warehouse.reading():
        # their ids alone are elsewhere, where a run names them or their cost
        for table in sorted(name for name in warehouse.tables() if name.startswith("parse_")):
            text = str(warehouse.query(f'select * from "{table}"'))
            assert not [each for each in (early, late, *new_ids) if each in text], table
    assert new_ids <= set(warehouse.column("erasures", "id"))


def test_a_parse_run_is_erased_from_the_rows_that_were_kept(parsed: tuple[OpenWarehouse, str, str]) -> None:
    warehouse, old_id, other = parsed
    assert migrated(warehouse).state == "done"
    kept = "select count(*) from extend_2025_04_21.parse_chunks where parse_run_id = "
    assert warehouse.query(f"{kept}'{old_id}'") > [(0,)]

    erase(warehouse.pipeline, run_ids=[old_id])

    assert warehouse.query(f"{kept}'{old_id}'") == [(0,)]
    assert warehouse.query(f"{kept}'{other}'") > [(0,)]


def test_a_run_that_cannot_be_loaded_leaves_the_dataset_as_it_was(warehouse: OpenWarehouse) -> None:
    bad = OddAnswer(422, b'{"code": "INVALID", "message": "no"}', {"content-type": "application/json"})
    warehouse.server.instead = lambda entry: bad if entry.path.endswith("clr_0003") else None

    result = migrated(warehouse)

    assert (result.state, result.missing, result.loaded) == ("incomplete", ["dpr_0003"], RUNS - 1)
    assert warehouse.column("processor_runs", "id") == [f"dpr_{number:04}" for number in range(RUNS)]
    left = migrated(warehouse, leave_missing=True)
    assert (left.state, left.missing) == ("done", ["dpr_0003"])
    assert warehouse.column("processor_runs", "id") == [run_id for run_id in NEW_IDS if run_id != "clr_0003"]
    assert left.comparison is not None
    assert (left.comparison.pairs, left.comparison.only_old) == (RUNS - 1, 1)


def test_a_request_to_stop_is_heard_while_ids_are_matched(warehouse: OpenWarehouse) -> None:
    progress = SyncProgress(stop_requested=True)

    result = migrate(warehouse.pipeline, dry_run=False, progress=progress, **warehouse.settings())

    assert (result.state, result.matched_by, warehouse.server.requests.counts) == ("stopped", None, {})


def test_a_wrong_key_is_refused_and_nothing_is_written(warehouse: OpenWarehouse) -> None:
    for dry_run in (True, False):
        with pytest.raises(AccessRefused):
            migrate(warehouse.pipeline, dry_run=dry_run, **warehouse.settings() | {"api_key": "sk_wrong"})

    schemas = {row[0] for row in warehouse.query("select schema_name from information_schema.schemata")}
    assert not [name for name in schemas if name.startswith("extend_20")]


# ---- which runs


def test_runs_that_had_landed_beyond_the_filters_are_loaded_by_their_ids(warehouse: OpenWarehouse) -> None:
    result = migrated(warehouse, start_date=warehouse.server.workspace.now - timedelta(minutes=2, seconds=30))

    assert (result.state, result.sync and result.sync.fetched) == ("done", 3)
    assert warehouse.column("processor_runs", "id") == NEW_IDS


def test_processors_named_by_their_old_ids_are_refused_with_the_new_ones(
    empty_server: SandboxServer, tmp_path: Path
) -> None:
    workspace = empty_server.workspace
    workspace.add_run(status="PROCESSED")
    warehouse = OpenWarehouse(empty_server, tmp_path)
    old = workspace.processor("invoices").id
    warehouse.sync(processor_ids=[old])

    with pytest.raises(UsageError, match=f"{old} is ex_{old.removeprefix('dp_')}. Set processor_ids to the new ids"):
        migrated(warehouse, processor_ids=[old])

    assert migrated(warehouse, processor_ids=["ex_" + old.removeprefix("dp_")]).state == "done"


def test_a_value_that_differs_between_the_versions_is_named(warehouse: OpenWarehouse) -> None:
    warehouse.execute("update processor_runs set credits = 99.5 where id = 'dpr_0001'")

    comparison = migrated(warehouse).comparison

    assert comparison is not None
    (difference,) = comparison.differences
    assert (difference.what, difference.runs) == ("credits", 1)
    assert [(run_id, float(old), float(new)) for run_id, old, new in difference.named] == [("dpr_0001", 99.5, 1.0)]


# ---- refused


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("create schema extend_2025_04_21", "There is a dataset extend_2025_04_21 already, the name for the old rows"),
        (
            "create schema extend_2026_02_09; create table extend_2026_02_09.mine (n int)",
            "There is a dataset extend_2026_02_09 already, and it was not made by",
        ),
    ],
)
def test_a_dataset_of_another_is_not_touched(warehouse: OpenWarehouse, statement: str, line: str) -> None:
    warehouse.execute(statement)

    with pytest.raises(UsageError, match=line):
        migrated(warehouse)

    assert warehouse.column("processor_runs", "api_version") == ["2025-04-21"] * RUNS


def test_a_dataset_without_runs_has_nothing_to_migrate(empty_server: SandboxServer, tmp_path: Path) -> None:
    warehouse = OpenWarehouse(empty_server, tmp_path)
    warehouse.sync()

    assert migrated(warehouse).state == "nothing_to_do"
    assert migrate(warehouse.pipeline, **warehouse.settings()).state == "nothing_to_do"


def test_a_dataset_of_lists_alone_is_migrated_and_what_was_erased_stays_away(
    empty_server: SandboxServer, tmp_path: Path
) -> None:
    for number in range(RUNS):
        put_light_run(empty_server.workspace, number)
    warehouse = OpenWarehouse(empty_server, tmp_path)
    warehouse.sync(details=False)
    erase(warehouse.pipeline, run_ids=["dpr_0001"])

    result = migrated(warehouse)

    assert (result.state, result.matched, result.erasures) == ("done", 0, 1)
    assert result.comparison is not None
    assert (result.comparison.pairs, result.comparison.only_old, result.comparison.only_new) == (0, 0, RUNS - 1)
    assert result.comparison.figures["extraction_fields"][0] == 0
    left = [run_id for run_id in NEW_IDS if not run_id.endswith("_0001")]
    assert warehouse.column("processor_runs", "id") == warehouse.column("processor_run_summaries", "id") == left


def test_another_version_than_the_newer_one_is_refused(warehouse: OpenWarehouse) -> None:
    with pytest.raises(UsageError, match=f"migrate leads to API {CURRENT_VERSION}. Leave out api_version"):
        migrated(warehouse, api_version="2025-04-21")


def test_a_destination_without_a_switch_is_refused_with_the_plain_way(
    empty_server: SandboxServer, tmp_path: Path
) -> None:
    destination = dlt.destinations.filesystem(str(tmp_path / "files"))
    pipeline = dlt.pipeline("extend", destination=destination, dataset_name="extend", pipelines_dir=str(tmp_path / "p"))

    with pytest.raises(
        UsageError, match=r"cannot put one dataset in the place of another in one step\. Sync with api_"
    ):
        migrate(pipeline, api_key=empty_server.api_key, base_url=empty_server.base_url)

    assert empty_server.requests.counts == {}


def test_a_key_of_another_workspace_replaces_nothing(warehouse: OpenWarehouse) -> None:
    with (
        SandboxServer(runs=5) as other,
        pytest.raises(AnotherWorkspace, match="None of the 6 runs that have landed is"),
    ):
        migrate(warehouse.pipeline, dry_run=False, **warehouse.settings() | {"base_url": other.base_url})

    assert warehouse.column("processor_runs", "api_version") == ["2025-04-21"] * RUNS


def test_a_dataset_of_several_workspaces_is_refused(warehouse: OpenWarehouse) -> None:
    warehouse.execute("update processor_runs set workspace_id = case when id > 'dpr_0002' then 'ws_1' else 'ws_2' end")

    with pytest.raises(
        UsageError, match="holds runs of the workspaces ws_1, ws_2, and migrate loads those of one alone"
    ):
        migrate(warehouse.pipeline, **warehouse.settings())


# ---- privacy


def test_privacy_rules_hold_in_the_second_dataset_and_nothing_hidden_is_left_on_disk(
    empty_server: SandboxServer, tmp_path: Path
) -> None:
    put_secrets(empty_server)
    warehouse = OpenWarehouse(empty_server, tmp_path)
    arguments = {"privacy": rules("hash"), "keep_raw": True}
    warehouse.sync(**arguments)

    assert migrated(warehouse, **arguments).state == "done"

    assert warehouse.column("processor_runs", "id") == ["exr_legacy", "exr_secret"]
    assert warehouse.count("raw_payloads") == 2
    assert found_on_disk(tmp_path, *CANARIES, KEY) == []


# ---- what others have in the database


def test_views_of_this_source_read_the_new_rows(in_postgres: PostgresWarehouse) -> None:
    create_current_views(in_postgres.pipeline)

    result = migrated(in_postgres)

    assert (result.kept, result.on_old_rows) == ([], [])
    assert in_postgres.query("select distinct api_version from processor_runs_current") == [(CURRENT_VERSION,)]
    create_current_views(in_postgres.pipeline)
    assert in_postgres.query("select count(*) from processor_runs_current") == [(RUNS,)]


def test_another_source_of_the_same_pipeline_keeps_its_tables_and_its_state(warehouse: OpenWarehouse) -> None:
    @dlt.source(name="counter")
    def counter() -> Any:
        @dlt.resource(name="numbers")
        def numbers() -> Iterator[dict[str, int]]:
            state = dlt.current.source_state()
            state["number"] = state.get("number", 0) + 1
            yield {"number": state["number"]}

        return numbers

    warehouse.pipeline.run(counter())

    assert migrated(warehouse).kept == ["numbers"]

    warehouse.pipeline.run(counter())
    assert warehouse.query("select number from numbers order by 1") == [(1,), (2,)]
    assert warehouse.sync(api_version=CURRENT_VERSION).fetched == 0


def test_rows_of_other_pipelines_in_dlts_tables_stay(warehouse: OpenWarehouse) -> None:
    other = dlt.pipeline(
        "other",
        destination=warehouse.pipeline.destination,
        dataset_name="extend",
        pipelines_dir=str(warehouse.pipelines),
    )
    other.run([{"n": 1}], table_name="numbers")
    before = warehouse.query("select schema_name, count(*) from _dlt_loads where schema_name = 'other' group by 1")

    result = migrated(warehouse)

    assert result.kept == ["numbers"]
    assert (
        warehouse.query("select schema_name, count(*) from _dlt_loads where schema_name = 'other' group by 1")
        == before
        == [("other", 1)]
    )
    other.run([{"n": 2}], table_name="numbers")
    assert warehouse.query("select n from numbers order by 1") == [(1,), (2,)]
    assert warehouse.sync(api_version=CURRENT_VERSION).fetched == 0


@pytest.fixture
def in_postgres(empty_server: SandboxServer, tmp_path: Path, new_database: Callable[[], str]) -> PostgresWarehouse:
    for number in range(RUNS):
        put_light_run(empty_server.workspace, number)
    made = PostgresWarehouse(empty_server, tmp_path, new_database())
    made.sync()
    return made


def test_views_and_rights_in_postgres_go_with_the_name_of_a_table(in_postgres: PostgresWarehouse) -> None:
    name = in_postgres.query("select current_database()")[0][0]
    in_postgres.execute(
        f"create role reader_{name}; grant usage on schema extend to reader_{name}; "
        f"grant select on processor_runs to reader_{name}; create schema mart; "
        "create view mart.versions with (security_invoker = true) as select r.api_version, s.type from processor_runs r "
        "join processor_run_summaries s on s.id = r.id where r.id like '%_0%'; create view mart.newest as select max(api_version) as version from mart.versions; "
        "create materialized view mart.kept as select api_version from processor_runs; "
        "alter table processor_runs add column mine text; create view mart.mine as select mine from processor_runs"
    )

    result = migrated(in_postgres)

    assert result.on_old_rows == ["mart.kept", "mart.mine"]
    assert in_postgres.query("select distinct api_version from mart.versions") == [(CURRENT_VERSION,)]
    options = "select reloptions from pg_class where oid = 'mart.versions'::regclass"
    assert in_postgres.query(options) == [(["security_invoker=true"],)]
    assert in_postgres.query("select version from mart.newest") == [(CURRENT_VERSION,)]
    assert in_postgres.query("select count(*) from mart.mine") == [(RUNS,)]
    granted = f"select has_table_privilege('reader_{name}', 'extend.processor_runs', 'select')"
    assert in_postgres.query(granted) == [(True,)]
    in_postgres.execute(f"drop owned by reader_{name}; drop role reader_{name}")


def test_what_another_machine_erases_during_the_load_stops_the_switch(in_postgres: PostgresWarehouse) -> None:
    statements = ["insert into erasures (id, resource_type, _dlt_load_id) values ('dpr_0000', 'processor_run', '1')"]
    server = in_postgres.server

    def erase_elsewhere(entry: LoggedRequest) -> None:
        if entry.route == "get_extract_run" and statements:
            in_postgres.execute(statements.pop())

    server.before_each_request = erase_elsewhere
    with pytest.raises(SyncError, match="Something was erased while the new version was loaded"):
        migrated(in_postgres)

    assert migrated(in_postgres).state == "done"
    assert in_postgres.column("processor_runs", "id") == [run_id for run_id in NEW_IDS if run_id != "exr_0000"]
    known = [row[0] for row in in_postgres.query("select old_id from migrated_ids order by 1")]
    assert known == [f"dpr_{number:04}" for number in range(1, RUNS)]


def test_someone_who_keeps_a_table_locked_holds_up_no_more_than_the_switch(
    in_postgres: PostgresWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_switch, "LOCK_SECONDS", 1)
    with closing(psycopg2.connect(in_postgres.uri)) as reader, reader.cursor() as cursor:
        cursor.execute("select count(*) from extend.splits")

        with pytest.raises(SyncError, match=r"could not be switched, and nothing has changed: .*lock timeout"):
            migrated(in_postgres)

        assert in_postgres.column("processor_runs", "api_version") == ["2025-04-21"] * RUNS
    in_postgres.server.requests.reset()
    assert migrated(in_postgres).state == "done"
    assert gets(in_postgres.server) == []


# ---- the shell


def test_the_shell_plans_and_then_migrates(empty_server: SandboxServer, tmp_path: Path) -> None:
    for number in range(RUNS):
        put_light_run(empty_server.workspace, number)
    given = settings(empty_server)
    run_shell(tmp_path, "sync", **given)

    refused = run_shell(tmp_path, "migrate", **settings(empty_server, "sk_wrong"))
    planned = run_shell(tmp_path, "migrate", **given)
    done = run_shell(tmp_path, "migrate", "--yes", **given)
    again = run_shell(tmp_path, "migrate", "--yes", "--json", **given)

    assert (refused.code, "401" in only_line(refused)) == (4, True)
    assert (planned.code, planned.stderr) == (0, "")
    lines = planned.stdout.splitlines()
    assert lines[0].startswith("6 runs of API 2025-04-21 in dataset extend of duckdb duckdb:///")
    assert lines[1:3] == [
        "API 2026-02-09 lists 3 CLASSIFY, 3 EXTRACT",
        "6 matched (what follows the prefix of an id is the same in both versions), 0 processors",
    ]
    assert lines[3] == "It takes about 15 requests and one for each parse run"
    assert done.code == 0
    assert "Dataset extend holds API 2026-02-09 now, after 15 requests." in done.stdout.splitlines()
    assert "Runs in both have the same status, the same credits and as many fields." in done.stdout.splitlines()
    assert (again.code, json.loads(again.stdout)["state"]) == (0, "nothing_to_do")
    idle = run_shell(tmp_path, "sync", "--api-version", CURRENT_VERSION, **given)
    assert idle.stdout.splitlines()[0].startswith("0 runs loaded, 6 already there")
