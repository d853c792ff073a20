"""The dbt package, built by dbt itself on DuckDB and PostgreSQL."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import duckdb
import pytest
import yaml

from extend_source.api import CURRENT_VERSION
from extend_source.config.groups import DEFAULT_GROUPS, GROUPS
from extend_source.reports.models import MODELS
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import new_database, postgres, postgres_server  # noqa: F401
from tests.acceptance.warehouse import PostgresWarehouse, Warehouse
from tests.integrations.pages import BIN, ROOT, environment, follow

pytestmark = pytest.mark.integrations

PACKAGE = ROOT / "dbt"
NOT_BY_DEFAULT = {"evaluation_trend"}
"""The models of groups that are not loaded by default."""


@dataclass
class Project:
    """The package and a database.

    Attributes:
        folder: where dbt writes.
        output: the database, as profiles name it.
    """

    folder: Path
    output: dict[str, object]

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dbt; a warning is an error."""
        (self.folder / "profiles.yml").write_text(
            yaml.safe_dump({"extend": {"target": "here", "outputs": {"here": {**self.output, "schema": "analytics"}}}})
        )
        return subprocess.run(
            [
                str(BIN / "dbt"),
                "--warn-error",
                "--no-use-colors",
                *arguments,
                *("--project-dir", str(PACKAGE), "--profiles-dir", str(self.folder)),
                *("--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs")),
            ],
            env=environment(self.folder),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def results(self) -> dict[str, str]:
        """The status of what dbt did last, by the name of the model or test."""
        results = json.loads((self.folder / "target" / "run_results.json").read_text())["results"]
        return {result["unique_id"].split(".")[2]: result["status"] for result in results}


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Runs of the older generation in DuckDB."""
    with SandboxServer(runs=120) as server:
        warehouse = Warehouse(server, tmp_path_factory.mktemp("landed"))
        warehouse.sync(file_contents="fetch")
        yield warehouse


@pytest.fixture
def project(landed: Warehouse, tmp_path: Path) -> Project:
    """The package on a copy of what has landed in DuckDB."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{landed.database}' as landed (read_only); attach '{tmp_path}/own.duckdb' as own")
        connection.execute("copy from database landed to own")
    return Project(tmp_path, {"type": "duckdb", "path": str(tmp_path / "own.duckdb"), "threads": 2})


def in_postgres(address: str) -> dict[str, object]:
    """A database of PostgreSQL as dbt's profiles name it."""
    parts = urlsplit(address)
    (folder,) = parse_qs(parts.query)["host"]
    user = {"user": unquote(parts.username or ""), "password": unquote(parts.password or "none")}
    return {"type": "postgres", "host": folder, "port": 5432, "dbname": parts.path[1:], **user, "threads": 2}


def rows(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_page_on_dbt_can_be_followed_and_its_models_are_the_ones_of_extend_source(tmp_path: Path) -> None:
    (tmp_path / "dlt-source-extend").symlink_to(ROOT)
    follow("dbt.md", tmp_path)

    database = tmp_path / "extend_demo.duckdb"
    with SandboxServer(runs=300, now=datetime(2026, 2, 2, 9, tzinfo=timezone.utc)) as server:
        runs = [server.workspace.run_payload(run_id) for run_id in server.workspace.run_ids()]
    of_files = {(run["id"], place, file["id"]) for run in runs for place, file in enumerate(run["files"])}
    without = {(run["id"], 0, None) for run in runs if not run["files"]}
    assert set(rows(database, "select run_id, file_position, file_id from analytics.documents")) == of_files | without
    made = [str(BIN / "extend-source"), "models", "--pipeline", "extend_demo"]
    subprocess.run(made, cwd=tmp_path, env=environment(tmp_path), check=True, stdout=subprocess.DEVNULL)
    for name in set(MODELS) - NOT_BY_DEFAULT:
        theirs, ours = f"from analytics.{name}", f"from extend.{name}"
        assert rows(database, f"select count(*) {ours}")[0][0] > 0, name
        for one, other in ((theirs, ours), (ours, theirs)):
            assert rows(database, f"select * {one} except all select * {other}") == [], name


def test_all_is_built_and_tested_on_postgresql_with_parse_runs_of_the_newer_generation(
    tmp_path: Path,
    postgres: str,  # noqa: F811
) -> None:
    project = Project(tmp_path, in_postgres(postgres))
    with SandboxServer(runs=120) as server:
        warehouse = PostgresWarehouse(server, tmp_path, postgres)
        warehouse.sync(api_version=CURRENT_VERSION, objects=list(GROUPS))
        assert warehouse.count("parse_chunks") > 0
        assert warehouse.count("workflow_runs") > 0

    others = yaml.safe_dump({"extend_objects": sorted(set(GROUPS) - set(DEFAULT_GROUPS))})
    built = project.dbt("build", "--vars", others)
    assert built.returncode == 0, built.stdout
    assert set(project.results().values()) == {"success", "pass", "no-op"}
    fresh = project.dbt("source", "freshness")
    assert fresh.returncode == 0, fresh.stdout
    assert "PASS freshness of extend.sync_log" in fresh.stdout


def test_what_is_damaged_fails_the_test_of_it(project: Project) -> None:
    damaged = {
        "dlt_source_extend_source_unique_together_extend_extraction_fields_run_id__path": (
            "insert into extend.extraction_fields select * from extend.extraction_fields limit 1"
        ),
        "source_unique_extend_processor_runs_id": (
            "insert into extend.processor_runs select * from extend.processor_runs limit 1"
        ),
        "source_relationships_extend_processor_run_files_file_id__id__source_extend_files_": (
            "delete from extend.files where id = (select min(file_id) from extend.processor_run_files)"
        ),
        "source_accepted_values_extend_extraction_edits_basis__reported__computed__both": (
            "update extend.extraction_edits set basis = 'guessed'"
        ),
    }
    assert project.dbt("test", "--select", *damaged).returncode == 0
    assert project.results() == dict.fromkeys(damaged, "pass")

    with duckdb.connect(str(project.folder / "own.duckdb")) as connection:
        for damage in damaged.values():
            connection.execute(damage)
    assert project.dbt("test", "--select", *damaged).returncode == 1
    assert project.results() == dict.fromkeys(damaged, "fail")


def test_an_old_log_is_no_longer_fresh(project: Project) -> None:
    with duckdb.connect(str(project.folder / "own.duckdb")) as connection:
        connection.execute("update extend.sync_log set fetched_at = fetched_at - interval 51 hour")

    aged = project.dbt("source", "freshness")
    assert aged.returncode == 1
    assert "ERROR STALE freshness of extend.sync_log" in aged.stdout
