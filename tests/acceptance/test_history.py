"""What runs and their values were before: each state that a sync has seen, once, and nothing that it has not."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dlt
import duckdb
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from extend_source import create_current_views, erase, rebuild
from extend_source.sandbox import SandboxServer
from tests.acceptance.changes import KINDS
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import impatient, make_open_warehouse
from tests.acceptance.test_current_views import cut_off
from tests.acceptance.test_moving_source import CURSORS, MovingSource, plans_of
from tests.acceptance.test_privacy import found_on_disk
from tests.acceptance.warehouse import AnyWarehouse, Row, Warehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse

NULL = "\0null"
"""Stands for a JSON null, which is a value."""

SECRET = "GB29 NWBK 6016 1331 9268 19"


class Scene:
    """A workspace with one run, and a warehouse that keeps its history."""

    def __init__(self, warehouse: AnyWarehouse) -> None:
        self.warehouse = warehouse
        self.arguments: dict[str, Any] = {"history": True}

    def put(self, value: dict[str, Any] | None, status: str = "PROCESSED", **more: Any) -> None:
        """Serve the run in another state, a minute later."""
        workspace = self.warehouse.server.workspace
        workspace.advance(60)
        config = {"type": "EXTRACT", "schema": {"type": "object", "properties": {"total": {"type": "integer"}}}}
        run = {"id": "dpr_a", "type": "EXTRACT", "status": status, "processorId": "dp_totals", "config": config}
        output = None if value is None else {"value": value, "metadata": {}}
        workspace.put_run({**run, "output": output, **more}, created_at=workspace.now)

    def sync(self, **arguments: Any) -> datetime:
        """Sync; return when the run was fetched last."""
        self.warehouse.sync(**{**self.arguments, **arguments})
        moment: datetime = self.warehouse.column("processor_runs", "fetched_at")[0]
        return moment

    def states(self) -> list[tuple[Any, ...]]:
        """The run's states: when, the status, whether reviewed, the credits."""
        rows = self.warehouse.rows("processor_run_history")
        return [(row["valid_from"], row["status"], row["reviewed"], row["credits"]) for row in rows]

    def values(self) -> list[tuple[Any, ...]]:
        """The values below the top: path, when, what happened, the text."""
        rows = self.warehouse.rows("extraction_field_history")
        return [(row["path"], row["valid_from"], row["change"], row["value_text"]) for row in rows]


@pytest.fixture
def scene(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> Scene:
    return Scene(make_warehouse(empty_server))


@pytest.fixture
def duckdb_scene(empty_warehouse: Warehouse) -> Scene:
    return Scene(empty_warehouse)


@pytest.mark.slow
@pytest.mark.core
def test_each_state_and_each_value_that_changed_is_kept_with_the_time_it_was_seen(scene: Scene) -> None:
    scene.put(None, "PROCESSING")
    first = scene.sync()
    scene.put({"total": 7, "sku": "a"}, usage={"credits": 2})
    second = scene.sync()
    scene.sync()  # nothing has changed
    scene.put({"total": 8}, usage={"credits": 2}, reviewed=True)
    third = scene.sync()
    scene.put({"total": 7, "sku": "a"}, usage={"credits": 2})
    fourth = scene.sync(refresh=True)

    assert scene.states() == [
        (first, "PROCESSING", None, None),
        (second, "PROCESSED", None, 2),
        (third, "PROCESSED", True, 2),
        (fourth, "PROCESSED", None, 2),
    ]
    assert scene.values() == [
        ("sku", second, "added", "a"),
        ("sku", third, "removed", None),
        ("sku", fourth, "added", "a"),
        ("total", second, "added", "7"),
        ("total", third, "changed", "8"),
        ("total", fourth, "changed", "7"),
    ]
    create_current_views(scene.warehouse.pipeline)
    shown = "select valid_from, valid_to from {}_current order by valid_from"
    of_runs = scene.warehouse.query(shown.format("processor_run_history"))
    assert of_runs == [(first, second), (second, third), (third, fourth), (fourth, None)]
    of_total = "select value_text, valid_to from extraction_field_history_current where path = 'total' order by 2"
    assert scene.warehouse.query(of_total) == [("7", third), ("8", fourth), ("7", None)]
    changed = [row["changed_at"] for row in scene.warehouse.rows("processor_run_history")]
    assert (changed[-1], len(set(changed))) == (scene.warehouse.server.workspace.now, 4)


def test_a_sync_that_finds_nothing_changed_adds_no_rows(scene: Scene) -> None:
    scene.put({"total": 7})
    scene.sync()
    before = scene.warehouse.rows("processor_run_history"), scene.warehouse.rows("extraction_field_history")
    scene.sync(refresh=True)
    scene.sync(reconcile=True, review_window_days=10_000)
    assert scene.warehouse.rows("processor_run_history") == before[0]
    assert scene.warehouse.rows("extraction_field_history") == before[1]


def test_what_landed_before_the_history_was_kept_is_its_beginning(scene: Scene) -> None:
    scene.put({"total": 7})
    first = scene.sync(history=False)
    scene.put({"total": 8}, reviewed=True)
    second = scene.sync()
    assert scene.states() == [(first, "PROCESSED", None, None), (second, "PROCESSED", True, None)]
    assert scene.values() == [("total", first, "added", "7"), ("total", second, "changed", "8")]


@pytest.mark.parametrize("lost", ["processor_runs", "processor_run_history", "extraction_field_history"])
def test_a_load_that_was_cut_off_and_is_repeated_elsewhere_adds_nothing_twice(
    scene: Scene, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "dlt")
    scene.put({"total": 7})
    scene.sync()
    scene.put({"total": 8}, reviewed=True)
    cut_off(scene.warehouse, lost, history=True)

    scene.warehouse.on_another_machine().sync(history=True)

    assert [row[1:] for row in scene.states()] == [("PROCESSED", None, None), ("PROCESSED", True, None)]
    assert [row[2:] for row in scene.values()] == [("added", "7"), ("changed", "8")]
    ended = {load for (load,) in scene.warehouse.query("select load_id from _dlt_loads where status = 0")}
    for table in ("processor_run_history", "extraction_field_history"):
        assert set(scene.warehouse.column(table, "_dlt_load_id")) <= ended


def test_a_load_that_was_cut_off_and_is_taken_up_adds_nothing_twice(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "dlt")
    scene.put({"total": 7})
    cut_off(scene.warehouse, "processor_runs", history=True)
    scene.sync()
    scene.sync(refresh=True)
    assert [row[1:] for row in scene.states()] == [("PROCESSED", None, None)]
    assert [row[2:] for row in scene.values()] == [("added", "7")]


@pytest.mark.slow
@pytest.mark.core
def test_a_run_that_is_erased_leaves_no_history(duckdb_scene: Scene) -> None:
    duckdb_scene.put({"total": 7})
    duckdb_scene.sync()
    rows = erase(duckdb_scene.warehouse.pipeline, run_ids=["dpr_a"]).rows
    assert (rows["processor_run_history"], rows["extraction_field_history"]) == (1, 1)
    assert (duckdb_scene.warehouse.rows("processor_run_history"), duckdb_scene.values()) == ([], [])


@pytest.mark.parametrize(("action", "shown"), [("hash", "hash:"), ("mask", "***"), ("drop", None)])
def test_what_a_rule_hides_today_is_hidden_in_the_history_once_the_run_is_fetched_again(
    duckdb_scene: Scene, action: str, shown: str | None
) -> None:
    duckdb_scene.put({"iban": SECRET, "lines": [{"iban": SECRET}], "total": 7})
    duckdb_scene.sync()
    duckdb_scene.put({"iban": SECRET[::-1], "lines": [{"iban": SECRET}], "total": 8})
    duckdb_scene.sync()
    rules = {"key": "0123456789abcdef", "fields": {"**.iban": action}, "columns": {"processor_runs.reviewed": "drop"}}

    duckdb_scene.sync(refresh=True, privacy=rules)
    values = duckdb_scene.values()
    duckdb_scene.sync(refresh=True, privacy=rules)

    assert duckdb_scene.values() == values
    hidden = [row[2:] for row in values if row[0].endswith("iban")]
    assert [change for change, _ in hidden] == ["added", "changed", "added"]
    for _, text in hidden:
        assert text is None if shown is None else str(text).startswith(shown)
    assert [row[2:] for row in values if row[0] == "total"] == [("added", "7"), ("changed", "8")]
    assert SECRET not in str(duckdb_scene.warehouse.cells())


def test_what_is_hidden_from_the_start_is_in_no_history(duckdb_scene: Scene) -> None:
    duckdb_scene.put({"iban": SECRET})
    duckdb_scene.sync(privacy={"key": "0123456789abcdef", "fields": {"iban": "mask"}})
    assert duckdb_scene.values()[0][3] == "***"
    assert found_on_disk(duckdb_scene.warehouse.folder, SECRET) == []


@pytest.mark.slow
@pytest.mark.core
def test_a_rebuild_adds_none_and_begins_the_history_of_runs_without_one(duckdb_scene: Scene) -> None:
    duckdb_scene.put({"total": 7})
    first = duckdb_scene.sync(history=False, keep_raw=True)
    rebuild(duckdb_scene.warehouse.pipeline, history=True)
    assert duckdb_scene.values() == [("total", first, "added", "7")]
    duckdb_scene.put({"total": 8})
    second = duckdb_scene.sync(keep_raw=True)
    rebuild(duckdb_scene.warehouse.pipeline, history=True)
    rebuild(duckdb_scene.warehouse.pipeline)
    assert duckdb_scene.values() == [("total", first, "added", "7"), ("total", second, "changed", "8")]
    assert [row[0] for row in duckdb_scene.states()] == [first]  # its state was the same


def test_without_the_setting_there_are_no_tables_of_it(duckdb_scene: Scene) -> None:
    duckdb_scene.put({"total": 7})
    duckdb_scene.sync(history=False)
    assert "processor_run_history" not in duckdb_scene.warehouse.tables()


def test_a_destination_of_files_keeps_the_history_as_well(duckdb_scene: Scene) -> None:
    warehouse = duckdb_scene.warehouse
    warehouse.pipeline = dlt.pipeline(
        "lake",
        destination=dlt.destinations.filesystem(str(warehouse.folder / "bucket")),
        dataset_name="extend",
        pipelines_dir=str(warehouse.pipelines),
    )
    for total in (7, 7, 8):
        duckdb_scene.put({"total": total})
        warehouse.sync(history=True)

    script = create_current_views(warehouse.pipeline).script or ""

    with duckdb.connect() as connection:
        connection.execute(script)
        found = connection.execute(
            "select value_text, valid_to is null from extraction_field_history_current order by valid_from"
        )
        assert found.fetchall() == [("7", False), ("8", True)]
        assert connection.execute("select count(*) from processor_run_history_current").fetchall() == [(1,)]


# ---- a moving source: the history is the log of what was served


def served_states(source: MovingSource) -> dict[str, list[tuple[Any, ...]]]:
    """The states of each run as they were served, repetitions left out."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for run_id, body in source.log:
        run = json.loads(body)
        said = ("status", "reviewed", "edited", "failureReason", "processorVersionId")
        usage, states = run.get("usage") or {}, found.setdefault(run_id, [])
        credits = usage.get("credits")
        if credits is None and states:
            credits = states[-1][-1]  # known stays known
        state = (*map(run.get, said), None if credits is None else float(credits))
        if not states or states[-1] != state:
            states.append(state)
    return found


def kept_states(rows: list[Row]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        said = ("status", "reviewed", "edited", "failure_reason", "processor_version_id")
        credits = None if row["credits"] is None else float(row["credits"])
        found.setdefault(row["run_id"], []).append((*map(row.get, said), credits))
    return found


def served_values(source: MovingSource) -> dict[tuple[str, str], list[str | None]]:
    """The texts, numbers and nulls of each path as they were served, None where it was gone, repetitions left out."""
    found: dict[tuple[str, str], list[str | None]] = {}
    for run_id, body in source.log:
        run = json.loads(body, parse_float=str, parse_int=str)
        output = run.get("output") if run.get("type") == "EXTRACT" else None
        now = dict(leaves((output or {}).get("value", {}), ""))
        gone = [path for run, path in found if run == run_id and path not in now]
        for path, text in [*now.items(), *((path, None) for path in gone)]:
            texts = found.setdefault((run_id, path), [])
            if not texts or texts[-1] != text:
                texts.append(text)
    return found


def leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    elif value is None or isinstance(value, str):
        yield path, NULL if value is None else value


def kept_values(rows: list[Row], known: set[tuple[str, str]]) -> dict[tuple[str, str], list[str | None]]:
    found: dict[tuple[str, str], list[str | None]] = {}
    for row in rows:
        if (row["run_id"], row["path"]) in known:
            text = NULL if row["value_type"] == "null" else row["value_text"]
            found.setdefault((row["run_id"], row["path"]), []).append(text)
    return found


def assert_history_is_what_was_served(source: MovingSource) -> None:
    with source.warehouse.reading():
        states = source.warehouse.rows("processor_run_history")
        values = source.warehouse.rows("extraction_field_history")
    assert kept_states(states) == served_states(source)
    served = served_values(source)
    assert kept_values(values, served.keys()) == served
    texts = {(row["run_id"], row["path"]) for row in values if row["value_type"] in ("string", "integer", "number")}
    assert texts <= served.keys()


def history_machine(make_warehouse: MakeWarehouse) -> type[RuleBasedStateMachine]:
    """The state machine of a moving source whose history is kept."""

    class Machine(RuleBasedStateMachine):
        source: MovingSource | None = None
        syncs = 0

        @initialize(
            runs=st.sampled_from([8, 0]),
            cursor=st.sampled_from(CURSORS),
            kinds=st.lists(st.sampled_from(KINDS), min_size=3, max_size=8, unique=True),
        )
        def begin(self, runs: int, cursor: Any, kinds: Any) -> None:
            self.source = MovingSource(make_warehouse, runs=0, page=5, cursor=cursor)
            for _ in range(runs):
                self.source.workspace.add_run(status="PROCESSED")
            self.kinds = kinds

        @rule(
            data=st.data(),
            reconcile=st.sampled_from([False, False, True]),
            refresh=st.sampled_from([False, False, False, True]),
            package_runs=st.sampled_from([2000, 3]),
            failing=st.sampled_from([0.0, 0.5]),
        )
        def sync_while_it_changes(self, data: st.DataObject, **arguments: Any) -> None:
            plan = data.draw(plans_of(self.kinds), label="changes before each request")
            assume(self.syncs or any(plan))
            self.source.sync(plan, history=True, **arguments)
            self.syncs += 1
            assert_history_is_what_was_served(self.source)

        def teardown(self) -> None:
            if self.source is None:
                return
            with self.source:
                if sys.exc_info()[0] is None and self.syncs:
                    self.source.sync(history=True, reconcile=True, review_window_days=10_000, max_rechecks=10_000)
                    assert_history_is_what_was_served(self.source)

    return Machine


def test_the_history_of_a_moving_source_is_its_own_log_of_what_was_served(
    destination: str, make_warehouse: MakeWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch, attempts=2)
    examples = {"duckdb": 3, "postgres": 5}[destination]
    run_state_machine_as_test(
        history_machine(make_warehouse),
        settings=settings(
            max_examples=examples, stateful_step_count=3, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
