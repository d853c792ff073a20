"""Dagster runs the sync as assets, for real: in this process, and by its own commands as the page has them."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster
import dlt
import duckdb
import pytest

from extend_source.integrations.dagster import extend_assets
from extend_source.sandbox import Fault, SandboxServer
from tests.integrations.pages import commands, environment, kill, landed, run, start, write_files

pytestmark = pytest.mark.integrations

PAGE = "dagster.md"
COLUMNS = {"id", "status", "type", "row_counts", "_dlt_load_id"}


def definitions(folder: Path, monkeypatch: pytest.MonkeyPatch, server: SandboxServer, **more: str) -> ModuleType:
    """The definitions of the page, loaded as a code location loads them."""
    for name, value in environment(folder, server, **more).items():
        if name.startswith(("SOURCES", "DLT")):
            monkeypatch.setenv(name, value)
    write_files(PAGE, folder)
    spec = importlib.util.spec_from_file_location("definitions", folder / "definitions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def materialized(module: ModuleType) -> tuple[Any, dict[str, dict[str, Any]]]:
    """Materialise all; return the result, and the metadata of each asset by its table."""
    with dagster.DagsterInstance.ephemeral() as instance:
        result = dagster.materialize([module.assets, module.checks], instance=instance, raise_on_error=False)
        events = result.get_asset_materialization_events()
    found = [event.step_materialization_data.materialization for event in events]
    metadata = {one.asset_key.path[1]: {key: each.value for key, each in one.metadata.items()} for one in found}
    assert len(metadata) == len(found)
    assert {one.asset_key.path[0] for one in found} <= {"extend"}
    return result, metadata


def checks_of(result: Any) -> dict[str, bool]:
    return {each.check_name: each.passed for each in result.get_asset_check_evaluations()}


def test_two_materialisations_in_one_process_have_the_rows_and_columns_of_more_than_forty_assets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxServer(runs=60) as server:
        module = definitions(tmp_path, monkeypatch, server)
        first, before = materialized(module)
        again = definitions(tmp_path, monkeypatch, server)
        added = server.workspace.add_run(status="PROCESSED")
        second, after = materialized(again)

    assert (first.success, second.success) == (True, True)
    assert checks_of(first) == checks_of(second) == {"no_fetch_errors": True, "fresh": True}
    assert len(before) > 40
    assert before.keys() == after.keys()
    typed = {name for name in before if name.startswith("extraction_") and name not in ("extraction_fields",)}
    assert {
        spec.key.path[1] for spec in again.assets.specs
    } == before.keys()  # the first one did not know the typed ones
    assert before.keys() - {spec.key.path[1] for spec in module.assets.specs} <= typed
    for name, one in before.items():
        columns = {column.name: column for column in one["dagster/column_schema"].columns}
        assert one["dagster/table_name"] == f"extend.{name}"
        assert "_dlt_load_id" in columns
        named = [column for column in columns.values() if column.description]
        assert len(named) >= len(columns) - 1 or name in typed, name
    runs = {column.name: column for column in before["processor_runs"]["dagster/column_schema"].columns}
    assert runs.keys() > COLUMNS
    assert (runs["id"].type, runs["id"].description, runs["id"].constraints.nullable) == (
        "text",
        "The run's id.",
        False,
    )
    for name in before.keys() - {"replacements"}:
        [count] = landed(
            tmp_path,
            f'select count(*) from extend."{name}" where _dlt_load_id < (select max(load_id) from extend.sync_log)',
        )
        assert before[name]["rows_written"] >= count, name
    assert (before["processor_runs"]["rows_written"], after["processor_runs"]["rows_written"]) == (60, 1)
    assert (before["sync_log"]["fetched"], after["sync_log"]["fetched"], after["sync_log"]["mode"]) == (
        60,
        1,
        "incremental",
    )
    assert added in landed(tmp_path)


def test_a_refused_key_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SandboxServer(runs=3) as server:
        module = definitions(tmp_path, monkeypatch, server, SOURCES__EXTEND__API_KEY="sk_wrong")
        result, metadata = materialized(module)
        counts = dict(server.requests.counts)

    [failure] = result.get_step_failure_events()
    data = failure.step_failure_data
    assert (result.success, metadata, counts) == (False, {}, {"list_runs": 1})
    assert data.user_failure_data.description.startswith("EXT-209: ")
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    assert "sk_wrong" not in str(result.all_events)


def test_what_a_retry_can_mend_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SandboxServer(runs=3) as server:
        definitions(tmp_path, monkeypatch, server)
        server.faults.set([Fault("5xx", count=3, endpoint="list")])
        pipeline = dlt.pipeline("extend_pipeline", destination="duckdb", dataset_name="extend")
        policy = dagster.RetryPolicy(max_retries=5, delay=0)
        assets = extend_assets(pipeline, retry_policy=policy, max_object_seconds=1)
        result = dagster.materialize([assets], raise_on_error=False)

    assert result.success
    assert len(landed(tmp_path)) == 3


def test_the_checks_tell_of_runs_that_could_not_be_loaded_and_of_syncs_that_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxServer(runs=3) as server:
        module = definitions(tmp_path, monkeypatch, server)
        assert dagster.materialize([module.assets]).success
        monkeypatch.setenv("SOURCES__EXTEND__API_KEY", "sk_wrong")
        assert not dagster.materialize([module.assets], raise_on_error=False).success
    with duckdb.connect(str(tmp_path / "extend_pipeline.duckdb")) as connection:
        connection.execute(
            "insert into extend.fetch_errors (id, attempts, code, _dlt_load_id) select 'dpr_1', 1, 'NoAnswer', max(load_id) from extend._dlt_loads"
        )

    result = module.defs.resolve_job_def("extend_checks").execute_in_process()

    assert checks_of(result) == {"no_fetch_errors": False, "fresh": False}
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert found["no_fetch_errors"].metadata["by_code"].value == {"NoAnswer": 1}
    assert found["no_fetch_errors"].severity is dagster.AssetCheckSeverity.WARN
    assert found["fresh"].metadata["state"].value == "failing"
    assert "Check the API key" in found["fresh"].description


def test_the_page_works_as_it_is_and_a_killed_run_resumes(tmp_path: Path) -> None:
    with SandboxServer(runs=40) as server:
        write_files(PAGE, tmp_path)
        [script] = commands(PAGE)
        slow = environment(
            tmp_path, server, SOURCES__EXTEND__PACKAGE_RUNS="8", SOURCES__EXTEND__REQUESTS_PER_SECOND="12"
        )
        process = start(script, tmp_path, slow)
        deadline = time.monotonic() + 120
        while server.requests.counts["get_run"] < 20 and time.monotonic() < deadline:
            time.sleep(0.05)
        kill(process)
        fetched = server.requests.counts["get_run"]
        code, output = run(script, tmp_path, environment(tmp_path, server))
        ids, counts = sorted(server.workspace.run_ids()), dict(server.requests.counts)

    assert 20 <= fetched < 40
    assert (code, "RUN_SUCCESS" in output) == (0, True), output[-3000:]
    assert landed(tmp_path) == ids
    assert counts["get_run"] <= 40 + 8 + 8  # a load, and what was under way, at most
