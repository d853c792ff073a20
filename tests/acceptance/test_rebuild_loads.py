"""A rebuild is made of loads that are bounded, hold what one load had brought together, and can be stopped."""

from __future__ import annotations

from typing import Any

import pytest

from extend_source import SyncProgress
from tests.acceptance.test_rebuild import EVERYTHING, assert_same, delete_everything, rebuilt, rows_of
from tests.acceptance.truth import assert_holds
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

pytestmark = pytest.mark.thorough


def test_loads_are_bounded_and_logged(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync(keep_raw=True, package_runs=50)
    before = rows_of(any_warehouse)
    delete_everything(any_warehouse)
    progress = SyncProgress()

    result = rebuilt(any_warehouse, package_runs=50, progress=progress)

    assert_same(rows_of(any_warehouse), before)
    log = [row for row in any_warehouse.rows("sync_log") if row["mode"] == "rebuild"]
    names = ("runs_fetched", "runs_changed", "runs_pending", "requests", "watermark_before", "watermark_after")
    assert [tuple(row[name] for name in names) for row in log] == [
        (50, 50, 70, 0, None, None),
        (50, 50, 20, 0, None, None),
        (20, 20, 0, 0, None, None),
    ]
    assert [row["load_id"] for row in log] == result.load_ids
    assert {row["sync_id"] for row in log} == {result.load_ids[0]}
    assert (progress.mode, progress.wanted, progress.runs_done, progress.packages) == ("rebuild", 120, 120, 3)


@pytest.mark.parametrize(
    ("settings", "loads"),
    [
        ({"package_runs": 30}, 5),
        ({"package_runs": 110}, 3),
        ({"package_runs": 2000}, 1),
        ({"package_megabytes": 0.000_001}, 3),
        ({"package_megabytes": float("inf")}, 1),
    ],
)
def test_what_one_load_brought_is_rebuilt_in_one_load_where_it_may_have_so_many_runs(
    warehouse: Warehouse, settings: dict[str, Any], loads: int
) -> None:
    warehouse.sync(keep_raw=True, file_contents="fetch", package_runs=50)
    before = rows_of(warehouse)
    delete_everything(warehouse)

    result = rebuilt(warehouse, **settings)

    assert len(result.load_ids) == loads
    assert_holds(warehouse, file_contents="fetch", loaded_tables=EVERYTHING)
    if settings.get("package_runs", 2000) > 50:
        assert_same(rows_of(warehouse), before)


def test_what_several_loads_brought_is_rebuilt_in_one_load_until_it_has_so_many_megabytes(warehouse: Warehouse) -> None:
    warehouse.sync(keep_raw=True, package_runs=50)
    before = rows_of(warehouse)
    delete_everything(warehouse)
    sizes = warehouse.query("select sum(length(payload)) from raw_payloads group by _dlt_load_id order by 1 desc")
    first, second, last = (int(size) for (size,) in sizes)

    result = rebuilt(warehouse, package_megabytes=(first + second / 2) / 1e6)

    log = [row["runs_fetched"] for row in warehouse.rows("sync_log") if row["mode"] == "rebuild"]
    assert log == [100, 20]
    assert last < second
    assert result.complete
    assert_same(rows_of(warehouse), before)


def test_a_rebuild_can_be_stopped_and_done_again(warehouse: Warehouse) -> None:
    warehouse.sync(keep_raw=True)
    before = rows_of(warehouse)
    delete_everything(warehouse)
    progress = SyncProgress(stop_requested=True)

    stopped = rebuilt(warehouse, progress=progress)

    assert (stopped.runs, stopped.left, stopped.complete) == (0, 120, False)
    assert [row["stopped_by"] for row in warehouse.rows("sync_log")] == [None, "request"]
    assert rebuilt(warehouse).complete
    assert_same(rows_of(warehouse), before)
