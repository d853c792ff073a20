"""The credit models add up to the stand-in's own account, on every destination."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import sqlglot

from extend_source.config.groups import GROUPS
from extend_source.config.pricing import price_book
from extend_source.pipeline.read_only import viewed
from extend_source.reports.models import MODELS, MissingTables, Models, create_models, load_model
from extend_source.reports.runner import QueryRunner
from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse, new_databases
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

pytestmark = pytest.mark.thorough

ENDED = {"PROCESSED", "FAILED", "CANCELLED"}
PRICES = price_book(
    [
        {"from": "2025-01-01", "credit_price": "0.0125", "currency": "USD"},
        {"from": "2025-12-01", "credit_price": "0.01", "currency": "USD", "included_credits": 100},
    ]
)


def select(warehouse: AnyWarehouse, sql: str, prices: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of a query over models, none of which is a view."""
    with viewed(warehouse.pipeline) as view, QueryRunner.on(view) as runner:
        return Models(runner, prices).select(sql)


def spend_in_all_ways(workspace: Workspace, seed: int) -> None:
    """Let runs share files, files be parsed again, bills be settled late, at nothing, or never."""
    choice = random.Random(seed)
    workspace.advance(86_400)
    files = [file["id"] for run in workspace.run_ids() for file in workspace.run_payload(run).get("files", ())]
    for file_id in choice.sample(files, 6):
        for _ in range(choice.randint(1, 4)):
            workspace.add_run(processor=choice.choice(["invoices", "splitter"]), file_id=file_id)
    workspace.advance(86_400)
    for file_id in choice.sample(files, 4):
        again = {**workspace.file_payload(file_id), "usage": {"credits": choice.randint(0, 9) / 10}}
        workspace.put_file(again)
    ended = [run for run in workspace.run_ids() if workspace.summary(run)["status"] in ENDED]
    for run_id, credits in zip(choice.sample(ended, 5), ["0", "0.000001", "7.25", "1000000", "3.3"], strict=True):
        workspace.settle_credits(run_id, credits, touch_updated_at=True)


@pytest.fixture(
    scope="session",
    params=itertools.product(["duckdb", "postgres"], [1, 2, 3]),
    ids=lambda param: "-".join(map(str, param)),
)
def spent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyWarehouse]:
    """A warehouse that has seen a workspace before, amid and after all that can happen to its bill.

    It takes three syncs to make one, and the tests leave the tables as they are: so they share it.
    """
    destination, seed = request.param
    with ExitStack() as stack:
        server = stack.enter_context(SandboxServer(workspaces=[Workspace(seed=seed, runs=60)]))
        folder = tmp_path_factory.mktemp("spent")
        warehouse: AnyWarehouse = Warehouse(server, folder)
        if destination == "postgres":
            new_database = stack.enter_context(new_databases(request.getfixturevalue("postgres_server")))
            warehouse = PostgresWarehouse(server, folder, new_database())
        warehouse.sync(objects=list(GROUPS))
        spend_in_all_ways(server.workspace, seed)
        warehouse.sync(objects=list(GROUPS))
        late = next(run for run in reversed(server.workspace.run_ids()) if is_unpaid(server.workspace, run))
        server.workspace.settle_credits(late, "12.5")
        warehouse.sync(reconcile=True, review_window_days=10_000, max_rechecks=10_000, objects=list(GROUPS))
        yield warehouse


def is_unpaid(workspace: Workspace, run_id: str) -> bool:
    summary = workspace.summary(run_id)
    return summary["status"] in ENDED and not summary.get("usage")


def test_the_ledger_is_the_stand_ins_own_account(spent: AnyWarehouse) -> None:
    account = spent.server.workspace.credit_account()

    ledger = select(spent, "select resource_type, resource_id, credits from credit_ledger where credits is not null")

    assert {key: credits for kind, key, credits in ledger if kind == "processor_run"} == account.runs
    assert {key: credits for kind, key, credits in ledger if kind == "file"} == account.files
    assert sum(row[2] for row in ledger) == account.total
    by_processor = select(
        spent,
        "select processor_id, sum(credits) from credit_ledger where kind = 'processing' and credits is not null"
        " group by processor_id",
    )
    assert dict(by_processor) == account.processors
    [(unknown,)] = select(spent, "select count(*) from credit_ledger where kind = 'processing' and credits is null")
    assert unknown == account.runs_without_usage


def test_the_days_sum_to_the_ledger_for_any_slice_and_have_no_gaps(spent: AnyWarehouse) -> None:
    columns = "spent_on, processor_id, processor_version_id, kind"
    ledger = {
        row[:4]: row[4:]
        for row in select(
            spent, f"select {columns}, count(*), count(credits), sum(credits) from credit_ledger group by {columns}"
        )
    }
    daily = {
        row[:4]: row[4:] for row in select(spent, f"select {columns}, things, things_known, credits from credits_daily")
    }

    assert {key: row for key, row in daily.items() if row[0]} == ledger
    assert {row for key, row in daily.items() if key not in ledger} == {(0, 0, 0)}
    days = {key[0] for key in ledger}
    span = [min(days) + timedelta(days=ahead) for ahead in range((max(days) - min(days)).days + 1)]
    assert sorted(daily, key=str) == sorted(
        ((day, *version) for day in span for version in {key[1:] for key in ledger}), key=str
    )


def test_the_stated_grain_of_each_model_is_unique(any_warehouse: AnyWarehouse) -> None:
    spend_in_all_ways(any_warehouse.server.workspace, 4)
    any_warehouse.sync(objects=list(GROUPS))

    for name in set(MODELS) - {"evaluation_trend"}:  # its runs are loaded by their ids; see test_documents
        rows = select(any_warehouse, f"select {', '.join(load_model(name).key)} from {name}")

        assert rows, name
        assert len(set(rows)) == len(rows), name


@pytest.mark.core
@pytest.mark.parametrize("name", MODELS)
def test_the_header_of_each_model_explains_its_columns_and_names_its_key(name: str) -> None:
    model = load_model(name)

    tree = sqlglot.parse_one(model.sql, read="duckdb")

    assert list(model.columns) == [column.alias_or_name for column in tree.selects]
    assert model.key
    assert set(model.key) <= set(model.columns)
    assert all((model.title, model.grain, model.empty, model.notes, *model.columns.values()))


def test_a_file_that_ten_runs_used_is_parsed_once_by_the_first_of_them(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    file = {"object": "file", "id": "file_1", "name": "a.pdf", "type": "PDF", "metadata": {"pageCount": 4}}
    for number in range(10):
        workspace.put_run(
            run_of(f"dpr_{number}", 3, files=[{**file, "usage": {"credits": 2}}]),
            created_at=workspace.now - timedelta(days=number),
        )

    empty_warehouse.sync()

    rows = select(
        empty_warehouse, "select resource_id, credits, run_id, pages from credit_ledger where kind = 'parsing'"
    )
    assert rows == [("file_1", Decimal(2), "dpr_9", 4)]
    assert select(empty_warehouse, "select sum(credits) from credit_ledger") == [(Decimal(32),)]


def run_of(run_id: str, credits: float | None, **more: Any) -> dict[str, Any]:
    run: dict[str, Any] = {
        "id": run_id,
        "type": "EXTRACT",
        "status": "PROCESSED",
        "processorId": "dp_1",
        "processorName": "Letters",
        "processorVersionId": "dpv_1",
        "config": {},
        "output": {},
        "files": [],
        "usage": {"credits": credits},
        **more,
    }
    if credits is None:
        del run["usage"]
    return run


def file_of(file_id: str, pages: int | None = None, credits: float | None = None, **more: Any) -> dict[str, Any]:
    file: dict[str, Any] = {"object": "file", "id": file_id, "name": "a.pdf", "type": "PDF", "metadata": {}, **more}
    if pages is not None:
        file["metadata"] = {"pageCount": pages}
    if credits is not None:
        file["usage"] = {"credits": credits}
    return file


def test_the_source_document_is_the_file_at_the_top(empty_warehouse: Warehouse) -> None:
    files = [file_of("file_a"), file_of("file_b", parentFileId="file_a"), file_of("file_c", parentFileId="file_b")]
    for number, file in enumerate(files):
        empty_warehouse.server.workspace.put_run(run_of(f"dpr_{number}", 1, files=[file]))

    empty_warehouse.sync()

    found = select(empty_warehouse, "select file_id, source_document_id from credit_ledger where kind = 'processing'")
    assert sorted(found) == [("file_a", "file_a"), ("file_b", "file_a"), ("file_c", "file_a")]


@pytest.mark.core
def test_waste_names_work_in_vain_and_work_done_twice(make_warehouse: MakeWarehouse) -> None:
    with SandboxServer(workspaces=[Workspace(runs=0)]) as server:
        workspace = server.workspace
        day = workspace.now - timedelta(days=9)
        runs = [
            run_of("dpr_first", 3, files=[file_of("file_1", 1, 2)]),
            run_of("dpr_again", 4, files=[file_of("file_1", 1, 2)]),
            run_of("dpr_other_version", 4, files=[file_of("file_1", 1, 2)], processorVersionId="dpv_2"),
            run_of("dpr_failed", None, files=[file_of("file_2", 1, 5)], status="FAILED", failureReason="CORRUPT_FILE"),
            run_of("dpr_cancelled", 1, status="CANCELLED"),
        ]
        for number, run in enumerate(runs):
            workspace.put_run(run, created_at=day + timedelta(hours=number))
        warehouse = make_warehouse(server)
        warehouse.sync()

    found = select(
        warehouse, "select resource_id, reason, credits, first_run_id, failure_reason from credit_waste order by 1"
    )

    assert found == [
        ("dpr_again", "processed_again", Decimal(4), "dpr_first", None),
        ("dpr_cancelled", "cancelled_run", Decimal(1), None, None),
        ("dpr_failed", "failed_run", None, None, "CORRUPT_FILE"),
        ("file_2", "parsed_in_vain", Decimal(5), None, "CORRUPT_FILE"),
    ]


def test_unit_costs_count_what_is_known_only(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    workspace.put_run(run_of("dpr_1", 6, files=[file_of("file_1", 3)]))
    workspace.put_run(run_of("dpr_2", 4, files=[file_of("file_2")]))
    workspace.put_run(run_of("dpr_3", None, files=[file_of("file_3", 100)]))

    empty_warehouse.sync()

    [row] = select(
        empty_warehouse,
        "select runs, runs_known, credits, credits_per_document, pages, credits_per_page, share_by_page,"
        " accepted_fields, credits_per_accepted_field from credit_unit_costs",
    )
    assert [*map(float, row[:7])] == [3, 2, 10, 5, 3, 2, 0.6]
    assert row[7:] == (None, None)


def test_a_day_far_above_its_weekday_is_an_anomaly(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    for week in range(8):
        workspace.put_run(
            run_of(f"dpr_{week}", 100 if week == 3 else 10 + week % 2), created_at=workspace.now - timedelta(weeks=week)
        )

    empty_warehouse.sync()

    found = select(empty_warehouse, "select spent_on, credits from credit_anomalies where is_anomaly")
    assert found == [((workspace.now - timedelta(weeks=3)).date(), Decimal(100))]


def test_runs_that_were_listed_and_not_loaded_count_as_the_list_says_and_have_a_name(warehouse: Warehouse) -> None:
    warehouse.sync(max_requests=41)

    rows = select(warehouse, "select comparison, cause, things from credit_reconciliation order by 1, 2")

    assert [row for row in rows if row[0] != "ledger_with_files"] == [
        ("ledger_with_listing", "equal", 120),
        ("ledger_with_runs", "equal", 40),
        ("ledger_with_runs", "not_landed", 80),
    ]


def test_views_hold_what_the_models_say_and_can_be_made_again(spent: AnyWarehouse) -> None:
    create_models(spent.pipeline)
    again = create_models(spent.pipeline, PRICES)

    assert list(again.views) == list(MODELS)
    assert again.left_out == {}
    for name in MODELS:
        columns = ", ".join(load_model(name).columns)
        assert sorted(spent.query(f"select {columns} from {name}"), key=str) == sorted(
            select(spent, f"select {columns} from {name}"), key=str
        )
    assert spent.sync().fetched == 0


def test_prices_give_each_day_its_cost(spent: AnyWarehouse) -> None:
    rows = select(spent, "select spent_on, credits, credit_price, currency, cost from credit_ledger", PRICES)

    for day, credits, price, currency, cost in rows:
        assert price == (Decimal("0.0125") if day < date(2025, 12, 1) else Decimal("0.01"))
        assert currency == "USD"
        assert cost == (None if credits is None else (credits * price).quantize(Decimal("1e-9"), ROUND_HALF_UP))


def test_without_prices_there_are_no_money_columns(warehouse: Warehouse) -> None:
    warehouse.sync()

    create_models(warehouse.pipeline)

    columns = warehouse.query("select column_name from information_schema.columns where table_name = 'credit_ledger'")
    assert {name for (name,) in columns} == set(load_model("credit_ledger").columns)


def test_models_without_their_tables_are_left_out_by_name(warehouse: Warehouse) -> None:
    warehouse.run("processor_runs", "files")

    result = create_models(warehouse.pipeline)

    assert result.views == {"documents": "run and file of it"}
    without_workflows = "select count(*), count(processor_name), count(workflow_run_id) from documents"
    assert warehouse.query(without_workflows) == warehouse.query(
        "select count(*), count(processor_name), 0 from processor_runs"
    )
    assert result.left_out["credit_ledger"] == ["credit_usage"]
    with pytest.raises(MissingTables, match="not loaded yet: credit_usage"):
        select(warehouse, "select * from credit_ledger")
