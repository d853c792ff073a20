"""After a kill the status promises just the loads that the next sync finishes."""

from __future__ import annotations

import pytest

from extend_source import plan, status, sync
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.killing import Moment, sync_until
from tests.acceptance.test_kill import Machines, put_light_run, settings
from tests.acceptance.warehouse import AnyWarehouse

pytestmark = [pytest.mark.thorough, pytest.mark.case("5.9")]

RUNS = 5

AT_THE_END = 10_000

MOMENTS = [
    Moment("extract", 3, 20),
    Moment("extract", 3, AT_THE_END),
    Moment("normalise", 1, 1),
    Moment("normalise", 1, 60),
    Moment("normalise", 1, AT_THE_END),
    Moment("load", 1, 1),
    Moment("load", 1, 100),
    Moment("load", 1, AT_THE_END),
]


@pytest.fixture
def any_warehouse(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    return make_warehouse(empty_server)


def killed(warehouse: AnyWarehouse, moment: Moment) -> tuple[Machines, int]:
    """A machine on which a sync of all runs was killed, and the number of requests by id until then."""
    machines = Machines(warehouse)
    assert sync_until(moment, machines.current, **settings(warehouse.server)) == moment.phase
    return machines, warehouse.server.requests.counts["get_run"]


@pytest.mark.parametrize(
    ("destination", "moment"),
    # before it loads, the destination plays no part
    [
        pytest.param(destination, moment, id=f"{destination}-{moment.phase}-{moment.visit}-{moment.step}")
        for destination in ("duckdb", "postgres")
        for moment in MOMENTS
        if destination == "duckdb" or moment.phase == "load"
    ],
    indirect=["destination"],
)
def test_a_first_load_that_is_promised_is_finished_and_nothing_is_fetched_again(
    moment: Moment, any_warehouse: AnyWarehouse
) -> None:
    server = any_warehouse.server
    for number in range(RUNS):
        put_light_run(server.workspace, number)
    machines, before = killed(any_warehouse, moment)
    pipeline = machines.current.pipeline()

    promised = status(pipeline).pending_loads
    planned = plan(pipeline, **settings(server)).pending_loads
    done = sync(machines.current.pipeline(), **settings(server))

    again = server.requests.counts["get_run"] - before
    assert (before, planned) == (RUNS, promised)
    if moment == MOMENTS[-1]:  # all has landed
        assert (promised, again, done.fetched) == (0, 0, 0)
    elif moment.phase == "extract":  # before or after dlt has noted the load
        assert (promised, again, done.fetched) in [(1, 0, 0), (0, RUNS, RUNS)]
    else:
        assert (promised, again, done.fetched) == (1, 0, 0)
    assert any_warehouse.count("processor_runs") == RUNS
    assert status(machines.current.pipeline()).pending_loads == 0


@pytest.mark.slow
@pytest.mark.core
def test_no_load_is_promised_where_the_dataset_is_gone_and_dlt_drops_what_waits(any_warehouse: AnyWarehouse) -> None:
    server = any_warehouse.server
    put_light_run(server.workspace, 0)
    machines = Machines(any_warehouse)
    sync(machines.current.pipeline(), **settings(server))
    put_light_run(server.workspace, 1)
    assert sync_until(Moment("normalise", 1, 1), machines.current, **settings(server)) == "normalise"
    assert status(machines.current.pipeline()).pending_loads == 1
    any_warehouse.execute(f'drop schema "{any_warehouse.dataset}" cascade')

    promised = status(machines.current.pipeline()).pending_loads
    done = sync(machines.current.pipeline(), **settings(server))

    assert (promised, done.fetched) == (0, 2)
    assert any_warehouse.count("processor_runs") == 2
