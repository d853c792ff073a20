"""The pages of docs/, followed to the letter: their files written, their commands run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb

from extend_source.sandbox import SandboxServer

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)


def commands(page: str) -> list[str]:
    """The blocks of commands of a page, in order."""
    found = _BLOCK.finditer((ROOT / "docs" / "how-to" / page).read_text("utf-8"))
    return [block["text"] for block in found if block["language"] == "sh"]


def files(page: str) -> dict[str, str]:
    """The files that a page shows in full, by name."""
    found = _BLOCK.finditer((ROOT / "docs" / "how-to" / page).read_text("utf-8"))
    return {block["title"]: block["text"] for block in found if block["title"]}


def write_files(page: str, folder: Path) -> None:
    """Put the files of a page into a folder."""
    for name, text in files(page).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def environment(folder: Path, server: SandboxServer, **more: str) -> dict[str, str]:
    """The environment of a user who has installed the package and set a key; the network is the stand-in."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "DLT_DATA_DIR": str(folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "PROVIDERS__ENABLE_AIRFLOW_SECRETS": os.environ["PROVIDERS__ENABLE_AIRFLOW_SECRETS"],
        "SOURCES__EXTEND__API_KEY": server.api_key,
        "SOURCES__EXTEND__BASE_URL": server.base_url,
        "SOURCES__EXTEND__REQUESTS_PER_SECOND": "0",
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


def run(script: str, folder: Path, variables: Mapping[str, str], seconds: float = 180) -> tuple[int, str]:
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


def landed(folder: Path, sql: str = "select id from extend.processor_runs order by id") -> list[str]:
    """The first column of a query on the file of the pipeline."""
    with duckdb.connect(str(folder / "extend_pipeline.duckdb"), read_only=True) as connection:
        return [row[0] for row in connection.sql(sql).fetchall()]
