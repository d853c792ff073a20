"""The hint that names an extra works wherever the package is installed, and came from wherever."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from extend_source.cli import app, notebook
from extend_source.config import installation

BY_NAME = 'pip install "dlt-source-extend[explore]"'


def installed_from(origin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that pip has noted this about where the package came from."""

    class Distribution:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return origin if origin is None or isinstance(origin, str) else json.dumps(origin)

    monkeypatch.setattr(installation, "distribution", lambda name: Distribution())


@pytest.mark.case("5.6")
@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, BY_NAME),
        ("not json", BY_NAME),
        ({"url": "file:///home/me/checkout", "dir_info": {"editable": True}}, BY_NAME),
        ({"url": "file:///home/me/clone", "vcs_info": {"vcs": "git", "commit_id": "abc"}}, BY_NAME),
        ({"url": "https://files.example/x.whl", "archive_info": {}}, BY_NAME),
        (
            {"url": "https://git.example/me/source.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            'pip install "dlt-source-extend[explore] @ git+https://git.example/me/source.git"',
        ),
        (
            {"url": "https://me:token@git.example/source.git", "vcs_info": {"vcs": "git", "requested_revision": "v1"}},
            'pip install "dlt-source-extend[explore] @ git+https://git.example/source.git@v1"',
        ),
        (
            {"url": "ssh://git@git.example/source.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            'pip install "dlt-source-extend[explore] @ git+ssh://git@git.example/source.git"',
        ),
    ],
)
def test_an_extra_is_installed_by_name_or_from_the_repository_that_the_package_came_from(
    origin: Any, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed_from(origin, monkeypatch)

    assert installation.install_command("explore") == command


@pytest.mark.parametrize(
    ("prefix", "note", "command"),
    [
        ("tools/dlt-source-extend", "uv-receipt.toml", 'uv tool install --force "{}"'),
        ("venvs/dlt-source-extend", "pipx_metadata.json", 'pipx install --force "{}"'),
        ("archive-v0/uXy3", "pyvenv.cfg", 'uvx --from "{}" extend-source'),
        ("project/.venv", "pyvenv.cfg", 'pip install "dlt-source-extend[explore]"'),
    ],
)
def test_in_an_environment_of_uv_or_pipx_it_is_their_command(
    prefix: str, note: str, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed_from({"url": "file:///home/me/clone", "vcs_info": {"vcs": "git", "commit_id": "abc"}}, monkeypatch)
    (tmp_path / prefix).mkdir(parents=True)
    (tmp_path / prefix / note).touch()
    monkeypatch.setattr(installation.sys, "prefix", str(tmp_path / prefix))

    from_clone = "dlt-source-extend[explore] @ git+file:///home/me/clone"
    assert installation.install_command("explore") == command.format(from_clone)


@pytest.mark.case("5.6")
def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "distribution", missing)

    assert installation.install_command("report") == 'pip install "dlt-source-extend[report]"'


def test_the_notebook_without_its_extra_names_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)

    ended = CliRunner().invoke(app, ["explore"])

    assert ended.exit_code == 2
    assert ended.stderr == f"extend-source: EXT-112: The notebook needs an extra. Run: {BY_NAME}\n"


@pytest.mark.skipif(find_spec("pyspark") is not None, reason="Spark is installed")
def test_the_module_for_spark_without_its_extra_names_what_to_run() -> None:
    with pytest.raises(ImportError, match=r'^Spark is not installed. Run: pip install "dlt-source-extend\[spark\]"$'):
        import_module("extend_source.integrations.spark")
