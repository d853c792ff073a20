"""Dagster runs the sync as assets, for real: in this process, and by its own commands as the page has them."""

from __future__ import annotations

import importlib.util
import time
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster
import dlt
import duckdb
import pytest

from extend_source.ingest.webhook_events import WebhookEvent
from extend_source.integrations.dagster import extend_assets
from extend_source.integrations.webhooks import EventQueue
from extend_source.integrations.webhooks.payloads import read_event
from extend_source.sandbox import Fault, SandboxServer, run_event
from extend_source.sandbox.rendering import encode
from tests.integrations.pages import commands, environment, kill, landed, run, start, write_files

pytestmark = pytest.mark.integrations

PAGE = "dagster.md"
COLUMNS = {"id", "status", "type", "row_counts", "_dlt_load_id"}


def definitions(
    folder: Path, monkeypatch: pytest.MonkeyPatch, server: SandboxServer, file: str = "definitions", **more: str
) -> ModuleType:
    """The definitions of the page, loaded as a code location loads them."""
    for name, value in environment(folder, server, **more).items():
        if name.startswith(("SOURCES", "DLT")):
            monkeypatch.setenv(name, value)
    write_files(PAGE, folder)
    spec = importlib.util.spec_from_file_location(file, folder / f"{file}.py")
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


def test_the_assets_are_the_tables_that_the_settings_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path))
    pipeline = dlt.pipeline("extend_pipeline", destination="duckdb", dataset_name="extend")

    def tables(**settings: Any) -> set[str]:
        return {spec.key.path[1] for spec in extend_assets(pipeline, **settings).specs}

    runs, all_groups = tables(objects=["runs"]), tables(objects=["runs", "workflows", "processors", "parsing"])
    assert {"workflow_runs", "parse_runs"} <= all_groups - runs
    assert "processor_runs" in runs
    assert tables(objects=["runs"], history=True) - runs == {"processor_run_history", "extraction_field_history"}
    assert tables(objects=["runs"], queue=tmp_path / "events.sqlite") - runs == {"webhook_events"}


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


def requested(module: ModuleType, instance: dagster.DagsterInstance) -> dagster.RunRequest | str | None:
    """The run that the sensor asks for, or else why it asks for none."""
    [sensor] = module.defs.sensors
    with dagster.build_sensor_context(instance=instance) as context:
        asked = sensor(context)
    return asked.skip_message if isinstance(asked, dagster.SkipReason) else asked


def told(queue: EventQueue, server: SandboxServer) -> WebhookEvent:
    """An event that a run has ended, which waits in the queue."""
    body = encode(run_event(server.workspace, server.workspace.add_run(status="PROCESSED")))
    event = read_event(body, datetime.now(timezone.utc))
    assert queue.put([event])
    return event


def test_the_sensor_asks_for_what_webhooks_have_told_of_and_the_schedule_for_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxServer(runs=4) as server, dagster.DagsterInstance.ephemeral() as instance:
        module = definitions(tmp_path, monkeypatch, server, "with_webhooks")

        def loaded(tags: dict[str, str]) -> tuple[bool, dict[str, Any], dict[str, int]]:
            """How a run ended, what it says of itself, and the requests that it took."""
            server.requests.reset()
            result = dagster.materialize([module.assets], instance=instance, tags=tags, raise_on_error=False)
            made = [
                each.step_materialization_data.materialization for each in result.get_asset_materialization_events()
            ]
            facts = {one.asset_key.path[1]: {key: each.value for key, each in one.metadata.items()} for one in made}
            return result.success, facts, dict(server.requests.counts)

        nothing = requested(module, instance)
        assert not Path(module.queue).exists(), "looking makes no file"
        with closing(EventQueue(module.queue)) as queue:
            first = told(queue, server)
            asked = requested(module, instance)
            monkeypatch.setenv("SOURCES__EXTEND__API_KEY", "sk_wrong")
            refused, _, _ = loaded(asked.tags)
            monkeypatch.setenv("SOURCES__EXTEND__API_KEY", server.api_key)
            left, again = queue.pending(9), requested(module, instance)
            good, by_event, sent = loaded(asked.tags)
            by_id, after = landed(tmp_path), (queue.pending(9), requested(module, instance))

            second = told(queue, server)
            job = module.defs.resolve_job_def("extend")
            instance.create_run_for_job(job, tags=asked.tags, status=dagster.DagsterRunStatus.STARTED)
            meanwhile = requested(module, instance)
            whole, by_schedule, sent_by_schedule = loaded({})
            finally_left = queue.pending(9)

    assert nothing == "No event waits."
    assert (asked.run_key, asked.tags["extend/events"]) == (first.event_id, "extend_pipeline")
    assert (refused, left, again.run_key) == (False, [first], first.event_id)
    assert (good, sent, by_id) == (True, {"get_run": 1}, [first.object_id])
    assert after == ([], "No event waits.")
    assert (by_event["processor_runs"]["rows_written"], by_event["webhook_events"]["rows_written"]) == (1, 1)
    facts = ("mode", "fetched", "failed", "requests", "stopped_by", "events_left")
    assert [by_event["sync_log"][name] for name in facts] == ["by_id", 1, 0, 1, "", 0]
    assert meanwhile == "A run loads events."
    assert (whole, finally_left) == (True, [])
    assert set(landed(tmp_path, "select event_id from extend.webhook_events")) == {first.event_id, second.event_id}
    # the event's run, and by the list all six, as in API 2025-04-21 only that has the times of the two that events told of
    assert sent_by_schedule == {"get_run": 1 + 6, "list_runs": 1}
    assert [by_schedule["sync_log"][name] for name in facts] == ["full", 7, 0, 8, "", 0]


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
