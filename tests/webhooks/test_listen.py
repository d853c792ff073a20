"""The command as a user runs it: a process that receives and loads, is killed, and goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from benchmarks.webhooks import measure
from extend_source.cli import app
from extend_source.integrations.webhooks import EventQueue, queue_file
from extend_source.sandbox import SandboxServer, run_event, signed_headers
from extend_source.sandbox.rendering import encode
from tests.acceptance.warehouse import Warehouse
from tests.webhooks.conftest import SECRET

PASSED_ON = ("PATH", "PYTHONPATH", "LANG")
ROOT = Path(__file__).parent.parent.parent


@contextmanager
def listening_process(server: SandboxServer, folder: Path, *arguments: str) -> Iterator[tuple[Any, str]]:
    """Run ``extend-source listen`` in a folder; yield the process and where to send events."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
        "HOME": str(folder),
        "DLT_DATA_DIR": str(folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "PYTHONPATH": str(ROOT),
        "SOURCES__EXTEND__API_KEY": server.api_key,
        "SOURCES__EXTEND__BASE_URL": server.base_url,
        "SOURCES__EXTEND__LISTEN__SECRETS": SECRET,
        "DESTINATION__DUCKDB__CREDENTIALS": str(folder / "warehouse.duckdb"),
    }
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "extend_source", "listen", "--port", "0", "--json", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield process, told["address"] + told["path"]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def eventually(is_so: Callable[[], bool]) -> bool:
    """Wait up to a minute for something to be so."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(Exception):
            if is_so():
                return True
        time.sleep(0.2)
    return False


def waiting(folder: Path) -> int:
    with closing(EventQueue(queue_file(folder / "dlt" / "pipelines", "extend_pipeline"))) as queue:
        return queue.backlog().events


def send(server: SandboxServer, url: str, run_id: str) -> int:
    body = encode(run_event(server.workspace, run_id))
    return httpx.post(url, content=body, headers=signed_headers(SECRET, body), timeout=30, trust_env=False).status_code


@pytest.mark.slow
def test_a_process_that_is_killed_and_started_again_loads_all_that_it_had_answered(tmp_path: Path):
    with SandboxServer(runs=0) as server:
        ids = [server.workspace.add_run(status="PROCESSED") for _ in range(6)]
        with listening_process(server, tmp_path) as (process, url):
            assert [send(server, url, run_id) for run_id in ids[:4]] == [200] * 4
            process.send_signal(signal.SIGKILL)
            process.wait()
        with listening_process(server, tmp_path) as (process, url):
            assert [send(server, url, run_id) for run_id in ids[2:]] == [200] * 4
            assert eventually(lambda: waiting(tmp_path) == 0)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        warehouse = Warehouse(server, tmp_path)
        assert sorted(warehouse.column("processor_runs", "id")) == sorted(ids)
        assert sorted(warehouse.column("webhook_events", "object_id")) == sorted(ids)
    log = (tmp_path / "log").read_text()
    assert "runs fetched" in log
    assert SECRET not in log
    assert server.api_key not in log


@pytest.mark.thorough
def test_under_fire_every_genuine_event_is_loaded_and_no_forged_one(tmp_path: Path):
    outcome = measure(tmp_path, events=400, rate=40, kills=3, budget=0)
    assert (outcome.missing, outcome.intruders) == (set(), set())
    assert (outcome.genuine, outcome.rows, outcome.kills) == (400, 400, 6)
    assert outcome.answers[401] == outcome.forged == 20
    assert outcome.answers[200] == 440


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs the command in this process; returns its exit code and what it printed on stderr."""
    monkeypatch.setenv("SOURCES__EXTEND__API_KEY", "sk_x")
    monkeypatch.setenv("SOURCES__EXTEND__LISTEN__SECRETS", SECRET)

    def run(*arguments: str) -> tuple[int, str]:
        outcome = CliRunner().invoke(app, ["listen", *arguments])
        return outcome.exit_code, outcome.stderr

    return run


def test_without_a_secret_it_says_what_to_set(shell, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOURCES__EXTEND__LISTEN__SECRETS")
    assert shell() == (
        2,
        "extend-source: EXT-119: No webhook secret. Set SOURCES__EXTEND__LISTEN__SECRETS, or secrets under "
        "[sources.extend.listen] in .dlt/secrets.toml: Extend shows it once, as an endpoint is made.\n",
    )


@pytest.mark.parametrize("secrets", ["short", '["wss_0123456789abcdef", 7]', "[wss_0123456789abcdef", "{}"])
def test_a_secret_that_cannot_be_one_is_refused_and_not_shown(shell, secrets: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCES__EXTEND__LISTEN__SECRETS", secrets)
    code, line = shell()
    assert (code, line[:23]) == (2, "extend-source: EXT-119:")
    assert secrets not in line
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MAX_PENDING", "0", "EXT-104: listen.max_pending takes a whole number from 1 up."),
        ("MAX_BODY_MEGABYTES", "0", "EXT-104: listen.max_body_megabytes takes a number above 0."),
        (
            "SECRET",
            SECRET,
            "EXT-103: There is no setting secret (SOURCES__EXTEND__LISTEN__SECRET in the environment); did you mean secrets?",
        ),
        ("QUEUE_FILE", "/dev/null/x/y", "EXT-118: The queue of events /dev/null/x/y cannot be used: Not a directory. "),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_one_line(
    shell, name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(f"SOURCES__EXTEND__LISTEN__{name}", value)
    code, line = shell()
    assert code == 2
    assert line.startswith(f"extend-source: {said}")
    assert line.count("\n") == 1


def test_reading_lists_alone_does_not_go_with_it(shell, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCES__EXTEND__DETAILS", "false")
    code, line = shell()
    assert (code, line[:24]) == (2, "extend-source: EXT-101: ")
    assert "details = false reads the lists alone" in line


def test_a_port_that_is_taken_is_named(shell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, line = shell("--port", str(port))
    assert code == 1
    assert line == (
        f"extend-source: EXT-116: 127.0.0.1:{port} cannot be used: Address already in use. Choose another with --port.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--no-receive", "--no-load"), "--no-receive and --no-load leave nothing to do: choose one."),
        (("--no-load", "--sync-every", "1h"), "--sync-every goes with loading: leave out --no-load."),
        (("--sync-every", "soon"), "--sync-every takes a time such as 90s, 30m, 2h, 1d, 1h30m or PT2H; not 'soon'."),
    ],
)
def test_options_that_do_not_go_together_are_refused(shell, arguments: tuple[str, ...], said: str):
    assert shell(*arguments) == (2, f"extend-source: EXT-101: {said}\n")
