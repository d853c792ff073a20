"""The package as users install it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points, version
from importlib.resources import files
from pathlib import Path

import pytest

import extend_source
from extend_source.cli import main

REPOSITORY = Path(__file__).parent.parent


def test_the_version_is_the_installed_one():
    assert extend_source.__version__ == version("dlt-source-extend")


def test_the_package_is_marked_as_typed():
    assert files("extend_source").joinpath("py.typed").is_file()


def test_the_command_extend_source_is_the_shell():
    (command,) = entry_points(group="console_scripts", name="extend-source")
    assert command.load() is main


def test_python_m_extend_source_is_the_shell():
    shell = subprocess.run(
        [sys.executable, "-m", "extend_source", "--version"], capture_output=True, text=True, check=True
    )
    assert shell.stdout == f"dlt-source-extend {extend_source.__version__}\n"


@pytest.fixture
def wheel(tmp_path: Path) -> zipfile.ZipFile:
    """Build the wheel in a copy of the checkout, where no earlier build has left anything."""
    source = tmp_path / "source"
    left_out = (".*", "venv", "build", "dist", "*.egg-info", "__pycache__", "*.duckdb*")
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns(*left_out))
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", str(source)]
    subprocess.run(pip_wheel, cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
    (built,) = tmp_path.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_the_package_with_all_its_data_files_and_the_licence_only(wheel: zipfile.ZipFile):
    package = REPOSITORY / "extend_source"
    expected = {
        path.relative_to(REPOSITORY).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    metadata = f"dlt_source_extend-{extend_source.__version__}.dist-info"
    with wheel:
        names = set(wheel.namelist())
    assert {name for name in names if not name.startswith(metadata)} == expected
    assert f"{metadata}/licenses/LICENSE" in names
