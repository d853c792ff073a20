"""The tests in `sdk_2026` pass with the vendor's SDK 1.20.0, which cannot be imported beside 0.2.0."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SDK = Path(sys.prefix) / "sdk-2026"


@pytest.mark.slow
def test_the_newer_sdk_agrees_with_the_stand_in() -> None:
    if not SDK.is_dir():
        pytest.fail("the newer SDK is missing; run: make .venv/.sdk-2026-installed")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "tests/sandbox/sdk_2026/bodies.py",
            "tests/sandbox/sdk_2026/client.py",
            "tests/sandbox/sdk_2026/workflows.py",
            "tests/sandbox/sdk_2026/objects.py",
            "tests/sandbox/sdk_2026/losslessness.py",
        ],
        cwd=REPOSITORY,
        env={**environment, "PYTHONPATH": str(SDK)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout
