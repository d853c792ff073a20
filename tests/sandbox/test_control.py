"""The control routes: the stand-in can be driven from outside Python."""

from __future__ import annotations

from typing import Any

import pytest

from extend_source.sandbox import Workspace

from .conftest import Connect
from .in_process import InProcessClient


def test_the_clock_is_moved(client: InProcessClient, workspace: Workspace) -> None:
    assert client.post("/_sandbox/advance", json={"seconds": 90}).json() == {"now": "2026-02-02T09:01:30Z"}
    assert workspace.now.minute == 1


def test_a_run_is_created_and_progresses(client: InProcessClient) -> None:
    created = client.post("/_sandbox/runs", json={"processor": "classifier", "metadata": {"a": 1}})
    assert created.status_code == 201
    path = f"/processor_runs/{created.json()['id']}"
    assert client.get(path).json()["processorRun"]["status"] == "PENDING"
    client.post("/_sandbox/advance", json={"seconds": 120})
    assert client.get(path).json()["processorRun"]["status"] == "PROCESSED"


def test_a_run_is_edited_loudly_or_silently(client: InProcessClient, workspace: Workspace) -> None:
    run_id = workspace.add_run(status="PROCESSED")
    workspace.advance(10)
    before = workspace.summary(run_id)
    silent = {"changes": {"vendor.name": "Supplier 1"}, "touch_updated_at": False}
    answer = client.post(f"/_sandbox/runs/{run_id}/edit", json=silent)
    assert answer.json() == {"id": run_id, "changes": {"vendor.name": "Supplier 1"}}
    assert workspace.summary(run_id) == before
    assert client.post(f"/_sandbox/runs/{run_id}/edit").status_code == 200
    assert workspace.summary(run_id)["updatedAt"] == "2026-02-02T09:00:10Z"


def test_faults_are_replaced(client: InProcessClient) -> None:
    assert client.post("/_sandbox/faults", json={"faults": ["500:1@run"]}).json() == {"faults": ["5xx"]}
    assert client.get("/processor_runs/dpr_none").status_code == 500
    assert client.get("/_sandbox/faults").json() == {"faults": ["5xx"]}
    client.post("/_sandbox/faults", json={"faults": []})
    assert client.get("/processor_runs/dpr_none").status_code == 404


def test_a_fault_may_be_given_in_full(client: InProcessClient) -> None:
    fault = {"name": "429", "schedule": [2], "retry_after": "absurd"}
    client.post("/_sandbox/faults", json={"faults": [fault]})
    answers = [client.get("/processor_runs") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["retry-after"] == "31536000"


def test_requests_are_reported_and_forgotten(client: InProcessClient) -> None:
    client.get("/processor_runs?maxPageSize=3")
    report = client.get("/_sandbox/requests").json()
    assert (report["total"], report["counts"], report["statuses"]) == (1, {"list_runs": 1}, {"200": 1})
    assert report["requests"][0]["query"] == {"maxPageSize": "3"}
    assert client.delete("/_sandbox/requests").json()["total"] == 0


def test_credits_are_reported_as_exact_text(client: InProcessClient, workspace: Workspace) -> None:
    report = client.get("/_sandbox/credits").json()
    account = workspace.credit_account()
    assert report["total"] == str(account.total)
    assert report["runs_without_usage"] == account.runs_without_usage


def test_another_workspace_is_named_in_the_query(connect: Connect) -> None:
    second = Workspace(runs=0, workspace_id="ws_second")
    client = connect(second)
    run_id = client.post("/_sandbox/runs?workspace=ws_second", json={}).json()["id"]
    assert second.run_ids() == [run_id]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_sandbox/advance", {"seconds": -1}, 400),
        ("/_sandbox/advance", {"seconds": "soon"}, 400),
        ("/_sandbox/advance", {}, 400),
        ("/_sandbox/advance", [], 400),
        ("/_sandbox/advance?workspace=ws_none", {"seconds": 1}, 400),
        ("/_sandbox/faults", {"faults": ["nonsense"]}, 400),
        ("/_sandbox/faults", {}, 400),
        ("/_sandbox/faults", {"faults": [{"name": "429", "colour": "red"}]}, 400),
        ("/_sandbox/faults", {"faults": [5]}, 400),
        ("/_sandbox/runs", {"processor": "none"}, 400),
        ("/_sandbox/runs", {"status": "DONE"}, 400),
        ("/_sandbox/runs/dpr_none/edit", {}, 404),
    ],
)
def test_nonsense_is_refused_with_a_reason(client: InProcessClient, path: str, body: Any, status: int) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status
    assert answer.json()["error"]
