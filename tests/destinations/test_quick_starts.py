"""The quick starts of the docs, done as they are written; only the address of a server is that of the test's own."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from extend_source.sandbox import SandboxServer
from tests.acceptance.shell import run_shell
from tests.acceptance.test_shell import settings
from tests.destinations.places import require

PAGES = Path(__file__).parents[2] / "docs" / "how-to" / "destinations"
ADDRESS = re.compile(r'(?<=credentials = ").*localhost.*(?=")')

RUNS = 12

LAKES = {"delta-iceberg": "delta", "ducklake": "ducklake"}


def quick_start(name: str) -> tuple[str, list[list[str]]]:
    """The secrets block of a quick start, and the arguments of each ``extend-source`` in it."""
    text = (PAGES / f"{name}.md").read_text("utf-8")
    (secrets,) = re.findall(r"```toml\n# \.dlt/secrets\.toml\n(.*?)```", text, re.DOTALL)
    commands = re.findall(r"^extend-source (.*)$", text, re.MULTILINE)
    assert commands, f"the quick start {name} has no command"
    return secrets, [command.partition(" > ")[0].split() for command in commands]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("postgres", marks=pytest.mark.thorough),
        *(
            pytest.param(name, marks=pytest.mark.destinations)
            for name in ("sqlite", "mysql", "parquet", "delta-iceberg")
        ),
        pytest.param("ducklake", marks=pytest.mark.ducklake),
    ],
)
def test_a_quick_start_loads_all_runs(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    secrets, commands = quick_start(name)
    if name == "postgres":
        secrets = ADDRESS.sub(request.getfixturevalue("postgres"), secrets)
    elif name == "mysql":
        require("mysql")
        secrets = ADDRESS.sub(request.getfixturevalue("mysql_database")(), secrets)
    elif name == "sqlite":
        require("sqlite")
    elif name in LAKES:
        require(LAKES[name])
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / ".duckdb").symlink_to(Path.home() / ".duckdb")  # has the extensions
    secrets = secrets.replace("file:///tmp/extend-", f"{tmp_path.as_uri()}/extend-")
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(secrets)
    shutil.copy(PAGES.parents[2] / ".dlt" / "config.toml", tmp_path / ".dlt")

    with SandboxServer(runs=RUNS) as server:
        outcomes = [run_shell(tmp_path, *command, **settings(server)) for command in commands]
        place = commands[0][1:]
        again = run_shell(tmp_path, "sync", *place, **settings(server))
        credits = run_shell(tmp_path, "report", "credits", *place, "--from", "2020-01-01", "--json")
        others = [run_shell(tmp_path, *command, *place) for command in (("report", "quality"), ("views",))]

    assert [outcome.code for outcome in outcomes] == [0] * len(commands), outcomes[0].stderr
    assert outcomes[0].stdout.startswith(f"{RUNS} runs loaded, 0 already there, 0 failed"), outcomes[0].stdout
    is_compacted = any("compact" in command for command in commands)  # the sync after it looks at everything
    seen = (
        f"0 runs loaded, {RUNS} already there, 0 failed" if is_compacted else "Nothing new: the lists are as the last"
    )
    assert again.stdout.startswith(seen), again.stdout
    assert credits.code == 0, credits.stderr
    assert sum(group["runs"] for group in json.loads(credits.stdout)["groups"]) == RUNS
    assert [other.code for other in others] == [0, 0], [other.stderr for other in others]
    views = [outcome for command, outcome in zip(commands, outcomes, strict=True) if "views" in command]
    if views:
        with duckdb.connect() as connection:
            connection.execute(views[0].stdout)
            assert connection.execute("select count(*) from processor_runs_current").fetchone() == (RUNS,)
