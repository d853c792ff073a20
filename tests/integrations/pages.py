"""Pages of the docs, followed as they are written: their commands run, and what the page shows is compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

_BLOCK = re.compile(r"^```(bash|output|python)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARYING = re.compile(r"\d+(?:\.\d+)? ?(?:seconds|s|ms)\b|\d\d:\d\d:\d\d")


@dataclass
class Followed:
    """What came of following a page.

    Attributes:
        folder: where its commands ran.
        printed: what each block of commands printed.
    """

    folder: Path
    printed: list[str]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a reader who has installed the package: nothing of the tests' own."""
    passed_on = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "JAVA_HOME") if name in os.environ}
    return {
        **passed_on,
        "PATH": os.pathsep.join((str(BIN), passed_on["PATH"])),
        "HOME": str(folder),
        "DLT_DATA_DIR": str(folder / ".dlt-data"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DO_NOT_TRACK": "1",
        "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",  # see conftest.py
        **more,
    }


def follow(page: str, folder: Path, **more: str) -> Followed:
    """Run the commands of a page of docs/ one block after the other, and compare what it shows.

    A Python block with a title is the file of that name. Of an output, lines between ``...`` are left out, and how
    long things take may differ.

    Args:
        page: the page's path in docs/.
        folder: an empty folder to do it in.
        **more: environment variables.

    Returns:
        What was printed.
    """
    text = (ROOT / "docs" / page).read_text("utf-8")
    printed: list[str] = []
    where = folder
    for kind, title, block in _BLOCK.findall(text):
        if kind == "python":
            (where / title).write_text(block)
        elif kind == "bash":
            script = f"set -e\ncd '{where}'\n{block}\npwd >'{folder}/.where'\n"
            done = subprocess.run(
                ["bash", "-c", script],
                env=environment(folder, **more),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, f"{page}: {block}\n{done.stdout}"
            where = Path((folder / ".where").read_text().strip())
            printed.append(done.stdout)
        else:
            assert_shown(block, printed[-1], page)
    return Followed(folder, printed)


def assert_shown(shown: str, printed: str, page: str) -> None:
    """Fail unless the lines that a page shows were printed, in this order."""
    lines = iter(_settled(printed))
    for line in _settled(shown):
        if line.strip() != "...":
            assert any(line.strip() in other for other in lines), f"{page} shows {line!r}; printed:\n{printed}"


def _settled(text: str) -> list[str]:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [re.sub(r"-{3,}", "---", re.sub(r" +", " ", line)) for line in plain.splitlines() if line.strip()]
    return [_VARYING.sub("<time>", line) for line in lines]
