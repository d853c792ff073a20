"""The control routes: the stand-in can be driven from outside Python."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from extend_source.sandbox import SandboxServer, Workspace

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


@pytest.mark.case("S16")
@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Host": "evil.example"}, "Host must be localhost or a loopback address"),
        ({"Host": "evil.example:8080"}, "Host must be localhost or a loopback address"),
        ({"Host": "127.0.0.1.evil.example"}, "Host must be localhost or a loopback address"),
        ({"Host": "localhost.evil.example"}, "Host must be localhost or a loopback address"),
        ({"Host": "10.0.0.7"}, "Host must be localhost or a loopback address"),
        ({"Host": "0.0.0.0"}, "Host must be localhost or a loopback address"),
        ({"Host": "[::1"}, "Host must be localhost or a loopback address"),
        ({"Host": ""}, "Host must be localhost or a loopback address"),
        ({"Origin": "https://evil.example"}, "requests of pages from elsewhere are refused"),
        ({"Origin": "http://localhost.evil.example"}, "requests of pages from elsewhere are refused"),
        ({"Origin": "http://localhost@evil.example"}, "requests of pages from elsewhere are refused"),
        ({"Origin": "null"}, "requests of pages from elsewhere are refused"),
        ({"Origin": ""}, "requests of pages from elsewhere are refused"),
    ],
)
def test_a_page_from_elsewhere_controls_nothing(
    client: InProcessClient, workspace: Workspace, headers: dict[str, str], reason: str
) -> None:
    before = workspace.now

    for method, path in (
        ("POST", "advance"),
        ("POST", "runs"),
        ("POST", "runs/dpr_1/edit"),
        ("POST", "faults"),
        ("GET", "requests"),
        ("DELETE", "requests"),
        ("GET", "credits"),
    ):
        body = {"seconds": 60, "faults": ["500:1"]}
        answer = client.request(method, f"/_sandbox/{path}", headers=headers, json=body)
        assert (answer.status_code, answer.json()) == (403, {"error": reason}), path

    assert (workspace.now, len(workspace.run_ids())) == (before, 40)
    assert client.organization.faults.faults == ()


@pytest.mark.case("S16")
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.0.0.2", "[::1]:8080"])
def test_what_runs_on_this_machine_controls_by_every_name_of_the_loopback(client: InProcessClient, host: str) -> None:
    answer = client.post("/_sandbox/advance", json={"seconds": 1}, headers={"Host": host, "Origin": f"http://{host}"})
    assert (answer.status_code, answer.json()) == (200, {"now": "2026-02-02T09:00:01Z"})


@pytest.mark.case("S16")
def test_a_served_stand_in_refuses_a_rebound_name(server: SandboxServer) -> None:
    advance = f"{server.base_url}/_sandbox/advance"
    assert httpx.post(advance, json={"seconds": 1}, headers={"Host": "evil.example"}).status_code == 403
    assert httpx.post(advance, json={"seconds": 1}).json() == {"now": "2026-02-02T09:00:01Z"}
