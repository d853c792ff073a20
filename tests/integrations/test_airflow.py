"""Airflow runs the DAG of pipelines/ for real, by the commands of the page."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from extend_source.sandbox import SandboxServer
from tests.integrations.pages import ROOT, commands, environment, landed, run

pytestmark = pytest.mark.integrations

PAGE = "airflow.md"


def extras(folder: Path) -> list[dict[str, object]]:
    """What the events of the asset say, oldest first."""
    with sqlite3.connect(folder / "airflow" / "airflow.db") as database:
        rows = database.execute(
            "select asset_event.extra from asset_event join asset on asset.id = asset_id where asset.name = 'extend' order by asset_event.id"
        )
        return [json.loads(extra) for (extra,) in rows]


def states(folder: Path) -> list[tuple[str, int]]:
    """The state and the number of tries of each run's task, oldest first."""
    with sqlite3.connect(folder / "airflow" / "airflow.db") as database:
        return database.execute("select state, try_number from task_instance order by start_date").fetchall()


def test_the_page_loads_60_runs_then_none_and_a_refused_key_is_not_tried_again(tmp_path: Path) -> None:
    with SandboxServer(runs=60) as server:
        airflow = {
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "REPOSITORY": str(ROOT),
        }
        [script] = commands(PAGE)
        first = run(script, tmp_path, environment(tmp_path, server, **airflow))
        again = script.splitlines()[-1]
        second = run(again, tmp_path, environment(tmp_path, server, **airflow))
        refused = run(again, tmp_path, environment(tmp_path, server, **airflow, SOURCES__EXTEND__API_KEY="sk_wrong"))
        ids, requests = sorted(server.workspace.run_ids()), dict(server.requests.counts)

    assert first[0] == second[0] == 0, (first[1] + second[1])[-3000:]
    assert landed(tmp_path) == ids
    assert [requests[name] for name in ("list_runs", "get_run", "get_workflow_run")] == [3, 43, 17]
    rows = [extra["rows"].get("processor_runs", 0) for extra in extras(tmp_path)]  # type: ignore[attr-defined]
    assert rows == [60, 0]
    assert [extra["fetched"] for extra in extras(tmp_path)] == [60, 0]
    assert states(tmp_path) == [("success", 1), ("success", 1), ("failed", 1)]
    assert "AirflowFailException: EXT-209: " in refused[1]
    assert "sk_wrong" not in refused[1]
