"""Faults: how they are written, when they fire, and what they do to the bytes on the wire."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from extend_source.sandbox import Fault, SandboxServer, Workspace, parse_fault
from extend_source.sandbox.faults import FAULT_NAMES, FaultInjector

from .conftest import Connect
from .in_process import HEADERS


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("429:0.2", Fault("429", probability=0.2)),
        ("429:1", Fault("429")),
        ("truncated", Fault("truncated", probability=0.1)),
        ("truncated@file", Fault("truncated", probability=0.1, endpoint="file")),
        ("5xx:0.05@run", Fault("5xx", probability=0.05, endpoint="run")),
        ("503:x3@list", Fault("5xx", count=3, endpoint="list", status=503)),
        ("dropped:#1,4,9", Fault("dropped", schedule=frozenset({1, 4, 9}))),
        ("unauthorized", Fault("unauthorized")),
        ("unauthorized:20+", Fault("unauthorized", first=20)),
    ],
)
def test_a_fault_has_a_short_form(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize("text", ["", "429:2", "429:-1", "501:0.1", "slowly", "429@user", "dropped:#", "dropped:x"])
def test_a_text_that_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="fault"):
        parse_fault(text)


def test_a_probability_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Fault("429", probability=1.5)


def fired(faults: list[Fault | str], requests: int = 10, route: str = "get_run", seed: int = 0) -> list[int]:
    injector = FaultInjector(faults, seed)
    return [number for number in range(1, requests + 1) if injector.choose(route)]


def test_a_count_ends_and_a_schedule_names_the_requests() -> None:
    assert fired(["dropped:x3"]) == [1, 2, 3]
    assert fired(["dropped:#2,5"]) == [2, 5]
    assert fired(["unauthorized:8+"]) == [8, 9, 10]


def test_a_probability_follows_from_the_seed() -> None:
    assert fired(["429:0.3"], 1000) == fired(["429:0.3"], 1000)
    assert fired(["429:0.3"], 1000) != fired(["429:0.3"], 1000, seed=1)
    assert 250 <= len(fired(["429:0.3"], 1000)) <= 350


def test_a_fault_concerns_only_its_endpoint() -> None:
    assert fired(["429:1@list"], route="get_run") == []
    assert fired(["429:1@list"], 2, route="list_files") == [1, 2]
    assert fired(["wrong_id:1"], route="list_runs") == []
    assert fired(["shifting_pages:1"], route="get_run") == []


def test_the_first_fault_that_fires_wins() -> None:
    injector = FaultInjector(["429:#2", "dropped:1"])
    names = [fault.name for fault in (injector.choose("get_run") for _ in range(3)) if fault]
    assert names == ["dropped", "429", "dropped"]


def get(server: SandboxServer, path: str) -> httpx.Response:
    return httpx.get(server.base_url + path, headers=HEADERS)


def serve_one(fault: Fault | str) -> SandboxServer:
    return SandboxServer(seed=7, runs=6, faults=[fault])


def test_a_429_storm_refuses_with_a_retry_after() -> None:
    with serve_one(Fault("429", count=2, retry_after="date")) as server:
        answers = [get(server, "/processor_runs") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"].endswith(" GMT")


def test_server_errors_take_turns() -> None:
    with serve_one("5xx:1") as server:
        statuses = [get(server, "/processor_runs").status_code for _ in range(5)]
    assert statuses == [502, 503, 504, 500, 502]


def test_a_named_server_error_is_always_the_same() -> None:
    with serve_one("504:x2") as server:
        assert [get(server, "/processor_runs").status_code for _ in range(3)] == [504, 504, 200]


def test_an_html_error_page_is_not_json() -> None:
    with serve_one("html:1") as server:
        answer = get(server, "/processor_runs")
    assert answer.status_code in (502, 503)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<html>")


def test_a_truncated_body_has_a_true_length_and_is_no_json() -> None:
    with serve_one("truncated:1") as server:
        answer = get(server, f"/processor_runs/{server.workspace.run_ids()[0]}")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.text.startswith('{"success":true,"processorRun":')
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_dropped_connection_ends_in_the_middle_of_the_body() -> None:
    with serve_one("dropped:1") as server:
        run_id = server.workspace.run_ids()[0]
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            get(server, f"/processor_runs/{run_id}")
        assert server.requests.entries[0].fault == "dropped"


def test_a_slow_body_arrives_whole_and_in_pieces() -> None:
    with serve_one(Fault("slow", seconds=0.16)) as server:
        run_id = server.workspace.run_ids()[0]
        started = time.monotonic()
        with httpx.stream("GET", f"{server.base_url}/processor_runs/{run_id}", headers=HEADERS) as answer:
            pieces = list(answer.iter_raw())
        took = time.monotonic() - started
    assert took >= 0.16
    assert len(pieces) > 1
    assert json.loads(b"".join(pieces))["processorRun"]["id"] == run_id


def test_a_wrong_id_is_a_healthy_body_of_another_object() -> None:
    with serve_one("wrong_id:1") as server:
        run_id, file_id = server.workspace.run_ids()[0], next(iter(server.workspace.files))
        assert get(server, f"/processor_runs/{run_id}").json()["processorRun"]["id"] == server.workspace.run_ids()[1]
        assert get(server, f"/files/{file_id}").json()["file"]["id"] != file_id
        assert get(server, "/processor_runs/dpr_none").status_code == 404


def test_success_false_comes_with_status_200() -> None:
    with serve_one("success_false:1") as server:
        answer = get(server, "/processor_runs")
    assert (answer.status_code, answer.json()["success"]) == (200, False)


def test_a_key_is_refused_from_a_certain_request_on() -> None:
    with serve_one("unauthorized:3+") as server:
        assert [get(server, "/processor_runs").status_code for _ in range(4)] == [200, 200, 401, 401]


def test_shifting_pages_repeat_rows_but_lose_none(connect: Connect, workspace: Workspace) -> None:
    client = connect(faults=["shifting_pages:1"])
    ids, token = [], None
    while True:
        params = {"maxPageSize": 10, "sortDir": "desc"} | ({"nextPageToken": token} if token else {})
        body = client.get("/processor_runs", params=params).json()
        ids.extend(row["id"] for row in body["processorRuns"])
        token = body.get("nextPageToken")
        if not token:
            break
    assert len(ids) > len(set(ids))
    # what was moved to the front of the list while it was read is found by the next scan
    missed = set(workspace.run_ids()) - set(ids)
    newest = {run["id"] for run in client.get("/processor_runs?maxPageSize=10").json()["processorRuns"]}
    assert missed <= newest


def test_faults_can_be_changed_while_the_server_runs(server: SandboxServer) -> None:
    server.faults.set(["500:1"])
    assert get(server, "/processor_runs").status_code == 500
    server.faults.clear()
    assert get(server, "/processor_runs").status_code == 200


def test_every_fault_has_a_description() -> None:
    assert all(FAULT_NAMES.values())
