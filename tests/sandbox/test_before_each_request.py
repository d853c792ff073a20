"""The call before each request: a test changes the workspace between any two requests of a scan."""

from __future__ import annotations

import threading

import httpx
import pytest

from extend_source.sandbox import LoggedRequest, Organization, SandboxServer, Workspace

from .in_process import HEADERS, InProcessClient


def test_it_is_called_before_the_answer_is_made_with_what_was_asked() -> None:
    seen: list[tuple[str, str, int | None, float | None]] = []

    def add_a_run(request: LoggedRequest) -> None:
        seen.append((request.route, request.path, request.status, request.answered_at))
        server.workspace.add_run()

    with SandboxServer(runs=0, before_each_request=add_a_run) as server:
        counts = [
            len(httpx.get(f"{server.base_url}/processor_runs", headers=HEADERS).json()["processorRuns"])
            for _ in range(3)
        ]
    assert counts == [1, 2, 3]
    assert seen == [("list_runs", "/processor_runs", None, None)] * 3


def test_it_runs_in_the_servers_thread_and_finds_the_request_in_the_log(server: SandboxServer) -> None:
    threads, numbers = [], []

    def note(request: LoggedRequest) -> None:
        threads.append(threading.current_thread().name)
        numbers.append(server.requests.total)
        assert server.requests.entries[-1] is request

    server.before_each_request = note
    for _ in range(2):
        httpx.get(f"{server.base_url}/files", headers=HEADERS)
    assert (threads, numbers) == (["extend-sandbox"] * 2, [1, 2])


def test_it_is_set_and_cleared_while_the_server_runs(server: SandboxServer) -> None:
    calls: list[str] = []
    for call in (None, lambda request: calls.append(request.path), None):
        server.before_each_request = call
        httpx.get(f"{server.base_url}/processor_runs/dpr_none", headers=HEADERS)
    assert calls == ["/processor_runs/dpr_none"]


def test_a_run_vanishes_between_the_listing_and_its_fetch(server: SandboxServer) -> None:
    victim = server.workspace.run_ids()[0]

    def delete(request: LoggedRequest) -> None:
        if request.path == f"/processor_runs/{victim}":
            server.workspace.delete_run(victim)

    server.before_each_request = delete
    with httpx.Client(base_url=server.base_url, headers=HEADERS) as client:
        listed = client.get("/processor_runs?maxPageSize=1000").json()["processorRuns"]
        assert victim in [row["id"] for row in listed]
        assert client.get(f"/processor_runs/{victim}").status_code == 404


def test_it_is_called_for_refused_and_unknown_requests_and_not_for_control_routes(server: SandboxServer) -> None:
    routes: list[str] = []
    server.before_each_request = lambda request: routes.append(request.route)
    httpx.get(f"{server.base_url}/processor_runs")
    httpx.get(f"{server.base_url}/nonsense", headers=HEADERS)
    httpx.get(f"{server.base_url}/_sandbox/credits")
    assert routes == ["list_runs", "unknown"]


def test_what_it_raises_is_answered_by_500_and_raised_at_the_end_of_the_block() -> None:
    def fail(request: LoggedRequest) -> None:
        raise AssertionError(f"the test is wrong about {request.route}")

    with pytest.raises(AssertionError, match="wrong about list_runs"), SandboxServer(runs=1) as server:  # noqa: PT012
        server.before_each_request = fail
        answers = [httpx.get(f"{server.base_url}/{name}", headers=HEADERS) for name in ("processor_runs", "files")]
        server.before_each_request = None
        answers.append(httpx.get(f"{server.base_url}/processor_runs", headers=HEADERS))
        assert [answer.status_code for answer in answers] == [500, 500, 200]
        assert answers[0].json()["error"] == "before_each_request failed: AssertionError"
        assert [entry.status for entry in server.requests.entries] == [500, 500, 200]


def test_what_it_raises_comes_before_the_failure_that_followed_from_it() -> None:
    def fail(request: LoggedRequest) -> None:
        pytest.fail("the cause")  # no Exception, and visible all the same

    sandbox = SandboxServer(runs=1, before_each_request=fail)
    with pytest.raises(pytest.fail.Exception, match="the cause") as caught, sandbox as server:
        httpx.get(f"{server.base_url}/processor_runs", headers=HEADERS).raise_for_status()
    assert isinstance(caught.value.__context__, httpx.HTTPStatusError)


def test_stop_raises_it_once_after_it_has_stopped() -> None:
    server = SandboxServer(runs=1, before_each_request=lambda request: [][0]).start()
    httpx.get(f"{server.base_url}/processor_runs", headers=HEADERS)
    with pytest.raises(IndexError):
        server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.base_url
    server.stop()


def test_an_organization_in_process_calls_it_too() -> None:
    workspace = Workspace(runs=0)
    client = InProcessClient(
        Organization([workspace], before_each_request=lambda request: workspace.put_run({"id": "dpr_late"}))
    )
    assert client.get("/processor_runs/dpr_late").status_code == 200
