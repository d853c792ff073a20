"""The scripts in pipelines/ do what they say, as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from extend_source.sandbox import SandboxServer
from tests.acceptance.shell import Outcome
from tests.conftest import OBJECTS

pytestmark = pytest.mark.thorough

SCRIPTS = Path(__file__).parents[2] / "pipelines"


def run_script(
    name: str, folder: Path, server: SandboxServer, *arguments: str, key: str | None = "sk_sandbox", **more: str
) -> Outcome:
    """Run a script in a folder, with settings from the environment."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", OBJECTS)}
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / name), *arguments],
        cwd=folder,
        env={
            **kept,
            "HOME": str(folder),
            "DLT_DATA_DIR": str(folder / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            **({"SOURCES__EXTEND__API_KEY": key} if key else {}),
            "SOURCES__EXTEND__BASE_URL": server.base_url,
            "SOURCES__EXTEND__REQUESTS_PER_SECOND": "0",
            **more,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def landed(folder: Path) -> list[str]:
    with duckdb.connect(str(folder / "extend_pipeline.duckdb"), read_only=True) as connection:
        return [run_id for (run_id,) in connection.sql("select id from extend.processor_runs order by id").fetchall()]


@pytest.fixture
def server():
    with SandboxServer(runs=12) as server:
        yield server


@pytest.mark.slow
@pytest.mark.core
def test_the_scheduled_sync_loads_what_is_new_and_says_so(server: SandboxServer, tmp_path: Path) -> None:
    first = run_script("scheduled_sync.py", tmp_path, server)
    second = run_script("scheduled_sync.py", tmp_path, server)

    assert (first.code, first.stderr) == (0, "")
    assert first.stdout.startswith("full: 12 runs loaded (12 new or changed), 0 gone, 0 failed, 0 left; ")
    assert second.stdout.startswith("quiet: 0 runs loaded (0 new or changed), 0 gone, 0 failed, 0 left; ")
    assert landed(tmp_path) == sorted(server.workspace.run_ids())
    assert server.requests.counts == {"list_runs": 2, "get_run": 12}


def test_the_scheduled_sync_ends_with_4_when_the_key_is_refused(server: SandboxServer, tmp_path: Path) -> None:
    outcome = run_script("scheduled_sync.py", tmp_path, server, key="sk_wrong")

    assert (outcome.code, outcome.stdout) == (4, "")
    assert "Check the API key" in outcome.stderr


@pytest.mark.core
@pytest.mark.case("5.8")
@pytest.mark.parametrize("script", [["scheduled_sync.py"], ["load_by_id.py", "dpr_1"]])
def test_a_script_without_a_key_says_so_in_one_line_and_ends_with_4(
    script: list[str], server: SandboxServer, tmp_path: Path
) -> None:
    outcome = run_script(script[0], tmp_path, server, *script[1:], key=None)

    assert (outcome.code, outcome.stdout) == (4, "")
    assert outcome.stderr == (
        "EXT-102: No api_key. Set SOURCES__EXTEND__API_KEY, or api_key under [sources.extend] in .dlt/secrets.toml "
        "(extend-source init does it).\n"
    )


@pytest.mark.case("5.8")
@pytest.mark.parametrize("script", [["scheduled_sync.py"], ["load_by_id.py", "dpr_1"], ["credit_report.py"]])
@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        (
            "SOURCES__EXTEND__MAX_REQUEST",
            "2",
            "EXT-103: There is no setting max_request (SOURCES__EXTEND__MAX_REQUEST in the environment); "
            "did you mean max_requests (SOURCES__EXTEND__MAX_REQUESTS)?\n",
        ),
        ("EXTEND_DESTINATION", "postgres", "EXT-302: The destination postgres needs credentials."),
        (
            "EXTEND_DESTINATION",
            "snowflke",
            "EXT-301: There is no destination 'snowflke'. Try duckdb, postgres, snowflake or bigquery.\n",
        ),
    ],
)
def test_a_script_with_a_wrong_setting_says_so_in_one_line_and_ends_with_2(
    script: list[str], setting: str, value: str, line: str, server: SandboxServer, tmp_path: Path
) -> None:
    outcome = run_script(script[0], tmp_path, server, *script[1:], **{setting: value})

    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith(line)
    assert outcome.stderr.count("\n") == 1


def test_runs_are_loaded_by_id_from_the_command_line_a_file_and_a_query(server: SandboxServer, tmp_path: Path) -> None:
    ids = sorted(run for run in server.workspace.run_ids() if server.workspace.summary(run)["status"] == "PROCESSED")
    (tmp_path / "ids.txt").write_text(f"# from a webhook\n{ids[1]}\n\n{ids[2]}\n")

    named = run_script("load_by_id.py", tmp_path, server, ids[0])
    filed = run_script("load_by_id.py", tmp_path, server, "--file", "ids.txt")
    asked = run_script("load_by_id.py", tmp_path, server, "--sql", "select id from processor_runs", "--refresh")
    lost = run_script("load_by_id.py", tmp_path, server, "dpr_nowhere")

    assert named.stdout == "1 runs loaded, 0 already there, 0 gone, 0 failed\n"
    assert filed.stdout == "2 runs loaded, 0 already there, 0 gone, 0 failed\n"
    assert asked.stdout == "3 runs loaded, 0 already there, 0 gone, 0 failed\n"
    assert (lost.code, lost.stdout) == (3, "0 runs loaded, 0 already there, 0 gone, 1 failed\n")
    assert landed(tmp_path) == ids[:3]


@pytest.mark.core
@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda script: script.name)
def test_each_script_is_short_enough_to_be_read_at_once(script: Path) -> None:
    assert len(script.read_text("utf-8").splitlines()) < 60


def test_the_credit_report_writes_a_page_and_says_when_nothing_has_landed(
    server: SandboxServer, tmp_path: Path
) -> None:
    run_script("scheduled_sync.py", tmp_path, server)

    within = run_script("credit_report.py", tmp_path, server)
    (tmp_path / "elsewhere").mkdir()
    nothing = run_script("credit_report.py", tmp_path / "elsewhere", server)

    assert (within.code, within.stderr) == (0, "")
    assert "heading for" in within.stdout
    assert "<!doctype html>" in (tmp_path / "credits.html").read_text("utf-8")[:20]
    assert nothing.code == 2  # as in the shell
    assert "Sync first" in nothing.stderr
