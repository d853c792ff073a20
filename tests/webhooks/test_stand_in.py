"""The stand-in tells receivers of runs that end: once each, in the version of the API that they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from extend_source.sandbox import SandboxServer
from tests.webhooks.conftest import SECRET, Receiver


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(runs=3) as server:
        yield server


def control(server: SandboxServer, path: str, body: Any, method: str = "POST") -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.request(method, f"{server.base_url}/_sandbox/{path}", json=body)


def told(receiver: Receiver) -> list[tuple[str, tuple[str, ...]]]:
    return [(event.event_type, event.run_ids) for event in receiver.queue.pending(100)]


def test_a_receiver_is_told_of_the_runs_that_end_from_then_on(server: SandboxServer, receiver: Receiver):
    url = f"{receiver.address}/webhooks"
    assert control(server, "webhooks", {"url": url, "secret": SECRET}).json() == {"webhooks": [url]}
    done = control(server, "runs", {"status": "PROCESSED"}).json()
    going_on = control(server, "runs", {"status": "PENDING"}).json()
    assert (done["events"], going_on["events"]) == (1, 0)
    assert told(receiver) == [("processor_run.processed", (done["id"],))]
    assert control(server, "advance", {"seconds": 600}).json()["events"] >= 1
    assert ("processor_run.processed", (going_on["id"],)) in told(receiver)
    assert control(server, "advance", {"seconds": 1}).json()["events"] == 0

    assert control(server, "webhooks", None, "DELETE").json() == {"webhooks": []}
    assert "events" not in control(server, "runs", {"status": "FAILED"}).json()


def test_a_receiver_chooses_the_version_and_links(server: SandboxServer, receiver: Receiver):
    endpoint = {"url": f"{receiver.address}/webhooks", "secret": SECRET, "version": "2026-02-09", "by_link": True}
    control(server, "webhooks", endpoint)
    run_id = control(server, "runs", {"status": "FAILED"}).json()["id"]
    (event,) = receiver.queue.pending(10)
    assert (event.event_type, event.object) == ("extract_run.failed", None)
    assert event.run_ids == (run_id.replace("dpr_", "exr_"),)


def test_what_a_receiver_does_not_take_is_told_again(server: SandboxServer, receiver: Receiver):
    control(server, "webhooks", {"url": f"{receiver.address}/webhooks", "secret": "wss_of_somebody_else"})
    assert [control(server, "runs", {"status": "FAILED"}).json()["events"] for _ in range(2)] == [0, 0]
    assert receiver.listener.counts == {"forged": 3}
    assert told(receiver) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"url": "http://example.com/", "secret": SECRET}, "url must name localhost or a loopback address"),
        (
            {"url": "http://127.0.0.1:1/", "secret": SECRET, "version": "2024"},
            "version must be one of 2025-04-21, 2026-02-09",
        ),
    ],
)
def test_it_sends_to_this_machine_alone_and_in_versions_that_there_are(
    server: SandboxServer, body: dict[str, str], said: str
):
    answer = control(server, "webhooks", body)
    assert (answer.status_code, answer.json()) == (400, {"error": said})
