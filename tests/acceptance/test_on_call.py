"""What someone on call sees: the first line of a status, its exit codes, and where the code of a failure is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest
import time_machine
from typer.testing import CliRunner, Result

from extend_source.cli import app
from extend_source.sandbox import SandboxServer
from tests.acceptance.test_shell import phases

AGO = re.compile(r"\d+ (s|min \d+ s|h \d+ min)")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    """A stand-in with a few runs, whose key and address are in the environment."""
    with SandboxServer(runs=3) as server:
        monkeypatch.setenv("SOURCES__EXTEND__API_KEY", server.api_key)
        monkeypatch.setenv("SOURCES__EXTEND__BASE_URL", server.base_url)
        monkeypatch.setenv("SOURCES__EXTEND__REQUESTS_PER_SECOND", "0")
        yield server


def shell(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, arguments)


def first_line(*arguments: str) -> tuple[int, str]:
    """The exit code of a status and its first line, in which each length of time is said to be T."""
    outcome = shell("status", *arguments)
    assert outcome.stderr == ""
    return outcome.exit_code, AGO.sub("T", outcome.stdout.splitlines()[0])


@pytest.mark.slow
def test_a_monitor_sees_a_pipeline_fail_recover_and_stop_running(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as wrong:
        wrong.setenv("SOURCES__EXTEND__API_KEY", "sk_wrong")
        refused = shell("sync")
    failing, told = first_line("--max-age", "2h"), json.loads(shell("status", "--json").stdout)
    synced = shell("sync", "--run-id", "dpr_nowhere"), shell("sync")
    healthy, in_time, facts = first_line(), first_line("--max-age", "2h"), json.loads(shell("status", "--json").stdout)
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(hours=5), tick=True):
        late, without_age = first_line("--max-age", "2h"), first_line()

    line = refused.stderr.removeprefix("extend-source: ").rstrip("\n")
    since = datetime.fromisoformat(told["since"].replace("Z", "+00:00"))
    synced_at = datetime.fromisoformat(facts["synced_at"].replace("Z", "+00:00"))
    assert (refused.exit_code, line[:9]) == (4, "EXT-209: ")
    assert failing == (1, f"failing since {since:%Y-%m-%d %H:%M:%S} UTC, T ago: {line}")
    assert (told["state"], told["code"], f"EXT-209: {told['reason']}") == ("failing", "EXT-209", line)
    assert [outcome.exit_code for outcome in synced] == [3, 0]
    assert healthy == (0, "healthy: last sync T ago, 3 runs landed, 1 in fetch_errors.")
    assert in_time == healthy
    assert (facts["state"], facts["since"], facts["reason"], facts["code"]) == ("healthy", None, None, None)
    assert late == (
        5,
        f"late by T: EXT-322: last good sync {synced_at:%Y-%m-%d %H:%M:%S} UTC, T ago, expected every T. "
        "No sync has ended since. See that the schedule runs, and read its output.",
    )
    assert without_age == healthy
    with duckdb.connect(str(tmp_path / "extend_pipeline.duckdb"), read_only=True) as connection:
        codes = connection.sql("select error_code from extend.sync_log order by fetched_at").fetchall()
        dead = connection.sql("select id, error_code from extend.fetch_errors").fetchall()
    assert codes == [("EXT-209",), (None,), (None,)]
    assert dead == [("dpr_nowhere", "EXT-215")]


@pytest.mark.slow
def test_a_log_has_a_line_for_each_phase_and_then_the_failure(
    server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__EXTEND__MAX_CONCURRENCY", "1")
    server.faults.set(["unauthorized:3+"])

    outcome = shell("sync")

    *before, last = outcome.stderr.splitlines()
    assert outcome.exit_code == 4
    assert phases("\n".join(before)) == [
        "listing: 3 runs listed, 3 to fetch, 1 request",
        "fetching: 1 of 3 runs, 0 failed, 3 requests",
        "loading: 1 run",
    ]
    assert last.startswith("extend-source: EXT-209: GET /processor_runs")
