"""The warehouses of the tests themselves: equal on every destination, and judged by the stand-in's own state."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.truth import (
    RUN_FED_TABLES,
    Tables,
    assert_holds,
    assert_summaries,
    assert_tables,
    expected_tables,
)
from tests.acceptance.warehouse import SYNC_TABLES, AnyWarehouse, canonical_json, in_key_order

pytestmark = pytest.mark.thorough


OF_2026 = {
    *("file_sections", "credit_attributions", "credit_charges"),
    *("parse_runs", "parse_pages", "parse_chunks"),
}
"""The tables that API 2025-04-21 says nothing for."""


@pytest.mark.parametrize(("contents", "with_text"), [("embedded", False), ("fetch", True), ("none", False)])
def test_every_table_holds_what_the_runs_say(any_warehouse: AnyWarehouse, contents: str, with_text: bool) -> None:
    any_warehouse.sync(file_contents=contents)

    assert_holds(any_warehouse, file_contents=contents)
    expected = expected_tables(any_warehouse.server.workspace, file_contents=contents)
    empty = {name for name in RUN_FED_TABLES if not expected[name]}
    assert empty - OF_2026 == (set() if with_text else {"file_contents", "file_pages", "file_sheets"})
    assert empty >= OF_2026
    assert len(RUN_FED_TABLES) == 24


def test_every_table_holds_what_the_runs_of_2026_say(any_warehouse: AnyWarehouse) -> None:
    settings = {"api_version": CURRENT_VERSION, "file_contents": "none", "parse_output": "words"}

    any_warehouse.sync(**settings)

    workspace = any_warehouse.server.workspace
    assert_holds(any_warehouse, **settings)
    expected = expected_tables(workspace, **settings)
    assert {name for name, rows in expected.items() if not rows} == {
        *("file_contents", "file_pages", "file_sheets", "file_sections"),
        "processor_run_merged_processors",  # a workflow run alone tells them there
        "batch_runs",
    }


def test_runs_loaded_by_id_have_what_they_say_but_no_times(any_warehouse: AnyWarehouse) -> None:
    ids = any_warehouse.server.workspace.run_ids()[:7]

    any_warehouse.sync(run_ids=ids)

    assert_holds(any_warehouse, run_ids=ids, listed=False)


def test_what_is_gone_by_now_stays_and_what_was_known_is_not_forgotten(any_warehouse: AnyWarehouse) -> None:
    workspace = any_warehouse.server.workspace
    any_warehouse.sync()
    before = expected_tables(workspace)
    gone, emptied = [run.id for run in workspace.runs.values() if run.status == "PROCESSED" and "usage" in run.payload][
        :2
    ]
    run = workspace.run_payload(emptied)
    del run["usage"]
    workspace.put_run({**run, "output": {}, "files": []})
    workspace.delete_run(gone)

    any_warehouse.sync()

    assert_holds(any_warehouse, earlier=before)
    with pytest.raises(AssertionError, match="processor_runs"):
        assert_holds(any_warehouse)


@pytest.mark.slow
@pytest.mark.core
def test_every_tampering_is_found_and_named(any_warehouse: AnyWarehouse) -> None:
    workspace = any_warehouse.server.workspace
    ids = sorted(workspace.run_ids()[:7])
    any_warehouse.sync(run_ids=ids)
    expected = expected_tables(workspace, ids, listed=False)
    runs = {row["id"]: row for row in expected["processor_runs"]}

    for tampering in (
        f"update processor_runs set id = '!' where id = '{ids[0]}'",
        f"insert into processor_runs select * from processor_runs where id = '{ids[1]}'",
        f"update processor_runs set status = 'x' where id = '{ids[2]}'",
        f"update processor_runs set metadata = '[1.0]', credits = 0.5 where id = '{ids[3]}'",
        "delete from run_config_page_ranges",
    ):
        any_warehouse.execute(tampering)

    ranges = [(row["config_id"], row["scope"], row["position"]) for row in expected["run_config_page_ranges"]]
    assert differences(any_warehouse, expected) == [
        "the warehouse does not hold what the runs say",
        "processor_runs (id): 7 rows expected, 8 found, 5 differ",
        "  '!': not expected",
        f"  {ids[0]!r}: missing",
        f"  {ids[1]!r}: found 2 times",
        f"  {ids[2]!r}: status is 'x', expected {runs[ids[2]]['status']!r}",
        f"  {ids[3]!r}: credits is Decimal('0.500000'), expected {runs[ids[3]]['credits']!r}"
        f"; metadata is '[1.0]', expected {runs[ids[3]]['metadata']!r}",
        f"run_config_page_ranges (config_id, scope, position): {len(ranges)} rows expected, 0 found, {len(ranges)} differ",
        *(f"  {', '.join(map(repr, key))}: missing" for key in sorted(ranges)),
    ]


def test_only_the_first_differences_are_shown_and_columns_count_too(any_warehouse: AnyWarehouse) -> None:
    ids = any_warehouse.server.workspace.run_ids()[:7]
    any_warehouse.sync(run_ids=ids)
    expected = expected_tables(any_warehouse.server.workspace, ids, listed=False)

    any_warehouse.execute("alter table processor_runs add column more int")
    any_warehouse.execute("alter table processor_runs drop column url")

    assert differences(any_warehouse, expected) == [
        "the warehouse does not hold what the runs say",
        "processor_runs (id): 7 rows expected, 7 found, 7 differ",
        *(f"  {run_id!r}: url is no column; more is a column too many" for run_id in sorted(ids)[:5]),
        "  and 2 more",
    ]


def test_summaries_are_held_against_the_listing(any_warehouse: AnyWarehouse) -> None:
    workspace = any_warehouse.server.workspace
    any_warehouse.sync()
    assert_summaries(any_warehouse)
    run_id = next(iter(workspace.credit_account().runs))
    before = Decimal(str(workspace.summary(run_id)["usage"]["credits"]))

    workspace.settle_credits(run_id, "0.25")

    with pytest.raises(AssertionError) as caught:
        assert_summaries(any_warehouse)
    assert str(caught.value).splitlines() == [
        "the warehouse does not hold what the listing shows",
        "processor_run_summaries (id): 120 rows expected, 120 found, 1 differ",
        f"  {run_id!r}: credits is {before.quantize(Decimal('0.000001'))!r}, expected Decimal('0.25')",
    ]
    with pytest.raises(AssertionError, match="120 found, 120 differ"):
        assert_summaries(any_warehouse, run_ids=[run_id])


def differences(warehouse: AnyWarehouse, expected: Tables) -> list[str]:
    """The lines that say how a warehouse differs from what it should hold."""
    with pytest.raises(AssertionError) as caught:
        assert_tables(warehouse, expected)
    return str(caught.value).splitlines()


@pytest.mark.core
def test_values_are_the_same_on_every_destination(make_warehouse: MakeWarehouse, empty_server: SandboxServer) -> None:
    metadata = '{"b":[1.10,-0.0,1.50e1,123456789012345678901234567890],"a":"\\u00e9 \\ud83d\\ude00","c":null}'
    body = f'{{"id":"dpr_1","type":"EXTRACT","status":"PROCESSED","config":{{}},"usage":{{"credits":2.5}},"metadata":{metadata}}}'
    empty_server.workspace.put_run(body.encode())
    warehouse = make_warehouse(empty_server)

    warehouse.sync()

    (row,) = warehouse.rows("processor_runs")
    assert row["metadata"] == '{"a":"é 😀","b":[1.10,0.0,15.0,123456789012345678901234567890],"c":null}'
    assert (row["credits"], row["updated_at"]) == (Decimal("2.5"), datetime(2026, 2, 2, 9, tzinfo=timezone.utc))
    assert row["updated_at"].tzinfo is timezone.utc
    assert warehouse.query("select id, metadata from processor_runs") == [("dpr_1", row["metadata"])]
    assert warehouse.count("processor_runs") == 1
    assert_holds(warehouse)


def test_nothing_is_in_a_warehouse_before_the_first_load(any_warehouse: AnyWarehouse) -> None:
    assert any_warehouse.tables() == set()
    assert any_warehouse.rows("processor_runs") == []
    assert any_warehouse.count("no_such_table") == 0
    assert set(any_warehouse.snapshot()) == set(TABLES) - SYNC_TABLES
    assert any_warehouse.cells() == []


def test_warehouses_do_not_share_anything(make_warehouse: MakeWarehouse, server: SandboxServer) -> None:
    one, other = make_warehouse(server), make_warehouse(server)

    one.sync()

    assert (one.count("processor_runs"), other.count("processor_runs")) == (120, 0)
    assert one.on_another_machine().sync().known == 120
    assert other.sync().fetched == 120


@pytest.mark.core
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('{ "b": 1, "a": [true, null, "x"] }', '{"a":[true,null,"x"],"b":1}'),
        ("[1, 1.0, 1.00, 1e2, 1.50E1, 2e-3, -0, -0.0, 0e5]", "[1,1.0,1.00,100,15.0,0.002,0,0.0,0]"),
        ('"\\u00e9\\n\\u0001"', '"é\\n\\u0001"'),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_json_has_one_form_and_keeps_its_digits(text: str, canonical: str) -> None:
    assert canonical_json(text) == canonical == canonical_json(canonical)


@pytest.mark.core
def test_rows_are_in_the_order_of_the_bytes_and_numbers_of_their_keys() -> None:
    rows: list[dict[str, Any]] = [{"id": name, "n": n} for name in ("é", "a", "B", "a_", "😀") for n in (10, 9)]

    ordered = in_key_order(("id", "n"), rows)

    assert [(row["id"], row["n"]) for row in ordered] == [
        (name, n) for name in ("B", "a", "a_", "é", "😀") for n in (9, 10)
    ]
