"""dlt's staging dataset where it is to be empty after each load."""

from __future__ import annotations

from pathlib import Path

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source.pipeline.staging import begin_filling
from extend_source.sandbox import SandboxServer
from tests.acceptance.scenes import break_table, mend_table, put_small_runs
from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.slow

LEFTOVER = "insert into extend_staging.splits (run_id, stage, position) values ('dpr_1', 'final', 0)"


def staged(warehouse: Warehouse) -> dict[str, int]:
    with warehouse.reading():
        tables = warehouse.query(
            "select table_name from information_schema.tables where table_schema = 'extend_staging'"
        )
        counts = {name: warehouse.query(f'select count(*) from extend_staging."{name}"')[0][0] for (name,) in tables}
    return {name: count for name, count in counts.items() if count and name != "_dlt_version"}


def test_rows_of_a_load_leave_the_staging_with_it_and_those_of_a_load_that_never_ended_with_the_next(
    empty_server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD__TRUNCATE_STAGING_DATASET", "true")
    put_small_runs(empty_server.workspace, 2)
    warehouse = Warehouse(empty_server, tmp_path)
    warehouse.sync()
    assert staged(warehouse) == {}

    warehouse.execute(LEFTOVER)
    begin_filling(warehouse.pipeline)
    warehouse.sync()
    assert staged(warehouse) == {}

    warehouse.execute(LEFTOVER)
    break_table(warehouse)
    put_small_runs(empty_server.workspace, 3)
    with pytest.raises(PipelineStepFailed):  # the load is given up, and noted by one of its own
        warehouse.sync(package_attempts=1)
    mend_table(warehouse)
    assert staged(warehouse) == {}

    warehouse.execute(LEFTOVER)
    warehouse.run()
    assert staged(warehouse) == {}

    warehouse.execute(LEFTOVER)
    warehouse.on_another_machine().sync()
    assert staged(warehouse) == {}
