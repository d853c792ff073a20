"""The package as users install it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import entry_points, version
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

import extend_source
from extend_source.cli import main

REPOSITORY = Path(__file__).parent.parent
LEFT_OUT = (".*", "venv", "build", "dist", "*.egg-info", "__pycache__", "*.duckdb*")


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
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns(*LEFT_OUT))
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", str(source)]
    subprocess.run(pip_wheel, cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
    (built,) = tmp_path.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_sdist_holds_the_package_and_what_is_said_of_it_and_no_half_of_the_tests(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns(*LEFT_OUT))
    build = "import setuptools.build_meta as b; b.build_sdist('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=source, stdout=subprocess.DEVNULL, check=True)
    (built,) = (source / "dist").glob("*.tar.gz")
    with tarfile.open(built) as sdist:
        files = [member.name for member in sdist.getmembers() if member.isfile()]
    names = {name.partition("/")[2] for name in files if "egg-info" not in name}
    package = {name for name in names if name.startswith("extend_source/")}
    assert {path.relative_to(REPOSITORY).as_posix() for path in data_files()} <= package
    assert names - package == {
        *("CHANGELOG.md", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"),
    }


def test_the_versions_of_the_package_and_of_dbt_s_are_one() -> None:
    project = (REPOSITORY / "dbt" / "dbt_project.yml").read_text("utf-8")
    assert f"\nversion: {extend_source.__version__}\n" in project


def test_the_workflows_run_what_make_has() -> None:
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE)
    workflows = {path.name: yaml.safe_load(path.read_text()) for path in (REPOSITORY / ".github/workflows").glob("*")}
    assert set(workflows) == {"test.yml", "release.yml"}
    jobs = [job for workflow in workflows.values() for job in workflow["jobs"].values()]
    made = [step["run"].split()[1] for job in jobs for step in job.get("steps", ()) if "make " in step.get("run", "")]
    assert {"test", "test-integrations", "docs", "dist"} <= set(made) <= set(targets)
    publish = workflows["release.yml"]["jobs"]["publish"]
    assert (publish["needs"], publish["permissions"]) == ("build", {"id-token": "write"})
    assert "secrets." not in (REPOSITORY / ".github/workflows/release.yml").read_text("utf-8")


def data_files() -> list[Path]:
    """All files of the package."""
    package = REPOSITORY / "extend_source"
    return [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


@pytest.mark.slow
def test_the_wheel_holds_the_package_with_all_its_data_files_and_the_licence_only(wheel: zipfile.ZipFile):
    expected = {path.relative_to(REPOSITORY).as_posix() for path in data_files()}
    metadata = f"dlt_source_extend-{extend_source.__version__}.dist-info"
    with wheel:
        names = set(wheel.namelist())
    assert {name for name in names if not name.startswith(metadata)} == expected
    assert f"{metadata}/licenses/LICENSE" in names
