"""A load that is lost when only some of its tables have landed: its runs are fetched again, whatever the listing says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source.errors import InvalidSetting
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import fetched, make_open_warehouse, put_small_runs
from tests.acceptance.truth import assert_holds
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse

OLD = "dpr_old"


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A stand-in with 20 hours of runs and, before them, one that is still being processed."""
    with SandboxServer(runs=0) as server:
        put_small_runs(server.workspace, 20)
        put_old_run(server, "PROCESSING", None)
        yield server


def put_old_run(server: SandboxServer, status: str, total: int | None) -> None:
    """Serve the old run; the listing shows no change but its status."""
    schema = {"type": "object", "properties": {"total": {"type": "integer"}}}
    output = None if total is None else {"value": {"total": total}, "metadata": {}}
    run = {"id": OLD, "type": "EXTRACT", "status": status, "config": {"type": "EXTRACT", "schema": schema}}
    server.workspace.put_run({**run, "output": output}, created_at=server.workspace.now - timedelta(days=3))


@pytest.fixture
def torn(any_warehouse: AnyWarehouse, caplog: pytest.LogCaptureFixture) -> AnyWarehouse:
    """A warehouse that has refused one table of a load, in which the old run had ended."""
    caplog.set_level(logging.CRITICAL, "dlt")
    any_warehouse.sync()
    put_old_run(any_warehouse.server, "PROCESSED", 7)
    any_warehouse.execute("alter table extraction_fields alter column value_type type integer using 1")
    with pytest.raises(PipelineStepFailed):
        any_warehouse.sync()
    assert any_warehouse.query("select count(*) from extraction_fields") == [(0,)]
    any_warehouse.execute("alter table extraction_fields alter column value_type type text")
    any_warehouse.server.requests.reset()
    return any_warehouse


@pytest.mark.slow
@pytest.mark.core
def test_another_machine_fetches_the_runs_of_a_load_that_was_cut_off(torn: AnyWarehouse) -> None:
    result = torn.on_another_machine().sync()

    assert (result.mode, fetched(torn.server)) == ("incremental", [OLD])
    assert_holds(torn)
    assert torn.on_another_machine().sync().fetched == 0


def test_the_runs_of_a_load_that_was_dropped_are_fetched_by_the_next_sync(torn: AnyWarehouse) -> None:
    torn.execute("alter table extraction_fields alter column value_type type integer using 1")
    with pytest.raises(PipelineStepFailed):
        torn.sync(package_attempts=1)
    assert not torn.pipeline.has_pending_data
    torn.execute("alter table extraction_fields alter column value_type type text")
    torn.server.requests.reset()

    results = [torn.sync(), torn.sync()]

    assert [result.mode for result in results] == ["full", "incremental"]
    assert fetched(torn.server) == [OLD]
    assert_holds(torn)


@pytest.mark.parametrize("stage", ["extracted", "normalized"])
def test_a_load_whose_files_are_damaged_is_dropped_in_the_end(
    stage: str, any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "dlt")
    step = "normalize" if stage == "extracted" else "load"

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(any_warehouse.pipeline), step, die)
        with pytest.raises(KeyboardInterrupt):
            any_warehouse.sync()
    folder = any_warehouse.pipelines / "extend"
    (file,) = folder.glob(f"*/{stage}/*/new_jobs/processor_runs.*")
    file.write_bytes(file.read_bytes()[:100])
    any_warehouse.server.requests.reset()

    for _ in range(2):
        with pytest.raises(PipelineStepFailed):
            any_warehouse.sync(package_attempts=3)
        assert any_warehouse.pipeline.has_pending_data
    result = any_warehouse.sync(package_attempts=3)

    assert (result.complete, result.fetched) == (True, 21)
    assert_holds(any_warehouse)


def test_an_interruption_does_not_count_as_a_failure(
    any_warehouse: AnyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlt.normalize import Normalize

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Normalize, "run", die)
        for _ in range(4):
            with pytest.raises(PipelineStepFailed):
                any_warehouse.sync(package_attempts=1)
    any_warehouse.sync()

    assert any_warehouse.server.requests.counts == {"list_runs": 2, "get_run": 21}


def test_the_runs_of_another_workspace_are_refused_before_anything_lands(
    any_warehouse: AnyWarehouse, make_warehouse: MakeWarehouse
) -> None:
    workspace = any_warehouse.server.workspace
    workspace.add_run(status="PROCESSED")
    any_warehouse.sync()
    before = contents_but_the_log(any_warehouse)
    with SandboxServer(runs=0) as other:
        other.workspace.put_run(
            {**workspace.run_payload(workspace.run_ids()[-1]), "id": "dpr_x", "processorId": "dp_x"}
        )
        for reconcile in (False, True):
            with pytest.raises(InvalidSetting, match=r"None of the 1 runs listed, nor any of their processors"):
                any_warehouse.sync(base_url=other.base_url, reconcile=reconcile)
        assert other.requests.counts["get_run"] == 0

    assert contents_but_the_log(any_warehouse) == before
    errors = any_warehouse.column("sync_log", "error")
    assert [error and error.startswith("None of the 1 runs listed") for error in errors] == [None, True, True]


def contents_but_the_log(warehouse: AnyWarehouse) -> dict[str, int]:
    """How many rows there are of each kind, but for the log."""
    return {name: warehouse.count(name) for name in ("processor_runs", "processor_run_summaries", "fetch_errors")}


def test_runs_that_an_earlier_sync_has_listed_are_none_of_another_workspace(make_warehouse: MakeWarehouse) -> None:
    long_ago = datetime(2024, 1, 1, tzinfo=timezone.utc)
    with SandboxServer(runs=0) as server:
        warehouse = make_warehouse(server)
        old = server.workspace.add_run(processor="splitter", status="PROCESSED", updated_at=long_ago)
        new = server.workspace.add_run(processor="invoices", status="PROCESSED")
        assert warehouse.sync(max_requests=2).left == 1
        server.workspace.delete_run(new)

        result = warehouse.sync(reconcile=True)

        assert (result.complete, result.fetched, result.gone) == (True, 1, 1)
        assert {row["id"] for row in warehouse.rows("processor_runs")} == {old, new}
        assert {row["id"] for row in warehouse.rows("tombstones")} == {new}
