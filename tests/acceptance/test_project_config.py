"""The project's own `.dlt/config.toml` does what its comments say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from extend_source import rebuild
from tests.acceptance.scenes import small_server
from tests.acceptance.truth import assert_holds
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = pytest.mark.slow

server = small_server

CONFIG = Path(__file__).parents[2] / ".dlt" / "config.toml"


@pytest.fixture
def project_config(tmp_path: Path) -> None:
    """Have the settings of the project, as in its folder."""
    folder = tmp_path / ".dlt"
    folder.mkdir()
    shutil.copy(CONFIG, folder)
    Container()[PluggableRunContext].reload_providers()


def staged_rows(warehouse: AnyWarehouse) -> int:
    staging = f"{warehouse.dataset}_staging"
    with warehouse.reading():
        tables = warehouse.query(
            f"select table_name from information_schema.tables where table_schema = '{staging}'"
            " and table_name not like '!_dlt%' escape '!'"
        )
        assert ("processor_runs",) in tables
        return sum(warehouse.query(f'select count(*) from {staging}."{table}"')[0][0] for (table,) in tables)


def test_without_it_the_rows_of_the_last_load_stay_in_the_staging_dataset(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()

    assert staged_rows(any_warehouse) >= any_warehouse.count("extraction_fields") > 0


@pytest.mark.usefixtures("project_config")
def test_no_rows_stay_in_the_staging_dataset_and_every_load_is_whole(any_warehouse: AnyWarehouse) -> None:
    workspace = any_warehouse.server.workspace
    any_warehouse.sync(keep_raw=True)
    assert staged_rows(any_warehouse) == 0

    workspace.advance(86_400)
    changed = workspace.run_ids()[:5]
    for run_id in changed:
        workspace.edit_run(run_id)
    assert any_warehouse.sync(keep_raw=True).changed >= len(changed)
    assert staged_rows(any_warehouse) == 0
    any_warehouse.execute("delete from extraction_fields")
    rebuild(any_warehouse.pipeline)

    assert staged_rows(any_warehouse) == 0
    assert_holds(any_warehouse, loaded_tables="standard,raw_payloads")
