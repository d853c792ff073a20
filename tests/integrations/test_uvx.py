"""The command from nothing: by uvx, from a git repository, on a machine that has only uv."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.integrations.pages import ROOT

pytestmark = pytest.mark.integrations


def test_the_demo_runs_from_a_repository_and_the_extras_of_before_can_be_named(tmp_path: Path) -> None:
    repository = tmp_path / "source"
    shutil.copytree(ROOT, repository, ignore=shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "__*__"))
    own = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
    for command in (["init", "--quiet"], ["add", "--all"], [*own, "commit", "--quiet", "--message", "All"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    folder = tmp_path / "nothing"
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL", "DLT"))}
    environment = {
        **kept,
        "HOME": str(folder),
        "PATH": os.pathsep.join((str(Path(find_uv_bin()).parent), "/usr/bin", "/bin")),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_PYTHON": sys.base_prefix + "/bin/python3",
        "UV_SYSTEM_CERTS": "1",
    }

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    demo = run(f'uvx --from "git+file://{repository}" extend-source demo --runs 40')
    assert demo.returncode == 0, demo.stderr
    assert "40 runs loaded" in demo.stdout
    assert (folder / "extend_demo.duckdb").is_file()

    older = run(f'uvx --from "dlt-source-extend[sandbox,listen] @ git+file://{repository}" extend-source --version')
    assert (older.returncode, "warning" in older.stderr) == (0, False), older.stderr
