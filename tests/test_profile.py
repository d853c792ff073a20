"""A profile without samples is a failure."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import profile

IDLE = "thread (x.py:1);_worker (concurrent/futures/thread.py:81) 400\n"
BUSY = IDLE + "thread (x.py:1);add (extend_source/tables/runs.py:9) 3\nthread (x.py:1);load (dlt/load/load.py:5) 1\n"


def main(samples: str | None, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profile, where py-spy writes these samples and ends with this code."""

    @contextmanager
    def serving(*_: Any) -> Iterator[str]:
        yield "http://127.0.0.1:9"

    def run(command: list[Any], **_: Any) -> subprocess.CompletedProcess[str]:
        if samples is not None:
            Path(command[command.index("--output") + 1]).write_text(samples)
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(profile, "serving", serving)
    monkeypatch.setattr(profile.subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["profile", "--runs", "50"])
    profile.main()


@pytest.mark.case("5.11")
@pytest.mark.parametrize(
    ("samples", "code", "line"),
    [
        ("", 0, "py-spy took no samples of a thread at work: the machine is too busy, so profile it again."),
        (IDLE, 0, "py-spy took no samples of a thread at work: the machine is too busy, so profile it again."),
        (None, 0, "py-spy took no samples of a thread at work: the machine is too busy, so profile it again."),
        (BUSY, 1, "py-spy, or the sync under it, ended with exit code 1: profile it again."),
    ],
)
def test_a_profile_without_samples_fails_with_one_line_and_prints_no_table(
    samples: str | None,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(samples, code, monkeypatch)

    assert caught.value.code == f"benchmarks.profile: {line}"  # a text ends a program with exit code 1
    assert capsys.readouterr().out == ""


@pytest.mark.case("5.11")
def test_a_profile_shows_what_threads_worked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(BUSY, 0, monkeypatch)

    assert capsys.readouterr().out.splitlines() == [
        "50 runs of extract-79k:",
        "",
        "| what for | share |",
        "|---|---|",
        "| flattening into rows | 75.0% |",
        "| dlt: load | 25.0% |",
    ]
