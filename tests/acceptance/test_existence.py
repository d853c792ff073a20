"""A pipeline or dataset that does not exist is told from one that holds nothing, and looking for it leaves no trace."""

from __future__ import annotations

import os
from pathlib import Path

import dlt
import pytest
from typer.testing import CliRunner, Result

from extend_source import extend_source
from extend_source.cli import app
from extend_source.cli.existence import require_existing
from extend_source.errors import UsageError
from extend_source.sandbox import SandboxServer
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse

pytestmark = [pytest.mark.thorough, pytest.mark.case("5.1")]

READERS = [
    ["status"],
    ["status", "--json"],
    ["status", "--max-age", "2h"],
    ["report", "credits"],
    ["report", "quality"],
    ["views"],
    ["models"],
    ["rebuild"],
    ["migrate"],
    ["erase", "--run-id", "dpr_1"],
]


@pytest.fixture(autouse=True)
def known_settings(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the settings in the environment, as in a shell."""
    monkeypatch.setenv("SOURCES__EXTEND__API_KEY", server.api_key)
    monkeypatch.setenv("SOURCES__EXTEND__BASE_URL", server.base_url)
    monkeypatch.setenv("SOURCES__EXTEND__REQUESTS_PER_SECOND", "0")


@pytest.fixture
def server():
    with SandboxServer(runs=3) as server:
        yield server


def shell(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, arguments)


def traces(folder: Path) -> set[str]:
    """All files of a folder but those of pytest."""
    return {str(Path(place, name).relative_to(folder)) for place, _, names in os.walk(folder) for name in names}


def synced(*arguments: str) -> None:
    assert shell("sync", *arguments).exit_code == 0


@pytest.mark.core
@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_a_command_that_reads_refuses_a_pipeline_that_does_not_exist_and_leaves_no_trace(
    command: list[str], tmp_path: Path
) -> None:
    before = traces(tmp_path)

    outcome = shell(*command, "--pipeline", "nowhere")

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr == (
        "extend-source: EXT-111: There is no pipeline 'nowhere' with a dataset 'extend' in duckdb "
        f"duckdb:///{tmp_path}/nowhere.duckdb. Run extend-source sync first.\n"
    )
    assert traces(tmp_path) == before


@pytest.mark.slow
@pytest.mark.core
def test_the_pipelines_and_datasets_that_exist_are_named(tmp_path: Path) -> None:
    synced()
    synced("--pipeline", "second", "--dataset", "raw")
    dlt.pipeline("another_source", destination=dlt.destinations.duckdb("x.duckdb"), dataset_name="d").run(
        [{"n": 1}], table_name="t"
    )
    before = traces(tmp_path)

    wrong_name = shell("status", "--pipeline", "extend_pipelin")
    wrong_dataset = [shell("status", "--dataset", "extnd") for _ in range(2)]  # the first one changes nothing
    plan = shell("plan", "--pipeline", "extend_pipelin")
    right = shell("status")

    assert (wrong_name.exit_code, wrong_name.stderr) == (
        2,
        "extend-source: EXT-111: There is no pipeline 'extend_pipelin' with a dataset 'extend' in duckdb "
        f"duckdb:///{tmp_path}/extend_pipelin.duckdb. Pipelines on this machine: extend_pipeline, second. "
        "Name one with --pipeline, or run extend-source sync first.\n",
    )
    for outcome in wrong_dataset:
        assert (outcome.exit_code, outcome.stderr) == (
            2,
            "extend-source: EXT-111: Pipeline 'extend_pipeline' has no dataset 'extnd' in duckdb "
            f"duckdb:///{tmp_path}/extend_pipeline.duckdb: on this machine it loads into 'extend' of duckdb. "
            "Datasets: extend. Name it with --dataset.\n",
        )
    assert plan.exit_code == 0  # of its first sync
    assert plan.stderr == (
        "extend-source: EXT-113: Pipeline extend_pipelin is new here; those that have loaded: extend_pipeline, second.\n"
    )
    assert "Runs landed   3: " in right.stdout
    assert traces(tmp_path) == before


def test_a_sync_says_that_its_file_is_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"Pipeline extend_pipeline loads into {tmp_path}/extend_pipeline.duckdb, as it was first used there."
    first = shell("sync")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")

    second = shell("sync")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert line not in first.stderr
    assert line in second.stderr


def test_a_pipeline_of_another_destination_is_to_be_named_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
    synced("--destination", "filesystem", "--pipeline", "lake")

    outcome = shell("status", "--pipeline", "lake")

    assert outcome.exit_code == 2
    assert outcome.stderr.endswith(
        "on this machine it loads into 'extend' of filesystem. Name it with --destination filesystem.\n"
    )


def test_a_database_that_is_gone_is_told(tmp_path: Path) -> None:
    synced()
    (tmp_path / "extend_pipeline.duckdb").unlink()

    outcomes = [shell(*command) for command in READERS]

    line = (
        "extend-source: EXT-111: Pipeline 'extend_pipeline' has loaded into dataset 'extend' of duckdb "
        f"duckdb:///{tmp_path}/extend_pipeline.duckdb, which is not there any more. "
        "Run extend-source sync to load it anew.\n"
    )
    assert {(outcome.exit_code, outcome.stderr) for outcome in outcomes} == {(2, line)}
    assert not (tmp_path / "extend_pipeline.duckdb").exists()
    synced()
    assert "Runs landed   3: " in shell("status").stdout


def test_a_pipeline_whose_first_sync_failed_or_waits_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__EXTEND__API_KEY", "sk_wrong")
    assert shell("sync").exit_code == 4
    failed = shell("status", "--json")
    monkeypatch.setenv("SOURCES__EXTEND__API_KEY", "sk_sandbox")
    dlt.pipeline("extend_pipeline", destination="duckdb", dataset_name="extend").extract(extend_source())
    waiting = shell("status", "--json")

    assert failed.exit_code == 0
    assert waiting.exit_code == 0
    assert '"pending_loads": 1' in waiting.stdout


def test_what_another_machine_has_loaded_exists(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    there = any_warehouse.on_another_machine().pipeline

    require_existing(there, any_warehouse.folder / "no pipelines")


def test_a_database_names_its_pipelines_and_datasets(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    pipeline = any_warehouse.pipeline

    def opened(name: str, dataset: str) -> dlt.Pipeline:
        folder = str(any_warehouse.folder / f"{name}-{dataset}")
        return dlt.pipeline(name, destination=pipeline.destination, dataset_name=dataset, pipelines_dir=folder)

    def complaint(name: str, dataset: str, folder: Path) -> str:
        with pytest.raises(UsageError) as caught:
            require_existing(opened(name, dataset), folder)
        return str(caught.value)

    nowhere = any_warehouse.folder / "no pipelines"
    if isinstance(any_warehouse, PostgresWarehouse):
        assert complaint("other", any_warehouse.dataset, nowhere).endswith(
            f"Pipelines in that dataset: extend. Datasets: {any_warehouse.dataset}. "
            "Name one with --pipeline, or run extend-source sync first."
        )
    else:  # a file may have been copied, and then bears another name
        require_existing(opened("other", any_warehouse.dataset), nowhere)
    assert complaint("extend", "other", nowhere).endswith(
        f"Datasets: {any_warehouse.dataset}. Name one with --pipeline, or run extend-source sync first."
    )
    assert complaint("extend", "other", any_warehouse.pipelines).endswith(
        f"Datasets: {any_warehouse.dataset}. Name it with --dataset."
    )
