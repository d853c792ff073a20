"""The server around the application: start, stop, ports, and a log without secrets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from extend_source.sandbox import SandboxServer

from .in_process import HEADERS


def test_it_leaves_no_thread_and_no_open_port() -> None:
    before = set(threading.enumerate())
    with SandboxServer(runs=1) as server:
        port = int(server.base_url.rsplit(":", 1)[1])
        assert httpx.get(f"{server.base_url}/processor_runs", headers=HEADERS).status_code == 200
        started = time.monotonic()
    assert time.monotonic() - started < 1
    assert set(threading.enumerate()) == before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_it_stops_at_once_although_a_client_holds_its_connection_open() -> None:
    with SandboxServer(runs=1) as server, httpx.Client(base_url=server.base_url, headers=HEADERS) as client:
        client.get("/processor_runs")
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 1


def test_it_can_be_started_again_with_the_same_state() -> None:
    server = SandboxServer(runs=3)
    for _ in range(2):
        with server:
            body = httpx.get(f"{server.base_url}/processor_runs", headers=HEADERS).json()
            assert len(body["processorRuns"]) == 3


def test_two_servers_do_not_disturb_each_other() -> None:
    with SandboxServer(seed=1, runs=2) as one, SandboxServer(seed=2, runs=2) as other:
        assert one.base_url != other.base_url
        path = f"/processor_runs/{one.workspace.run_ids()[0]}"
        assert httpx.get(one.base_url + path, headers=HEADERS).status_code == 200
        assert httpx.get(other.base_url + path, headers=HEADERS).status_code == 404


def test_it_has_no_address_before_it_runs() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = SandboxServer(runs=0).base_url


def test_a_taken_port_is_an_error_and_not_a_hang() -> None:
    with SandboxServer(runs=0) as server:
        port = int(server.base_url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="in use"):
            SandboxServer(runs=0, port=port).start()


def test_the_log_holds_requests_and_never_a_key(server: SandboxServer) -> None:
    headers = {**HEADERS, "Authorization": "Bearer sk_secret_123", "User-Agent": "probe/1"}
    httpx.get(f"{server.base_url}/files?nameContains=a", headers=headers)
    (entry,) = server.requests.of("list_files")
    assert (entry.method, entry.path, entry.query, entry.status) == (
        "GET",
        "/files",
        {"nameContains": "a"},
        401,
    )
    assert entry.headers["user-agent"] == "probe/1"
    assert entry.headers["x-extend-api-version"] == "2025-04-21"
    assert "sk_secret_123" not in repr(server.requests.entries) + repr(server.requests.as_json())
    server.requests.reset()
    assert server.requests.total == 0


def test_the_log_knows_how_many_requests_were_in_flight() -> None:
    with SandboxServer(runs=1, faults=["slow:1"]) as server:
        with httpx.Client(base_url=server.base_url, headers=HEADERS) as client, ThreadPoolExecutor(3) as pool:
            list(pool.map(client.get, ["/processor_runs"] * 3))
        assert server.requests.most_in_flight == 3
        assert server.requests.busiest_second() == 3


def test_a_request_takes_milliseconds_and_not_the_delay_of_small_packets(server: SandboxServer) -> None:
    run_id = server.workspace.run_ids()[0]
    with httpx.Client(base_url=server.base_url, headers=HEADERS) as client:
        client.get(f"/processor_runs/{run_id}")
        started = time.monotonic()
        for _ in range(20):
            client.get(f"/processor_runs/{run_id}")
        assert time.monotonic() - started < 20 * 0.04


def test_the_log_knows_when_an_answer_was_about_to_be_sent(server: SandboxServer) -> None:
    server.before_each_request = lambda request: time.sleep(0.05)
    asked = time.monotonic()
    httpx.get(f"{server.base_url}/processor_runs", headers=HEADERS)
    received = time.monotonic()
    (entry,) = server.requests.entries
    assert asked < entry.started_at < entry.answered_at < received
    assert entry.answered_at - entry.started_at > 0.04


SERVE_SCRIPT = """
from extend_source.sandbox import serve
serve(runs=2, on_ready=lambda base_url: print(base_url, flush=True))
print("stopped", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_serving_in_the_foreground_ends_with_ctrl_c() -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVE_SCRIPT], stdout=subprocess.PIPE, text=True)
    try:
        base_url = process.stdout.readline().strip()
        assert len(httpx.get(f"{base_url}/processor_runs", headers=HEADERS).json()["processorRuns"]) == 2
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=5)
    finally:
        process.kill()
    assert rest.strip() == "stopped"
    assert process.returncode == 0
