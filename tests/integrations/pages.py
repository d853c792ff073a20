"""The pages of docs/how-to, followed to the letter: their files written, their commands run, their output compared."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from extend_source.sandbox import SandboxServer

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

_BLOCK = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)
_COMMANDS, _OUTPUT = "sh", "output"
_VARYING = re.compile(r"\d+(?:\.\d+)? ?(?:seconds|s|ms)\b|\d\d:\d\d:\d\d")
_PASSED_ON = ("PATH", "TMPDIR", "JAVA_HOME")


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes:
        language: what it is written in.
        title: the name of the file that it is; empty: it is none.
        text: what it says.
    """

    language: str
    title: str
    text: str


def blocks(page: str) -> list[Block]:
    """The blocks of a page of docs/how-to, in order."""
    found = _BLOCK.finditer((ROOT / "docs" / "how-to" / page).read_text("utf-8"))
    return [Block(each["language"], each["title"] or "", each["text"]) for each in found]


def commands(page: str) -> list[str]:
    """The blocks of commands of a page, in order."""
    return [block.text for block in blocks(page) if block.language == _COMMANDS]


def write_files(page: str, folder: Path) -> None:
    """Put the files that a page shows in full into a folder."""
    for block in blocks(page):
        if block.title:
            _write(block, folder)


def environment(folder: Path, server: SandboxServer | None = None, **more: str) -> dict[str, str]:
    """The environment of a reader who has installed the package: nothing of the tests' own.

    Args:
        folder: the reader's home.
        server: the stand-in for the API, of which the reader has a key; None: the reader has none.
        **more: further variables, which win over these.
    """
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    key = {} if server is None else {"API_KEY": server.api_key, "BASE_URL": server.base_url, "REQUESTS_PER_SECOND": "0"}
    return {
        **passed_on,
        "PATH": os.pathsep.join((str(BIN), passed_on["PATH"])),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "DLT_DATA_DIR": str(folder / ".dlt-data"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DO_NOT_TRACK": "1",
        "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",  # see conftest.py
        **{f"SOURCES__EXTEND__{name}": value for name, value in key.items()},
        **more,
    }


def start(script: str, folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start commands in a shell that ends with the first one that fails, in a process group of its own."""
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(script: str, folder: Path, variables: Mapping[str, str], seconds: float = 300) -> tuple[int, str]:
    """Run commands to their end; return the exit code and all output."""
    process = start(script, folder, variables)
    try:
        output, _ = process.communicate(timeout=seconds)
    finally:
        if process.poll() is None:
            kill(process)
    return process.returncode, output


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a shell and all that it has started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def follow(page: str, folder: Path, **more: str) -> None:
    """Run the commands of a page one block after the other, and compare what it shows.

    A block with a title is the file of that name. Of an output, lines between ``...`` are left out, and how long things
    take may differ.

    Args:
        page: the page's name in docs/how-to.
        folder: an empty folder to do it in.
        **more: environment variables.
    """
    variables, where, printed = environment(folder, **more), folder, ""
    for block in blocks(page):
        if block.title:
            _write(block, where)
        elif block.language == _COMMANDS:
            code, printed = run(f"{block.text}\npwd >'{folder}/.where'\n", where, variables)
            assert code == 0, f"{page}: {block.text}\n{printed}"
            where = Path((folder / ".where").read_text().strip())
        elif block.language == _OUTPUT:
            _assert_shown(block.text, printed, page)


def landed(folder: Path, sql: str = "select id from extend.processor_runs order by id") -> list[str]:
    """The first column of a query on the file of the pipeline."""
    with duckdb.connect(str(folder / "extend_pipeline.duckdb"), read_only=True) as connection:
        return [row[0] for row in connection.sql(sql).fetchall()]


def _write(block: Block, folder: Path) -> None:
    (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
    (folder / block.title).write_text(block.text, "utf-8")


def _assert_shown(shown: str, printed: str, page: str) -> None:
    """Fail unless the lines that a page shows were printed, in this order."""
    lines = iter(_settled(printed))
    for line in _settled(shown):
        if line.strip() != "...":
            assert any(line.strip() in other for other in lines), f"{page} shows {line!r}; printed:\n{printed}"


def _settled(text: str) -> list[str]:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [re.sub(r"-{3,}", "---", re.sub(r" +", " ", line)) for line in plain.splitlines() if line.strip()]
    return [_VARYING.sub("<time>", line) for line in lines]
