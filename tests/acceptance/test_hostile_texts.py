"""Names and messages of third parties reach a terminal, a pipe and the tables, and are obeyed nowhere."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from extend_source.sandbox import Organization, SandboxServer, Workspace
from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.requests_log import LoggedRequest
from tests.acceptance.shell import run_shell
from tests.acceptance.warehouse import Warehouse

pytestmark = [pytest.mark.case("4.5"), pytest.mark.case("S4"), pytest.mark.case("S5"), pytest.mark.thorough]

MARKUP = "Bad [/nope] name, [link=https://evil.example]click[/link] :smile: [0] [bold]b[/bold]"
ESCAPES = "\x1b]0;owned\x07\x1b[31mred\x9b0m \u202eecilA\u2066 \u200btwo\nlines"
ESCAPES_SHOWN = "�]0;owned��[31mred�0m �ecilA� �two lines"
LONG = "Rechnungen_der_Nordwestdeutschen_Versicherungsgesellschaft_" * 2

OBEYED = "\x07\x9b\u202e\u2066\u200b"
FROM_THE_BEGINNING = ("--from", "2025-01-01", "--to", "2026-03-01")


@pytest.fixture(scope="module")
def loaded() -> Iterator[Warehouse]:
    """A warehouse whose processors, fields and messages were named by somebody with bad intentions."""
    workspace = Workspace(runs=0)
    with SandboxServer(workspaces=[workspace]) as server, tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate((MARKUP, ESCAPES, LONG)):
            run = {
                "object": "processor_run",
                "id": f"dpr_{number}",
                "processorId": f"dp_{number}",
                "processorVersionId": "dpv_" + "v" * 40,
                "processorName": name,
                "type": "EXTRACT",
                "status": "PROCESSED",
                "config": {},
                "output": {"value": {name: "x"}, "metadata": {}},
                "usage": {"credits": 2},
                "files": [],
                "url": "https://dashboard.extend.ai/runs/1",
                "createdAt": "2026-02-01T10:00:00Z",
                "updatedAt": "2026-02-01T10:00:00Z",
            }
            workspace.put_run(run)
        workspace.add_run()

        def refuse(organization: Organization, request: LoggedRequest) -> None:
            if request.path.startswith("/processor_runs/") and not request.path.endswith(("_0", "_1", "_2")):
                raise ApiError(422, f"{MARKUP} {ESCAPES}")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Organization, "announce", refuse)
            warehouse = Warehouse(server, Path(folder))
            warehouse.sync()
            yield warehouse


def shell(warehouse: Warehouse, *arguments: str, **environment: str) -> str:
    """The piped output of a command."""
    outcome = run_shell(
        warehouse.folder,
        *arguments,
        **environment,
        SOURCES__EXTEND__API_KEY=warehouse.server.api_key,
        SOURCES__EXTEND__BASE_URL=warehouse.server.base_url,
    )
    assert outcome.code in (0, 3), outcome.stderr
    return outcome.stdout + outcome.stderr


def on_a_terminal(warehouse: Warehouse, *arguments: str) -> str:
    """What a command writes to a terminal of 200 columns."""
    ours, theirs = pty.openpty()
    (warehouse.folder / "home").mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(warehouse.folder / "home"),
        "DLT_DATA_DIR": str(warehouse.folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "COLUMNS": "200",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "SOURCES__EXTEND__API_KEY": warehouse.server.api_key,
        "SOURCES__EXTEND__BASE_URL": warehouse.server.base_url,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "extend_source", *arguments],
        cwd=warehouse.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        output = b""
        with suppress(OSError):  # the end of a terminal
            while piece := os.read(ours, 65_536):
                output += piece
    os.close(ours)
    assert process.returncode in (0, 3), output
    return output.decode()


PLACE = ("--pipeline", "warehouse")
COMMANDS = {
    "credits": ("report", "credits", *PLACE, *FROM_THE_BEGINNING),
    "credits by the listing": ("report", "credits", *PLACE, *FROM_THE_BEGINNING, "--from-listing"),
    "quality": ("report", "quality", *PLACE, "--query", "field_fill_rate"),
}


@pytest.mark.core
@pytest.mark.case("5.5")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_pipe_gets_every_name_as_text_and_whole_however_narrow(loaded: Warehouse, command: tuple[str, ...]) -> None:
    output = shell(loaded, *command, COLUMNS="20")

    lines = output.splitlines()
    for name in (MARKUP, ESCAPES_SHOWN, LONG):
        assert [line for line in lines if line.startswith(f"{name} ")], name
    assert not set(output) & {*OBEYED, "\x1b", "…"}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_terminal_shows_names_and_obeys_none(loaded: Warehouse, command: tuple[str, ...]) -> None:
    output = on_a_terminal(loaded, *command)

    assert "Bad [/nope]" in output
    assert "click[/link]" in output
    assert "�]0;owned��[31mred�0m" in output
    assert not set(output) & set(OBEYED)
    assert "\x1b]" not in output
    assert "\x1b[31mred" not in output


@pytest.mark.slow
@pytest.mark.core
def test_a_message_of_the_api_is_stored_and_shown_on_one_line_that_nobody_obeys(loaded: Warehouse) -> None:
    [(run_id, message)] = loaded.query("select id, message from fetch_errors")
    says = f"{MARKUP} {ESCAPES_SHOWN}"
    assert message.startswith(f"GET /processor_runs/{run_id}: the Extend API answered 422: {says}")
    (shown,) = [line for line in shell(loaded, "sync", *PLACE).splitlines() if line.startswith(f"  {run_id}: ")]
    assert shown.startswith(f"  {run_id}: EXT-216: GET /processor_runs/{run_id}")
    assert "\x1b]" not in on_a_terminal(loaded, "sync", *PLACE)


def test_tables_and_json_have_the_exact_names(loaded: Warehouse) -> None:
    names = {name for (name,) in loaded.query("select processor_name from processor_runs")}
    assert names == {MARKUP, ESCAPES, LONG}
    report = json.loads(shell(loaded, *COMMANDS["credits"], "--json"))
    refused = {name for (name,) in loaded.query("select processor_name from processor_run_summaries")} - names
    assert len(refused) == 1  # the run that could not be fetched counts as its list says
    assert {group["name"] for group in report["groups"]} == names | refused


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_locale_without_the_letters_of_a_name_ends_no_report(loaded: Warehouse, encoding: str) -> None:
    output = shell(loaded, *COMMANDS["credits"], PYTHONIOENCODING=encoding)
    assert "\\ufffd]0;owned\\ufffd\\ufffd[31mred" in output


@pytest.mark.case("5.5")
def test_piped_help_names_every_option_whole_however_narrow(tmp_path: Path) -> None:
    lines = run_shell(tmp_path, "sync", "--help", COLUMNS="20").stdout.splitlines()
    assert [line for line in lines if "--requests-per-second" in line and "The request budget; 0: no limit." in line]
    assert not [line for line in lines if "…" in line]
