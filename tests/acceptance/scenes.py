"""What the acceptance tests of syncs share: small runs, what was asked for, and a destination put away and set back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import dlt
import pytest

from extend_source import SyncProgress, SyncResult
from extend_source.api.retries import RetryPolicy
from extend_source.sandbox import OddAnswer, SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

_BACKUP = "backup"


class OpenWarehouse(Warehouse):
    """A warehouse whose file stays open during a sync, which takes half the time then."""

    def on_another_machine(self) -> OpenWarehouse:
        """The same destination, seen by a machine that has never loaded anything."""
        return OpenWarehouse(self.server, self.folder, "other-pipelines")

    def sync(self, **arguments: Any) -> SyncResult:
        """Sync through the public function."""
        with self.kept_open():
            return super().sync(**arguments)

    def run(self, *resources: str, **arguments: Any) -> SyncProgress:
        """Run some resources of the source through plain dlt."""
        with self.kept_open():
            return super().run(*resources, **arguments)


@pytest.fixture
def small_server() -> Iterator[SandboxServer]:
    """A stand-in with runs of every kind, and not more than that takes; for modules under the name of ``server``."""
    with SandboxServer(runs=24) as server:
        yield server


@pytest.fixture
def make_open_warehouse(make_warehouse: MakeWarehouse) -> MakeWarehouse:
    """Makes empty warehouses; in a module, under the name of ``make_warehouse``, it stands in for that one."""

    def make(server: SandboxServer) -> AnyWarehouse:
        warehouse = make_warehouse(server)
        return OpenWarehouse(server, warehouse.folder) if isinstance(warehouse, Warehouse) else warehouse

    return make


def put_small_runs(workspace: Workspace, count: int, *, every: timedelta = timedelta(hours=1)) -> list[str]:
    """Fill a workspace with tiny classifications, the last one of the present moment; return their ids, oldest first."""
    ids = []
    for number in range(count):
        moment = workspace.now - every * (count - 1 - number)
        ids.append(workspace.put_run(small_run(f"dpr_small_{number:06d}"), created_at=moment))
    return ids


def small_run(run_id: str, **more: Any) -> dict[str, Any]:
    """A run with next to nothing in it."""
    output = {"id": "invoice", "type": "invoice", "confidence": 0.9}
    return {"id": run_id, "type": "CLASSIFY", "status": "PROCESSED", "config": {}, "output": output, **more}


def break_table(warehouse: AnyWarehouse) -> None:
    """Have the destination refuse new rows of ``processor_runs``: a column takes no text any longer."""
    warehouse.execute("alter table processor_runs rename column output_format to mislaid")
    warehouse.execute("alter table processor_runs add column output_format integer")


def mend_table(warehouse: AnyWarehouse) -> None:
    """Undo `break_table`."""
    warehouse.execute("alter table processor_runs drop column output_format")
    warehouse.execute("alter table processor_runs rename column mislaid to output_format")


def garble(server: SandboxServer, run_id: str) -> None:
    """Have each answer for a run be none that can be read."""
    server.instead = lambda request: OddAnswer(200, b'{"success": tr') if request.path.endswith(run_id) else None


def fetched(server: SandboxServer) -> list[str]:
    """The ids of the runs that were asked for since the last `reset`, in order."""
    return [entry.path.rsplit("/", 1)[1] for entry in server.requests.of("get_run")]


def ids_with_status(workspace: Workspace, *statuses: str) -> list[str]:
    """The ids of the runs in some states, in order of their creation."""
    return [run_id for run_id in workspace.run_ids() if workspace.summary(run_id)["status"] in statuses]


def moment_of(workspace: Workspace, run_id: str) -> datetime:
    """When a run changed last, as the listing says."""
    return workspace.runs[run_id].updated_at


def log(warehouse: AnyWarehouse, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of ``sync_log``, a row for each load from the first to the last."""
    rows = sorted(warehouse.rows("sync_log"), key=lambda row: float(row["load_id"]))
    return [tuple(row[column] for column in columns) for row in rows]


def last_log(warehouse: AnyWarehouse, *columns: str) -> tuple[Any, ...]:
    """Some columns of the last row of ``sync_log``."""
    return log(warehouse, *columns)[-1]


def reopen(warehouse: AnyWarehouse) -> None:
    """Make the pipeline of a warehouse anew, as another process would."""
    warehouse.pipeline = dlt.pipeline(
        "extend",
        destination=warehouse.pipeline.destination,
        dataset_name=warehouse.dataset,
        pipelines_dir=str(warehouse.pipelines),
    )


def back_up(warehouse: AnyWarehouse) -> None:
    """Copy all tables of the dataset, dlt's own too."""
    copies = [
        f'create table {_BACKUP}."{table}" as select * from "{table}"'
        for table in _all_tables(warehouse, warehouse.dataset)
    ]
    warehouse.execute(";".join([f"create schema {_BACKUP}", *copies]))


def set_back(warehouse: AnyWarehouse) -> None:
    """Bring all tables to where they were at `back_up`."""
    warehouse.execute(
        ";".join(
            f'drop table "{table}"; create table "{table}" as select * from {_BACKUP}."{table}"'
            for table in _all_tables(warehouse, _BACKUP)
        )
    )


def drop_dataset(warehouse: AnyWarehouse) -> None:
    """Take the dataset away, as if it had never been."""
    warehouse.execute(f'drop schema "{warehouse.dataset}" cascade')


def impatient(monkeypatch: Any, *, attempts: int = 6) -> None:
    """Let clients made from now on wait next to nothing between attempts."""
    policy = RetryPolicy(max_attempts=attempts, base=0.001, floor=0.0, cap=0.005, jitter=0.0, max_elapsed=20.0)
    defaults = tuple(getattr(policy, name) for name in RetryPolicy.__dataclass_fields__)
    monkeypatch.setattr(RetryPolicy.__init__, "__defaults__", defaults)


def change_runs(workspace: Workspace, run_ids: Iterable[str], seconds: float = 60.0) -> None:
    """Let some time pass, then change some runs so that the listing shows it."""
    workspace.advance(seconds)
    for run_id in run_ids:
        workspace.edit_run(run_id)


def _all_tables(warehouse: AnyWarehouse, schema: str) -> list[str]:
    sql = f"select table_name from information_schema.tables where table_schema = '{schema}'"
    return [name for (name,) in warehouse.query(sql)]
