"""The shell: plan, sync, reconcile, status and rebuild, with all that can be asked of them, and their exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.memory import SETTINGS
from extend_source.sandbox import SandboxServer
from tests.acceptance.shell import Outcome, run_shell
from tests.acceptance.test_shell import only_line, phases, settings
from tests.test_docs import page

pytestmark = pytest.mark.thorough

NO_KEY: dict[str, str] = {}


def json_of(outcome: Outcome) -> dict[str, Any]:
    phases(outcome.stderr)  # and nothing else
    result: dict[str, Any] = json.loads(outcome.stdout)
    return result


def runs_of_status(server: SandboxServer, *statuses: str) -> list[str]:
    workspace = server.workspace
    return [run_id for run_id in workspace.run_ids() if workspace.summary(run_id)["status"] in statuses]


def landed(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "extend_pipeline.duckdb")) as connection:
        return connection.sql(sql).fetchall()


def test_a_plan_says_what_the_sync_will_do_and_leaves_no_trace(server: SandboxServer, tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "plan", "--requests-per-second", "10", **settings(server))

    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout.splitlines() == [
        "Full listing: 120 listed, 0 already there",
        "120 runs to fetch:",
        "        120  new, or changed since they landed",
        "121 requests (1 to list again, 120 for runs) in 1 load, at least 13 s",
        f"Nothing was written to duckdb duckdb:///{tmp_path}/extend_pipeline.duckdb, dataset extend",
    ]
    assert server.requests.counts == {"list_runs": 1}
    assert not (tmp_path / "extend_pipeline.duckdb").exists()
    assert not (tmp_path / "dlt" / "pipelines" / "extend_pipeline").exists()


def test_a_plan_of_a_reconcile_tells_the_reasons_as_json(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", **settings(server))
    for run_id in runs_of_status(server, "FAILED")[:2]:
        server.workspace.delete_run(run_id)
    more = {"SOURCES__EXTEND__REVIEW_WINDOW_DAYS": "5000", "SOURCES__EXTEND__MAX_RECHECKS": "4"}

    outcome = run_shell(tmp_path, "plan", "--reconcile", "--json", **settings(server, **more))

    result = json_of(outcome)
    assert (result["mode"], result["listed"], result["known"]) == ("reconcile", 118, 118)
    assert result["to_fetch"] == {"vanished": 2, "recheck": 4}
    assert (result["runs"], result["requests"], result["minutes"], result["loads"]) == (6, 7, None, 1)


def test_a_plan_that_could_not_list_everything_ends_with_5(server: SandboxServer, tmp_path: Path) -> None:
    arguments = ["--status", "FAILED", "--status", "CANCELLED", "--max-requests", "2"]

    outcome = run_shell(tmp_path, "plan", *arguments, **settings(server))

    assert outcome.code == 5
    assert "Stopped at the limit of requests, before the end of the listing: there may be more." in outcome.stdout


def test_a_status_needs_no_key_and_sends_nothing(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", **settings(server))
    server.requests.reset()

    outcome = run_shell(tmp_path, "status", **NO_KEY)

    assert (outcome.code, outcome.stderr, server.requests.total) == (0, "", 0)
    lines = outcome.stdout.splitlines()
    processed = len(runs_of_status(server, "PROCESSED"))
    (runs,) = [line for line in lines if line.startswith("Runs landed")]
    assert runs.startswith(f"Runs landed   120: {processed} PROCESSED, ")
    assert lines[-1].split()[2:] == ["full", "120", "120", "120", "0", "0", "121"]


@pytest.mark.core
def test_a_status_is_json_for_machines(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", "--start-date", "2020-01-31", **settings(server))

    result = json_of(run_shell(tmp_path, "status", "--json", **NO_KEY))

    (scope,) = result["scopes"]
    newest = max(server.workspace.summary(run_id)["updatedAt"] for run_id in server.workspace.run_ids())
    assert scope["watermark"] == newest.replace("Z", "000Z")
    assert (scope["start"], scope["scope"]["base_url"]) == ("2020-01-31T00:00:00Z", server.base_url)
    assert (result["has_run"], sum(result["runs"].values()), result["errors"]) == (True, 120, [])
    assert [load["requests"] for load in result["last_loads"]] == [121]


@pytest.mark.parametrize("limit", [["--max-requests", "30"], ["--max-seconds", "4", "--requests-per-second", "5"]])
def test_a_sync_that_comes_to_its_limit_ends_with_5_and_the_next_one_goes_on(
    server: SandboxServer, tmp_path: Path, limit: list[str]
) -> None:
    first = run_shell(tmp_path, "sync", "--json", *limit, **settings(server))
    second = json_of(run_shell(tmp_path, "sync", "--json", **settings(server)))

    result = json_of(first)
    assert (first.code, result["stopped_by"], result["complete"]) == (5, limit[0][2:].replace("-", "_"), False)
    assert 0 < result["fetched"] < 120
    assert (result["left"], result["watermark"]) == (120 - result["fetched"], None)
    assert (second["known"], second["fetched"], second["complete"]) == (result["fetched"], result["left"], True)


@pytest.mark.core
def test_stopping_early_counts_more_than_a_failure(server: SandboxServer, tmp_path: Path) -> None:
    ids = [f"--run-id={run_id}" for run_id in ("dpr_nowhere", *runs_of_status(server, "FAILED")[:3])]

    outcome = run_shell(tmp_path, "sync", "--json", *ids, "--max-requests", "2", **settings(server))

    assert (outcome.code, json_of(outcome)["failed"], json_of(outcome)["left"]) == (5, 1, 2)


def test_filters_reach_the_listing(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(
        tmp_path, "plan", "--source", "API", "--source-id", "wr_1", "--file-name", "invoice",
        "--processor-id", "dp_1", "--processor-type", "EXTRACT", "--status", "FAILED", **settings(server),
    )  # fmt: skip

    request = server.requests.entries[0]
    asked = {name: value for name, value in request.query.items() if name not in ("maxPageSize", "sortBy", "sortDir")}
    assert asked == {
        "source": "API",
        "sourceId": "wr_1",
        "fileNameContains": "invoice",
        "processorId": "dp_1",
        "processorType": "EXTRACT",
        "status": "FAILED",
    }


def test_ids_come_from_options_files_and_queries_together(server: SandboxServer, tmp_path: Path) -> None:
    ids = runs_of_status(server, "PROCESSED")[:5]
    (tmp_path / "ids.csv").write_text(f"name,run_id\nA,{ids[1]}\nB,{ids[2]}\n")
    run_shell(tmp_path, "sync", "--run-id", ids[0], **settings(server))
    query = f"select id from processor_runs union all select '{ids[3]}'"

    outcome = run_shell(
        tmp_path, "sync", "--json", "--run-id", ids[4], "--run-ids-file", "ids.csv", "--run-ids-sql", query,
        **settings(server),
    )  # fmt: skip

    assert (json_of(outcome)["mode"], json_of(outcome)["known"], json_of(outcome)["fetched"]) == ("by_id", 1, 4)
    assert landed(tmp_path, "select count(*) from extend.processor_runs") == [(5,)]


def test_a_query_without_rows_loads_nothing_rather_than_everything(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", "--run-id", runs_of_status(server, "PROCESSED")[0], **settings(server))
    server.requests.reset()

    outcome = run_shell(
        tmp_path, "sync", "--run-ids-sql", "select id from processor_runs where false", **settings(server)
    )

    assert (outcome.code, server.requests.total) == (0, 0)
    assert outcome.stdout.startswith("0 runs loaded, 0 already there, 0 failed")


@pytest.mark.parametrize("command", ["plan", "sync"])
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--run-ids-file", "none.txt"], "'none.txt' cannot be read: No such file or directory. Check the path."),
        (
            ["--run-ids-file", "-"],
            "Standard input has no run ids. Write one id a line, or a CSV with a column run_id.",
        ),
        (
            ["--run-ids-sql", "select id from processor_runs"],
            "The query failed: Catalog Error: Table with name processor_runs does not exist! Check the SQL.",
        ),
        (["--max-requests", "0"], "max_requests takes a whole number from 1 up."),
        (["--max-error-share", "7"], "max_error_share takes a number from 0 to 1, such as 0.5."),
        (["--source", "FAX"], "run_sources takes ADMIN, BATCH_PROCESSOR_RUN, PLAYGROUND, WORKFLOW_CONFIGURATION, "
                              "WORKFLOW_RUN, STUDIO, API; not 'FAX'."),
    ],
)  # fmt: skip
def test_wrong_ids_and_limits_are_one_line_and_exit_code_2(
    server: SandboxServer, tmp_path: Path, command: str, arguments: list[str], line: str
) -> None:
    outcome = run_shell(tmp_path, command, *arguments, **settings(server))

    assert (outcome.code, only_line(outcome), server.requests.total) == (2, line, 0)


def test_too_many_failures_are_one_line_and_exit_code_1(server: SandboxServer, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("\n".join(f"dpr_{number}" for number in range(25)))

    refused = run_shell(tmp_path, "sync", "--run-ids-file", "ids.txt", **settings(server))
    allowed = run_shell(tmp_path, "sync", "--run-ids-file", "ids.txt", "--max-error-share", "1", **settings(server))

    assert refused.code == 1
    *before, line = refused.stderr.splitlines()
    assert phases("\n".join(before)) == ["fetching: 25 of 25 runs, 25 failed, 25 requests", "loading: nothing new"]
    assert line.startswith(
        "extend-source: EXT-313: 25 of 25 runs could not be loaded, the first one as: EXT-215: GET /processor_runs/dpr_"
    )
    assert allowed.code == 3
    assert landed(tmp_path, "select count(*), max(attempts) from extend.fetch_errors") == [(25, 2)]


def test_a_reconcile_finds_what_a_sync_cannot_see(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", **settings(server))
    gone, edited, *_ = runs_of_status(server, "PROCESSED")
    server.workspace.delete_run(gone)
    server.workspace.edit_run(edited, touch_updated_at=False)
    more = {"SOURCES__EXTEND__REVIEW_WINDOW_DAYS": "5000"}

    unseen = run_shell(tmp_path, "sync", **settings(server, **more))
    seen = run_shell(tmp_path, "reconcile", **settings(server, **more))

    rechecked = 119 - len(runs_of_status(server, "PENDING", "PROCESSING"))
    assert (unseen.code, seen.code) == (0, 0)
    assert unseen.stdout.startswith("0 runs loaded, 119 already there")
    assert seen.stdout.splitlines()[1].startswith(
        f"Reconcile: 119 listed, 1 new or changed, 1 gone at the source, "
        f"1 of {rechecked} rechecked had changed unnoticed; watermark "
    )
    assert landed(tmp_path, "select id from extend.tombstones") == [(gone,)]


def test_a_reconcile_can_stop_at_a_limit_as_well(server: SandboxServer, tmp_path: Path) -> None:
    outcome = run_shell(tmp_path, "reconcile", "--json", "--max-requests", "10", **settings(server))

    assert (outcome.code, json_of(outcome)["mode"], json_of(outcome)["left"]) == (5, "reconcile", 111)


def test_a_rebuild_needs_neither_key_nor_request(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", "--keep-raw", **settings(server))
    fields = landed(tmp_path, "select count(*) from extend.extraction_fields")
    with duckdb.connect(str(tmp_path / "extend_pipeline.duckdb")) as connection:
        connection.execute("delete from extend.extraction_fields")
    server.requests.reset()

    outcome = run_shell(tmp_path, "rebuild", **NO_KEY)
    as_json = json_of(run_shell(tmp_path, "rebuild", "--json", **NO_KEY))

    assert (outcome.code, server.requests.total) == (0, 0)
    assert phases(outcome.stderr) == ["rebuilding: 120 of 120 runs, 0 failed", "loading: 120 runs"]
    assert outcome.stdout.startswith("120 runs and 0 files written anew, 0 failed in ")
    assert landed(tmp_path, "select count(*) from extend.extraction_fields") == fields
    assert (as_json["runs"], as_json["failed"], as_json["complete"]) == (120, 0, True)


def test_a_rebuild_of_one_group_writes_its_tables_alone(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", "--keep-raw", "--object", "runs", "--object", "workflows", **settings(server))
    with duckdb.connect(str(tmp_path / "extend_pipeline.duckdb")) as connection:
        (workflow_runs,) = connection.execute("select count(*) from extend.workflow_runs").fetchall()[0]
        connection.execute("delete from extend.workflow_runs")
        connection.execute("delete from extend.extraction_fields")

    outcome = run_shell(tmp_path, "rebuild", "--object", "workflows", **NO_KEY)

    assert (outcome.code, outcome.stdout.splitlines()[1]) == (
        0,
        f"{workflow_runs} workflow runs written anew, 0 failed",
    )
    assert landed(tmp_path, "select count(*) from extend.workflow_runs") == [(workflow_runs,)]
    assert landed(tmp_path, "select count(*) from extend.extraction_fields") == [(0,)]


def test_a_rebuild_without_payloads_is_one_line_and_exit_code_1(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", "--status", "FAILED", **settings(server))

    outcome = run_shell(tmp_path, "rebuild", **NO_KEY)

    assert (outcome.code, only_line(outcome)) == (
        1,
        "No payload has landed that tables could be rebuilt from. Set keep_raw = true under [sources.extend] and "
        "sync first.",
    )


def test_no_limit_of_requests_per_second_is_a_choice(server: SandboxServer, tmp_path: Path) -> None:
    environment = {**settings(server), "SOURCES__EXTEND__REQUESTS_PER_SECOND": "1"}

    outcome = run_shell(tmp_path, "plan", "--json", "--requests-per-second", "0", **environment)

    assert json_of(outcome)["minutes"] is None


HELD = r"Process \d+ \(\S+\) has the DuckDB file \S+ open\. Close it there, or wait, then run the command again\."


@pytest.fixture
def locked(tmp_path: Path, server: SandboxServer) -> Path:
    """A folder with a loaded database."""
    run_shell(tmp_path, "sync", "--run-id", runs_of_status(server, "FAILED")[0], **settings(server))
    return tmp_path


def test_a_database_that_another_process_has_open_is_one_line_and_exit_code_1(
    server: SandboxServer, locked: Path
) -> None:
    with duckdb.connect(str(locked / "extend_pipeline.duckdb")):
        outcomes = [
            run_shell(locked, command, *more, **settings(server))
            for command, *more in (["plan"], ["status"], ["sync"], ["sync", "--run-ids-sql", "select 'dpr_1'"])
        ]

    for outcome in outcomes:
        assert re.fullmatch(HELD, only_line(outcome)), outcome
        assert outcome.code == 1
    assert server.requests.counts == {"get_run": 1}


def test_while_a_sync_is_under_way_others_leave_it_alone(server: SandboxServer, tmp_path: Path) -> None:
    slow = settings(server) | {"SOURCES__EXTEND__REQUESTS_PER_SECOND": "2"}  # takes a minute
    syncing = subprocess.Popen(
        [sys.executable, "-m", "extend_source", "sync"],
        cwd=tmp_path, env={**os.environ, **slow, "DLT_DATA_DIR": str(tmp_path / "dlt")},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while server.requests.counts.get("get_run", 0) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        second, status = (run_shell(tmp_path, command, **settings(server)) for command in ("sync", "status"))
        still_syncing = syncing.poll() is None
    finally:
        syncing.send_signal(signal.SIGINT)
        stdout, _ = syncing.communicate(timeout=60)

    assert still_syncing
    line = f"Pipeline extend_pipeline is being synced by another process ({syncing.pid}). "
    assert (second.code, only_line(second)) == (1, f"{line}Wait for it to end, or use another pipeline name.")
    assert (status.code, status.stderr, str(syncing.pid) in status.stdout) == (0, "", True)
    fetched = server.requests.counts["get_run"]
    assert (syncing.returncode, stdout.split(",")[0]) == (5, f"{fetched} runs loaded")


def test_the_sandbox_tells_machines_where_it_is(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "extend_source", "sandbox", "--runs", "3", "--json"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        plan = run_shell(
            tmp_path, "plan", "--json", SOURCES__EXTEND__BASE_URL=ready["base_url"],
            SOURCES__EXTEND__API_KEY=ready["api_key"],
        )  # fmt: skip
    finally:
        process.send_signal(2)
        process.wait(10)

    assert (ready["runs"], ready["seed"], json_of(plan)["runs"]) == (3, 7, 3)


def exported(heading: str) -> dict[str, str]:
    """The environment variables that the docs set below a heading."""
    block = page("how-to/small-machine.md").split(heading, 1)[1].split("```bash\n", 1)[1].split("```", 1)[0]
    return dict(re.findall(r"^ *export (\w+)='?([^'\n]+)'?$", block, flags=re.MULTILINE))


def test_a_sync_with_the_settings_for_a_small_machine_loads_all_runs(server: SandboxServer, tmp_path: Path) -> None:
    small = exported("## On a small machine")

    outcome = run_shell(tmp_path, "sync", **settings(server, **small))

    assert small == SETTINGS["small"]  # which is what the benchmarks measure
    assert (outcome.code, len(phases(outcome.stderr))) == (0, 3)
    assert landed(tmp_path, "select id from extend.processor_runs order by id") == [
        (run_id,) for run_id in sorted(server.workspace.run_ids())
    ]
