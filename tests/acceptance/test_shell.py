"""The shell: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from typer.testing import CliRunner

from extend_source.cli import app
from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.shell import Outcome, run_shell

pytestmark = pytest.mark.thorough

KEY = "sk_sandbox"


def settings(server: SandboxServer, key: str = KEY, **more: str) -> dict[str, str]:
    return {
        "SOURCES__EXTEND__BASE_URL": server.base_url,
        "SOURCES__EXTEND__API_KEY": key,
        "SOURCES__EXTEND__REQUESTS_PER_SECOND": "0",
        **more,
    }


def only_line(outcome: Outcome) -> str:
    """The one line on stderr, without the name of the program and the code."""
    lines = outcome.stderr.strip().splitlines()
    assert len(lines) == 1, outcome.stderr
    found = re.fullmatch(r"extend-source: EXT-\d{3}: (.+)", lines[0])
    assert found is not None, lines[0]
    return found.group(1)


def phases(stderr: str) -> list[str]:
    """The lines that a log gets of a sync: when they were written is left out, and how long it took is said to be T."""
    lines = [re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC (.+)", line) for line in stderr.splitlines()]
    assert all(lines), stderr
    texts = [line.group(1) for line in lines if line is not None]
    return [re.sub(r" in \d+ s(, [\d.]+ requests/s)?|, \d+\.\d MB", "", text) for text in texts]


@pytest.mark.core
def test_a_sync_says_what_it_did_and_ends_with_0(server: SandboxServer, tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "sync", **settings(server))

    assert outcome.code == 0
    assert phases(outcome.stderr) == [
        "listing: 120 runs listed, 120 to fetch, 1 request",
        "fetching: 120 of 120 runs, 0 failed, 120 requests",
        "loading: 120 runs",
    ]
    first, second, third, fourth = outcome.stdout.splitlines()
    assert re.fullmatch(r"120 runs loaded, 0 already there, 0 failed in \d+ s", first)
    newest = max(server.workspace.summary(run_id)["updatedAt"] for run_id in server.workspace.run_ids())
    watermark = f"{newest[:10]} {newest[11:19]} UTC"
    assert second == f"Full listing: 120 listed, 120 new or changed; watermark {watermark}"
    assert re.fullmatch(r"121 requests \(120 get_run, 1 list_runs\), \d\.\d MB received", third)
    assert fourth == f"Loaded into duckdb duckdb:///{tmp_path}/extend_pipeline.duckdb, dataset extend"
    with duckdb.connect(str(tmp_path / "extend_pipeline.duckdb")) as connection:
        assert connection.sql("select count(*) from extend.processor_runs").fetchall() == [(120,)]


def test_a_sync_prints_json_for_machines(server: SandboxServer, tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "sync", "--json", "--status", "FAILED", **settings(server))

    result: dict[str, Any] = json.loads(outcome.stdout)
    failed = [run_id for run_id in server.workspace.run_ids() if server.workspace.summary(run_id)["status"] == "FAILED"]
    assert (result["fetched"], result["complete"], result["requests"]["list_runs"]) == (len(failed), True, 1)
    assert (result["rows"]["processor_runs"], result["rows"]["sync_log"]) == (len(failed), 1)


@pytest.mark.core
def test_a_bad_id_is_an_error_row_and_exit_code_3(server: SandboxServer, tmp_path: Path) -> None:
    good = server.workspace.run_ids()[0]

    outcome = run_shell(tmp_path, "sync", "--run-id", good, "--run-id", "dpr_nowhere", **settings(server))

    assert outcome.code == 3
    assert "  dpr_nowhere: EXT-215: GET /processor_runs/dpr_nowhere: the Extend API answered 404" in outcome.stdout
    with duckdb.connect(str(tmp_path / "extend_pipeline.duckdb")) as connection:
        (row,) = connection.sql(
            "select id, status_code, attempts, message, error_code from extend.fetch_errors"
        ).fetchall()
        assert connection.sql("select id from extend.processor_runs").fetchall() == [(good,)]
    assert row[:3] == ("dpr_nowhere", 404, 1)
    assert row[4] == "EXT-215"
    assert row[3].endswith("It was deleted, or belongs to another workspace; check the id and workspace_id.")


def test_a_sync_with_an_unreachable_host_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "sync", "--base-url", "http://127.0.0.1:9", SOURCES__EXTEND__API_KEY=KEY)

    assert outcome.code == 1
    assert re.fullmatch(r"No connection to http://127\.0\.0\.1:9: .*Check base_url, .*", only_line(outcome))


def test_a_check_of_an_unreachable_host_says_so_and_ends_with_1(tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "check", "--base-url", "http://127.0.0.1:9", SOURCES__EXTEND__API_KEY=KEY)

    assert outcome.code == 1
    assert re.search(
        r"region +wrong +EXT-201: No connection to http://127\.0\.0\.1:9: .*Check base_url", outcome.stdout
    )


@pytest.mark.parametrize("key", ["sk_wrong", "sk_sandbox_expired"])
def test_a_wrong_or_expired_key_is_one_line_and_exit_code_4(server: SandboxServer, tmp_path: Path, key: str) -> None:
    outcome = run_shell(tmp_path, "sync", **settings(server, key))

    assert outcome.code == 4
    line = only_line(outcome)
    assert "401" in line
    assert "Check the API key (SOURCES__EXTEND__API_KEY" in line
    assert key not in outcome.stdout + outcome.stderr


@pytest.mark.core
def test_a_missing_key_is_one_line_and_exit_code_4(tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "sync")

    assert outcome.code == 4
    assert only_line(outcome) == (
        "No api_key. Set SOURCES__EXTEND__API_KEY, or api_key under [sources.extend] in .dlt/secrets.toml "
        "(extend-source init does it)."
    )


@pytest.mark.parametrize(
    ("workspace", "advice"),
    [
        (None, "Set workspace_id (SOURCES__EXTEND__WORKSPACE_ID)"),
        ("ws_unknown", "Check workspace_id: 'ws_unknown' was sent"),
    ],
)
def test_a_missing_or_unknown_workspace_is_one_line_and_exit_code_4(
    server: SandboxServer, tmp_path: Path, workspace: str | None, advice: str
) -> None:
    more = {"SOURCES__EXTEND__WORKSPACE_ID": workspace} if workspace else {}

    outcome = run_shell(tmp_path, "sync", **settings(server, "sk_sandbox_org", **more))

    assert outcome.code == 4
    assert advice in only_line(outcome)


def test_an_organisation_key_with_its_workspace_syncs(tmp_path: Path) -> None:
    workspaces = [Workspace(runs=3, workspace_id="ws_a"), Workspace(seed=8, runs=5, workspace_id="ws_b")]
    with SandboxServer(workspaces=workspaces) as server:
        outcome = run_shell(tmp_path, "sync", "--workspace-id", "ws_b", **settings(server, "sk_sandbox_org"))

    assert (outcome.code, outcome.stdout.split(",")[0]) == (0, "5 runs loaded")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--status", "DONE"], "statuses takes PENDING, PROCESSING, PROCESSED, FAILED, CANCELLED; not 'DONE'."),
        (["--start-date", "last week"], "start_date takes an ISO date or time such as 2026-01-31, not 'last week'."),
        (["--file-contents", "all"], "file_contents takes embedded, fetch, none; not 'all'."),
        (["--requests-per-second", "-1"], "requests_per_second takes a number from 0 (no limit) up."),
        (["--base-url", "ftp://x"], "base_url is not an http or https address."),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(arguments: list[str], advice: str, tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "sync", *arguments, SOURCES__EXTEND__API_KEY=KEY)

    assert outcome.code == 2
    assert advice in only_line(outcome)


def test_a_file_that_is_no_toml_is_one_line_that_says_what_toml_takes(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text("[sources.extend]\nkeep_raw = True\n")
    command = [sys.executable, "-m", "extend_source", "sync"]  # a process of its own reads its settings at the start

    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert outcome.returncode == 2
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("extend-source: EXT-104: ")
    assert line.endswith(
        "at line 2 col 11. In TOML, texts have quotes, true and false are lower case, and a [section] stands once."
    )


def test_a_dataset_called_like_the_duckdb_file_is_one_line_and_exit_code_2(
    server: SandboxServer, tmp_path: Path
) -> None:
    outcome = run_shell(tmp_path, "sync", "--pipeline", "extend", **settings(server))

    assert server.requests.total == 0
    assert (outcome.code, outcome.stderr.splitlines()[-1]) == (
        2,
        "extend-source: EXT-306: DuckDB cannot tell the dataset 'extend' from its file of the same name. "
        "Give the pipeline, the file or the dataset another name.",
    )


@pytest.mark.parametrize(
    ("arguments", "key", "wrong", "code"),
    [
        ([], KEY, None, 0),
        ([], "sk_wrong", "key", 4),
        ([], "sk_sandbox_org", "workspace", 4),
        (["--workspace-id", "ws_unknown"], "sk_sandbox_org", "workspace", 4),
        (["--api-version", "1999-01-01"], KEY, "version", 2),
    ],
)
def test_check_says_which_setting_is_wrong(
    server: SandboxServer, tmp_path: Path, arguments: list[str], key: str, wrong: str | None, code: int
) -> None:
    outcome = run_shell(tmp_path, "check", "--json", *arguments, **settings(server, key))

    result = json.loads(outcome.stdout)
    assert [finding["part"] for finding in result["findings"] if finding["state"] == "wrong"] == (
        [wrong] if wrong else []
    )
    assert (result["ok"], outcome.code) == (wrong is None, code)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--destination", "snowflke"],
            "There is no destination 'snowflke'. Try duckdb, postgres, snowflake or bigquery.",
        ),
        (
            ["--destination", "postgres"],
            "The destination postgres needs credentials.database, credentials.",  # in no order
        ),
        (["--destination", "sqlite"], "There is no destination 'sqlite'. Its destination is sqlalchemy."),
        (
            ["--pipeline", "my-pipe"],
            "'my-pipe' is not a name of a pipeline. Take letters, digits and _, a letter first: try my_pipe.",
        ),
        (["--run-id", "--refresh"], "'--refresh' is an option, not a run id. Check the command."),
    ],
)
def test_a_wrong_destination_or_id_is_one_line_and_exit_code_2(
    server: SandboxServer, tmp_path: Path, arguments: list[str], line: str
) -> None:
    outcome = run_shell(tmp_path, "sync", *arguments, **settings(server))

    assert outcome.code == 2
    assert only_line(outcome).startswith(line)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sync_keeps_what_it_has_fetched(server: SandboxServer, tmp_path: Path, number: int) -> None:
    environment = {
        **settings(server),
        "SOURCES__EXTEND__REQUESTS_PER_SECOND": "20",
        "DLT_DATA_DIR": str(tmp_path / "dlt"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "extend_source", "sync"],
        cwd=tmp_path, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while server.requests.counts.get("get_run", 0) < 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    fetched = server.requests.counts["get_run"]

    assert process.returncode == 5
    assert [line.split(": ")[0] for line in phases(stderr)] == ["listing", "fetching", "loading"]
    assert 20 <= fetched < 120
    assert stdout.startswith(f"{fetched} runs loaded, 0 already there, 0 failed")
    assert f"Stopped as asked: {120 - fetched} runs are left for the next sync." in stdout
    rest = run_shell(tmp_path, "sync", **settings(server))
    assert rest.stdout.startswith(f"{120 - fetched} runs loaded, {fetched} already there, 0 failed")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder after the demo, and what that said."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_shell(folder, "demo", "--runs", "60")


@pytest.mark.core
def test_the_demo_loads_sample_runs_and_shows_what_landed(demo: tuple[Path, Outcome]) -> None:
    folder, outcome = demo

    assert outcome.code == 0, outcome.stderr  # which has a line where this takes long
    assert "60 runs loaded, 0 already there, 0 failed" in outcome.stdout
    assert re.search(r"processor_runs +60 +run", outcome.stdout)
    queries = re.findall(r"^-- .*\n((?:.+\n?)+)", outcome.stdout, flags=re.MULTILINE)
    assert len(queries) == 3
    with duckdb.connect(str(folder / "extend_demo.duckdb"), read_only=True) as connection:
        assert all(connection.sql(query).fetchall() for query in queries)
    *_, head, page, question, own_runs = outcome.stdout.splitlines()
    assert (head, page) == ("Next:", "1. Open extend_demo.html in a browser: what was spent, and on what.")
    assert question == "2. Ask one of the questions above."
    assert re.fullmatch(r"3\. Load your own runs: \S*extend-source init", own_runs)


@pytest.mark.core
@pytest.mark.case("5.7")
def test_after_the_demo_the_credits_of_the_default_days_and_the_status_are_of_today(demo: tuple[Path, Outcome]) -> None:
    folder, _ = demo

    report = json.loads(run_shell(folder, "report", "credits", "--pipeline", "extend_demo", "--json").stdout)
    status = json.loads(run_shell(folder, "status", "--pipeline", "extend_demo", "--json").stdout)

    with duckdb.connect(str(folder / "extend_demo.duckdb"), read_only=True) as connection:
        ((spent, newest),) = connection.sql(
            "select sum(credits) filter (created_at >= timestamptz '" + report["first_day"] + " 00:00:00+00'), "
            "max(created_at) from extend.processor_runs"
        ).fetchall()
    assert spent > 0
    processing = [day for day in report["days"] if day["kind"] == "processing" and day["credits"] is not None]
    assert sum(Decimal(day["credits"]) for day in processing) == spent
    age = datetime.now(timezone.utc) - newest
    assert age < timedelta(minutes=5)
    watermark = datetime.fromisoformat(status["scopes"][0]["watermark"].replace("Z", "+00:00"))
    assert datetime.now(timezone.utc) - watermark < timedelta(minutes=5)


@pytest.mark.case("5.7")
@pytest.mark.parametrize("text", ["soon", "0001-01-01", "2026-13-01"])
@pytest.mark.parametrize("command", ["demo", "sandbox"])
def test_a_moment_that_is_none_is_one_line_and_exit_code_2(command: str, text: str, tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, command, "--now", text)

    assert (outcome.code, only_line(outcome)) == (
        2,
        f"--now takes an ISO date or time such as 2026-01-31T09:00; not {text!r}.",
    )


@pytest.mark.case("5.7")
def test_the_moment_of_the_sample_data_can_be_fixed(tmp_path: Path) -> None:
    run_shell(tmp_path, "demo", "--runs", "60", "--now", "2026-02-02T09:00")

    with duckdb.connect(str(tmp_path / "extend_demo.duckdb"), read_only=True) as connection:
        landed = dict(connection.sql("select id, created_at from extend.processor_runs").fetchall())
    workspace = Workspace(runs=60)
    assert landed == {run_id: workspace.runs[run_id].created_at for run_id in workspace.run_ids()}


def test_the_demo_is_whole_whatever_the_settings_leave_out(tmp_path: Path) -> None:
    left_out = {"OBJECTS": '["parsing"]', "DETAILS": "false", "PARSE_OUTPUT": "none", "TYPED_TABLES": "false"}
    settings = {f"SOURCES__EXTEND__{name}": value for name, value in left_out.items()}

    outcome = run_shell(tmp_path, "demo", "--runs", "5", "--json", **settings)

    assert (outcome.code, json.loads(outcome.stdout)["sync"]["fetched"]) == (0, 5), outcome.stderr


def test_the_demo_can_be_repeated_but_spares_other_files(tmp_path: Path) -> None:
    (tmp_path / "mine.duckdb").write_text("precious")

    first = run_shell(tmp_path, "demo", "--runs", "5", "--json")
    second = run_shell(tmp_path, "demo", "--runs", "5", "--json")
    refused = run_shell(tmp_path, "demo", "--runs", "5", "--database", "mine.duckdb")

    assert [json.loads(outcome.stdout)["sync"]["fetched"] for outcome in (first, second)] == [5, 5]
    assert (refused.code, only_line(refused)) == (
        2,
        "mine.duckdb exists. Name another file with --database, or delete it.",
    )
    assert (tmp_path / "mine.duckdb").read_text() == "precious"


def test_the_sandbox_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "extend_source", "sandbox", "--runs", "3", "--fault", "5xx:#1@run"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        base_url = process.stdout.readline().split(" at ")[1].split(" ")[0]
        headers = {"authorization": f"Bearer {KEY}", "x-extend-api-version": "2025-04-21"}
        runs = httpx.get(f"{base_url}/processor_runs", headers=headers).json()["processorRuns"]
        statuses = [httpx.get(f"{base_url}/processor_runs/{run['id']}", headers=headers).status_code for run in runs]
    finally:
        process.send_signal(2)
        process.wait(10)  # it does not wait for connections that are kept open
    assert len(runs) == 3
    assert statuses[0] >= 500
    assert statuses[1:] == [200, 200]


def test_an_unknown_fault_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "sandbox", "--fault", "earthquake")

    assert outcome.code == 2
    assert "earthquake" in only_line(outcome)


@pytest.mark.core
@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "init",
        "check",
        "plan",
        "sync",
        "reconcile",
        "status",
        "rebuild",
        "migrate",
        "report quality",
        "views",
        "sandbox",
    ],
)
def test_every_command_has_help_with_an_example(command: str) -> None:
    outcome = CliRunner().invoke(app, [*command.split(), "--help"])

    assert outcome.exit_code == 0
    assert f"Example: extend-source {command}" in outcome.stdout


def test_the_help_names_every_command_in_the_order_of_use(tmp_path: Path) -> None:
    shown = run_shell(tmp_path, "--help").stdout
    groups = [str(group.name) for group in app.registered_groups]
    commands = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]

    named = re.findall(r"^│ ([a-z]+)  ", shown, re.MULTILINE)

    assert sorted(named) == sorted(groups + commands)
    assert named[:5] == ["demo", "init", "check", "plan", "sync"]
