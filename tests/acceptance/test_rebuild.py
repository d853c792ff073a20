"""All tables can be built anew from the payloads that have landed, without a request and without a key."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from extend_source import ExtendError, extend_source
from extend_source.operations.rebuild import RebuildResult, rebuild
from extend_source.pipeline.lock import only_sync
from extend_source.sandbox import PRESIGNED_URL_CANARY, SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.test_replacement import invoice
from tests.acceptance.truth import RUN_FED_TABLES, assert_holds
from tests.acceptance.warehouse import AnyWarehouse, Row, Warehouse

pytestmark = pytest.mark.thorough

EVERYTHING = "standard,raw_payloads"
"""What `loaded_tables` says of a load that kept the payloads."""


def rows_of(warehouse: AnyWarehouse, *names: str) -> dict[str, list[Row]]:
    """The rows that say what payloads say, times of fetching included; only the load that wrote them is left out."""
    with warehouse.reading():
        return {
            name: [{key: value for key, value in row.items() if key != "_dlt_load_id"} for row in warehouse.rows(name)]
            for name in names or RUN_FED_TABLES
        }


def assert_same(rows: dict[str, list[Row]], before: dict[str, list[Row]]) -> None:
    for name in before:
        assert rows[name] == before[name], name


def delete_everything(warehouse: AnyWarehouse) -> None:
    for name in (*RUN_FED_TABLES, *warehouse.typed_tables()):
        warehouse.execute(f'delete from "{name}"')


def rebuilt(warehouse: AnyWarehouse, **settings: Any) -> RebuildResult:
    """Rebuild, and see to it that nothing is asked."""
    warehouse.server.requests.reset()
    result = rebuild(warehouse.pipeline, **settings)
    assert warehouse.server.requests.total == 0
    return result


def put(warehouse: AnyWarehouse, run: dict[str, Any], **parts: Any) -> None:
    """Serve a run as it is from now on, changed a moment later than all others."""
    workspace = warehouse.server.workspace
    workspace.put_run({**run, **parts}, updated_at=workspace.advance(1))


def load_three_times(warehouse: AnyWarehouse, **settings: Any) -> None:
    """Load runs, then some that were edited, deleted or are new, then more that share files with all of these."""
    workspace = warehouse.server.workspace
    warehouse.sync(keep_raw=True, **settings)
    files = [row["id"] for row in warehouse.rows("files")]
    ids = workspace.run_ids()
    finished = [run_id for run_id in ids if workspace.summary(run_id)["status"] == "PROCESSED"]
    workspace.advance(timedelta(days=1).total_seconds())
    for run_id in finished[:10]:
        workspace.edit_run(run_id)
    workspace.delete_run(finished[10])
    for file_id in files[:5]:
        workspace.add_run(status="PROCESSED", file_id=file_id)
    warehouse.sync(keep_raw=True, reconcile=True, **settings)
    workspace.advance(60)
    for file_id in files[3:8]:
        workspace.add_run(status="PROCESSED", file_id=file_id)
    workspace.touch_run(finished[11])
    warehouse.sync(keep_raw=True, **settings)


@pytest.mark.parametrize(("contents", "embed"), [("embedded", False), ("embedded", True), ("fetch", False)])
def test_rows_that_were_all_deleted_come_back_as_they_were(
    make_warehouse: MakeWarehouse, contents: str, embed: bool
) -> None:
    with SandboxServer(workspaces=[Workspace(runs=80, embed_contents=embed)]) as server:
        warehouse = make_warehouse(server)
        load_three_times(warehouse, file_contents=contents)
        before, books = rows_of(warehouse), rows_of(warehouse, "tombstones", "raw_payloads")
        typed = rows_of(warehouse, "typed_columns", *warehouse.typed_tables())
        state = copy.deepcopy(warehouse.pipeline.state["sources"])
        delete_everything(warehouse)

        result = rebuilt(warehouse, file_contents=contents)

        assert_same(rows_of(warehouse), before)
        assert_same(rows_of(warehouse, *books), books)
        assert_same(rows_of(warehouse, *typed), typed)
        assert warehouse.pipeline.state["sources"] == state
        assert warehouse.sync(keep_raw=True, file_contents=contents).fetched == 0
    assert (result.runs, result.files, result.failed) == (90, len(before["files"]) if contents == "fetch" else 0, 0)
    assert (result.without_payload, result.outdated, result.left, result.complete) == (0, 0, 0, True)
    assert set(result.tables) == {*RUN_FED_TABLES, "batch_runs", *typed}
    assert {name: result.tables[name] for name in typed if name != "typed_columns"} == {
        name: len(rows) for name, rows in typed.items() if name != "typed_columns"
    }
    assert result.tables["extraction_fields"] == len(before["extraction_fields"])
    assert bool(before["file_pages"]) == (embed or contents == "fetch")
    assert len(before["processor_runs"]) == 90
    assert len(books["tombstones"]) == 1


@pytest.mark.slow
@pytest.mark.core
def test_a_rebuild_writes_what_a_fresh_load_would(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync(keep_raw=True, file_contents="fetch")
    delete_everything(any_warehouse)

    rebuilt(any_warehouse)

    assert_holds(any_warehouse, file_contents="fetch", loaded_tables=EVERYTHING)


def test_damaged_rows_are_healed_and_stale_ones_vanish(any_warehouse: AnyWarehouse) -> None:
    load_three_times(any_warehouse, file_contents="fetch")
    before = rows_of(any_warehouse)
    for damage in (
        "update processor_runs set status = 'LOST', credits = null, payload_sha256 = null, extra = null",
        "delete from processor_runs where type = 'CLASSIFY'",
        "insert into processor_runs select * from processor_runs where type = 'SPLITTER'",
        "update extraction_fields set path = path || '_stale', value_text = '?'",
        "insert into output_insights (run_id, stage, path, position) select id, 'old', '$', 7 from processor_runs",
        "delete from run_configs where config_id = (select min(config_id) from run_configs)",
        "update run_config_fields set description = '?'",
        "update files set name = 'x.pdf', page_count = null, extra = null",
        "delete from file_pages where position > 0",
        "update file_contents set raw_text = ''",
        "update credit_usage set credits = 0",
    ):
        any_warehouse.execute(damage)

    result = rebuilt(any_warehouse, file_contents="fetch")

    assert_same(rows_of(any_warehouse), before)
    assert result.complete


def test_child_rows_of_a_run_that_nothing_knows_of_stay(warehouse: Warehouse) -> None:
    warehouse.sync(keep_raw=True)
    warehouse.execute("insert into splits (run_id, stage, position) values ('dpr_unheard_of', 'final', 0)")

    rebuilt(warehouse)

    assert warehouse.column("splits", "run_id").count("dpr_unheard_of") == 1


NUMBERS = (
    '{"id":"dpr_1","type":"EXTRACT","status":"PROCESSED","config":{"type":"EXTRACT","schema":{}},"files":[],'
    '"usage":{"credits":1.50},"metadata":{"a":1.50,"b":[30.0,1e2,-0.0,123456789012345678901234567890]},'
    '"initialOutput":{"value":{"total":2.50}},"output":{"value":{"total":1.50,"count":30.0,"large":1e2,'
    '"id":123456789012345678901234567890,"small":1E-7,"none":null}}}'
)


def test_numbers_keep_the_digits_sent(make_warehouse: MakeWarehouse, empty_server: SandboxServer) -> None:
    empty_server.workspace.put_run(NUMBERS.encode())
    warehouse = make_warehouse(empty_server)
    warehouse.sync(keep_raw=True)
    before = rows_of(warehouse)
    delete_everything(warehouse)

    rebuilt(warehouse)

    assert_same(rows_of(warehouse), before)
    texts = {row["path"]: row["value_text"] for row in warehouse.rows("extraction_fields")}
    assert texts == {
        "total": "1.50",
        "count": "30.0",
        "large": "100",
        "id": "123456789012345678901234567890",
        "small": "0.0000001",
        "none": None,
    }
    (run,) = warehouse.rows("processor_runs")
    assert run["metadata"] == '{"a":1.50,"b":[30.0,100,0.0,123456789012345678901234567890]}'
    assert (run["initial_output"], run["credits"]) == ('{"value":{"total":2.50}}', Decimal("1.5"))


def file_of(**parts: Any) -> dict[str, Any]:
    return {"object": "file", "id": "file_1", "name": "a.pdf", "metadata": {}, **parts}


def text(*pages: str, **parts: Any) -> dict[str, Any]:
    return {"pages": [{"pageNumber": number, "rawText": page} for number, page in enumerate(pages, 1)], **parts}


@pytest.mark.parametrize("package_runs", [1, 2, 2000])
def test_what_later_loads_said_of_a_file_stands_and_what_they_left_out_is_known(
    make_warehouse: MakeWarehouse, empty_server: SandboxServer, package_runs: int
) -> None:
    warehouse = make_warehouse(empty_server)
    first = file_of(
        name="old.pdf", type="PDF", metadata={"pageCount": 3}, usage={"credits": 4}, novelty=1, parentFileId="file_0"
    )
    for number, file in enumerate(
        (
            {**first, "contents": text("one", "two", "three", rawText="all", markdown="# all")},
            file_of(name="new.pdf", contents=text("uno", rawText="tutto")),
            file_of(name="new.pdf", contents=text("uno", rawText="tutto")),
            file_of(name="new.pdf", metadata={"pageCount": 1}),
        )
    ):
        put(warehouse, invoice(f"dpr_{9 - number}", 1, None), files=[file])
        warehouse.sync(keep_raw=True)
    before = rows_of(warehouse)
    (row,) = before["files"]
    assert (row["name"], row["type"], row["page_count"], row["credits"]) == ("new.pdf", None, 1, 4)
    assert [page["raw_text"] for page in before["file_pages"]] == ["uno"]
    assert [(row["raw_text"], row["markdown"]) for row in before["file_contents"]] == [("tutto", "# all")]
    delete_everything(warehouse)

    result = rebuilt(warehouse, package_runs=package_runs)

    assert_same(rows_of(warehouse), before)
    assert (result.runs, len(result.load_ids)) == (4, {1: 4, 2: 3, 2000: 2}[package_runs])


@pytest.mark.parametrize("package_runs", [1, 2000])
def test_text_that_was_fetched_stands_above_what_its_load_embedded(
    empty_warehouse: Warehouse, package_runs: int
) -> None:
    workspace = empty_warehouse.server.workspace
    embedded = file_of(contents=text("embedded", "2", rawText="embedded", markdown="# embedded"))
    put(empty_warehouse, invoice("dpr_1", 1, None), files=[embedded])
    workspace.put_file(file_of(metadata={"pageCount": 2}, contents=text("fetched", rawText="fetched")))
    empty_warehouse.sync(keep_raw=True, file_contents="fetch")
    put(empty_warehouse, invoice("dpr_2", 1, None), files=[file_of(contents={"pages": [], "rawText": ""})])
    empty_warehouse.sync(keep_raw=True, file_contents="fetch")
    before = rows_of(empty_warehouse)
    assert [(row["raw_text"], row["markdown"]) for row in before["file_contents"]] == [("fetched", "# embedded")]
    assert [row["raw_text"] for row in before["file_pages"]] == ["fetched"]
    delete_everything(empty_warehouse)

    result = rebuilt(empty_warehouse, package_runs=package_runs)  # the setting is not fetch now

    assert_same(rows_of(empty_warehouse), before)
    assert (result.runs, result.files) == (2, 1)


def test_text_of_files_is_kept_out_when_it_is_not_wanted(make_warehouse: MakeWarehouse) -> None:
    with SandboxServer(workspaces=[Workspace(runs=20, embed_contents=True)]) as server:
        warehouse = make_warehouse(server)
        warehouse.sync(keep_raw=True, file_contents="fetch")
        delete_everything(warehouse)

        result = rebuilt(warehouse, file_contents="none")

        assert (result.runs, result.files) == (20, 0)
        assert {name: warehouse.rows(name) for name in ("file_contents", "file_pages", "file_sheets")} == {
            "file_contents": [],
            "file_pages": [],
            "file_sheets": [],
        }
        assert_holds(warehouse, file_contents="none", loaded_tables=EVERYTHING)


def test_payloads_hold_no_text_of_files_when_it_is_not_wanted(empty_warehouse: Warehouse) -> None:
    put(empty_warehouse, invoice("dpr_1", 1, None), files=[file_of(contents=text("SECRET"))])
    empty_warehouse.sync(keep_raw=True, file_contents="none")
    before = rows_of(empty_warehouse)
    delete_everything(empty_warehouse)

    rebuilt(empty_warehouse, file_contents="none")

    assert_same(rows_of(empty_warehouse), before)
    assert "SECRET" not in str(empty_warehouse.cells())


def test_credits_that_only_an_earlier_payload_reported_stay(empty_warehouse: Warehouse) -> None:
    run = {**invoice("dpr_1", 1, None), "usage": {"credits": 2.5}}
    put(empty_warehouse, run)
    empty_warehouse.sync(keep_raw=True)
    del run["usage"]
    put(empty_warehouse, run)
    empty_warehouse.sync(keep_raw=True)
    before = rows_of(empty_warehouse)
    empty_warehouse.execute("delete from extraction_fields")

    rebuilt(empty_warehouse)

    assert_same(rows_of(empty_warehouse), before)
    assert empty_warehouse.column("processor_runs", "credits") == [Decimal("2.5")]
    assert [row["credits"] for row in before["credit_usage"]] == [Decimal("2.5")]


def test_runs_without_a_payload_stay_untouched_and_are_counted(any_warehouse: AnyWarehouse) -> None:
    ids = any_warehouse.server.workspace.run_ids()
    any_warehouse.sync(run_ids=ids[:70], keep_raw=True)
    any_warehouse.sync(run_ids=ids[70:])
    any_warehouse.execute("update files set name = 'by hand.pdf'")
    any_warehouse.execute("update processor_runs set url = 'by hand'")
    links = any_warehouse.rows("processor_run_files")

    result = rebuilt(any_warehouse)

    assert (result.runs, result.without_payload, result.outdated, result.complete) == (70, 50, 0, False)
    by_hand = {row["id"] for row in any_warehouse.rows("processor_runs") if row["url"] == "by hand"}
    assert by_hand == set(ids[70:])
    files = {row["id"] for row in any_warehouse.rows("files") if row["name"] == "by hand.pdf"}
    assert files == {link["file_id"] for link in links if link["run_id"] in by_hand}


def test_a_file_that_a_run_without_a_payload_brought_later_stays_but_comes_back_when_it_is_lost(
    make_warehouse: MakeWarehouse, empty_server: SandboxServer
) -> None:
    warehouse = make_warehouse(empty_server)
    old = file_of(name="old.pdf", usage={"credits": 1}, contents=text("old", rawText="old"))
    new = file_of(name="new.pdf", usage={"credits": 2}, contents=text("new", rawText="new"))
    put(warehouse, invoice("dpr_1", 1, None), files=[old])
    warehouse.sync(keep_raw=True)
    put(warehouse, invoice("dpr_2", 1, None), files=[new])
    warehouse.sync()
    before = rows_of(warehouse)

    rebuilt(warehouse)
    after = rows_of(warehouse)
    for name in ("files", "file_contents", "file_pages"):
        warehouse.execute(f"delete from {name}")
    rebuilt(warehouse)

    assert_same(after, before)
    assert warehouse.column("files", "name") == ["old.pdf"]
    assert warehouse.column("file_pages", "raw_text") == ["old"]
    assert warehouse.column("file_contents", "raw_text") == ["old"]


def test_a_run_that_landed_later_than_its_payload_stays_as_it_is(
    make_warehouse: MakeWarehouse, empty_server: SandboxServer
) -> None:
    warehouse = make_warehouse(empty_server)
    runs = [invoice(f"dpr_{number}", 2, 2, f"file_{number}") for number in (1, 2, 3)]
    for run in runs:
        put(warehouse, run)
    warehouse.sync(keep_raw=True)
    put(warehouse, {**invoice("dpr_1", 3, 3), "status": "FAILED"})
    warehouse.server.workspace.touch_run("dpr_2")
    warehouse.sync()
    before = rows_of(warehouse)

    first = rebuilt(warehouse)
    after = rows_of(warehouse)
    warehouse.execute("delete from extraction_fields")
    rebuilt(warehouse)

    assert (first.runs, first.without_payload, first.outdated) == (2, 0, 1)
    assert_same(after, before)
    assert {row["run_id"] for row in warehouse.rows("extraction_fields")} == {"dpr_2", "dpr_3"}
    assert warehouse.sync().fetched == 0


def test_a_payload_that_cannot_be_read_is_an_error_row_until_the_next_sync(
    make_warehouse: MakeWarehouse, empty_server: SandboxServer
) -> None:
    warehouse = make_warehouse(empty_server)
    for number in range(5):
        put(warehouse, invoice(f"dpr_{number}", 1, 1, f"file_{number}"))
    warehouse.sync(keep_raw=True)
    before = rows_of(warehouse)
    for number, payload in enumerate(('{"id": "dpr_0"', "[]", '{"id": "dpr_4"}', '{"id": "dpr_3", "files": 7}')):
        warehouse.execute(f"update raw_payloads set payload = '{payload}' where id = 'dpr_{number}'")

    result = rebuilt(warehouse)
    errors = warehouse.rows("fetch_errors")
    after = rows_of(warehouse)
    again = rebuilt(warehouse)
    attempts = warehouse.column("fetch_errors", "attempts")
    synced = warehouse.sync(keep_raw=True, run_ids=["dpr_3"], refresh=True), warehouse.sync(keep_raw=True)

    assert (result.runs, result.failed, result.complete, sorted(result.errors)) == (
        2,
        3,
        False,
        ["dpr_0", "dpr_1", "dpr_2"],
    )
    assert [(row["id"], row["resource_type"], row["code"], row["message"]) for row in errors] == [
        (
            f"dpr_{number}",
            "processor_run",
            "unreadable_raw_payload",
            "The payload in raw_payloads could not be read (ValueError). The next sync fetches it again.",
        )
        for number in range(3)
    ]
    assert [row["run_id"] for row in after["processor_run_files"]] == ["dpr_0", "dpr_1", "dpr_2", "dpr_4"]
    assert (again.failed, attempts) == (3, [2, 2, 2])
    assert [result.fetched for result in synced] == [1, 3]
    assert warehouse.rows("fetch_errors") == []
    assert warehouse.snapshot()["extraction_fields"] == [
        {key: value for key, value in row.items() if key != "fetched_at"} for row in before["extraction_fields"]
    ]


def test_an_error_row_goes_when_the_payload_can_be_read_again(empty_warehouse: Warehouse) -> None:
    put(empty_warehouse, invoice("dpr_1", 1, 1))
    empty_warehouse.server.workspace.put_file(file_of(contents=text("one")))
    empty_warehouse.sync(keep_raw=True, file_contents="fetch")
    payloads = dict(empty_warehouse.query("select resource_type, payload from raw_payloads"))
    assert payloads.keys() == {"processor_run", "file"}
    empty_warehouse.execute("update raw_payloads set payload = 'nonsense'")
    failed = rebuilt(empty_warehouse)
    errors = empty_warehouse.rows("fetch_errors")
    for name, payload in payloads.items():
        empty_warehouse.execute(f"update raw_payloads set payload = '{payload}' where resource_type = '{name}'")

    result = rebuilt(empty_warehouse)

    assert (failed.runs, failed.files, failed.failed) == (0, 0, 2)
    assert [(row["id"], row["resource_type"]) for row in errors] == [("dpr_1", "processor_run"), ("file_1", "file")]
    assert (result.runs, result.files, result.failed) == (1, 1, 0)
    assert empty_warehouse.rows("fetch_errors") == []


def test_errors_of_the_api_stay(empty_warehouse: Warehouse) -> None:
    put(empty_warehouse, invoice("dpr_1", 1, 1))
    empty_warehouse.sync(keep_raw=True)
    empty_warehouse.execute(
        "insert into fetch_errors (id, resource_type, attempts, code, first_seen_at, last_seen_at) "
        "values ('dpr_1', 'processor_run', 2, 'ServerError', now(), now())"
    )

    rebuilt(empty_warehouse)

    assert empty_warehouse.column("fetch_errors", "code") == ["ServerError"]


def test_no_signed_url_is_in_a_payload_and_what_is_rebuilt_is_the_same(
    make_warehouse: MakeWarehouse, empty_server: SandboxServer
) -> None:
    link = "https://store.test/a.pdf?X-Amz-Date=1&X-Amz-Signature=SECRET"
    run = invoice("dpr_1", 1, None)
    run["files"] = [file_of(presignedUrl=link, name=link, contents=text("see https://store.test/b.pdf?sig=printed"))]
    run |= {"metadata": {"from": link, "presignedUrl": link}, "failureMessage": f"cannot read {link}", "new": [link]}
    run["config"] = {"type": "EXTRACT", "schema": {"title": link}, "extractionRules": link}
    run["output"]["value"]["url"] = "https://store.test/c.pdf?sig=printed"
    warehouse = make_warehouse(empty_server)
    put(warehouse, run)
    warehouse.sync(keep_raw=True)
    before = rows_of(warehouse)
    (payload,) = warehouse.column("raw_payloads", "payload")
    delete_everything(warehouse)

    rebuilt(warehouse)

    assert "SECRET" not in payload
    assert "presignedUrl" not in payload
    assert "printed" not in payload
    assert all(payload.count(f"https://store.test/{name}.pdf") == 1 for name in ("b", "c"))
    assert_same(rows_of(warehouse), before)
    assert json.loads(before["processor_runs"][0]["metadata"]) == {"from": "https://store.test/a.pdf?[redacted]"}


def test_no_download_link_of_any_run_is_in_the_payloads(warehouse: Warehouse) -> None:
    warehouse.sync(keep_raw=True, file_contents="fetch")

    payloads = warehouse.column("raw_payloads", "payload")

    assert len(payloads) > 200
    assert [payload for payload in payloads if PRESIGNED_URL_CANARY in payload or "presignedUrl" in payload] == []


def test_runs_that_landed_in_fewer_tables_have_all_of_them_now(warehouse: Warehouse) -> None:
    warehouse.run("processor_runs", "raw_payloads", keep_raw=True)
    assert warehouse.tables() == {"processor_runs", "raw_payloads"}

    rebuilt(warehouse)

    assert_holds(warehouse, loaded_tables="standard,raw_payloads")
    assert warehouse.sync().fetched == 0


def test_another_machine_can_rebuild(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync(keep_raw=True)
    before = rows_of(any_warehouse)
    delete_everything(any_warehouse)
    other = any_warehouse.on_another_machine()

    result = rebuilt(other)

    assert result.complete
    assert_same(rows_of(any_warehouse), before)
    assert other.sync(keep_raw=True).fetched == 0


def test_without_payloads_one_line_says_what_to_do(any_warehouse: AnyWarehouse) -> None:
    with pytest.raises(ExtendError) as before_any_load:
        rebuilt(any_warehouse)
    any_warehouse.sync()
    before = rows_of(any_warehouse)
    with pytest.raises(ExtendError) as without_table:
        rebuilt(any_warehouse)
    any_warehouse.sync(run_ids=[], keep_raw=True)
    with pytest.raises(ExtendError) as without_rows:
        rebuilt(any_warehouse)

    assert {str(caught.value) for caught in (before_any_load, without_table, without_rows)} == {
        "No payload has landed that tables could be rebuilt from. "
        "Set keep_raw = true under [sources.extend] and sync first."
    }
    assert any_warehouse.count("raw_payloads") == 0
    assert_same(rows_of(any_warehouse), before)
    assert any_warehouse.sync().fetched == 0


def test_no_rebuild_runs_beside_a_sync(warehouse: Warehouse) -> None:
    warehouse.sync(keep_raw=True)

    with only_sync(warehouse.pipeline), pytest.raises(ExtendError, match="already syncing pipeline extend"):
        rebuild(warehouse.pipeline)


def test_a_load_that_was_left_behind_is_finished_first(warehouse: Warehouse) -> None:
    warehouse.sync(run_ids=warehouse.server.workspace.run_ids()[:10], keep_raw=True)
    warehouse.pipeline.extract(extend_source(**warehouse.settings(keep_raw=True)))

    result = rebuilt(warehouse)

    assert (result.runs, result.without_payload, len(result.load_ids)) == (120, 0, 2)
    assert_holds(warehouse, loaded_tables=EVERYTHING)


def test_a_setting_that_cannot_be_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(Exception, match="file_contents takes embedded, fetch, none; not 'all'"):
        rebuild(warehouse.pipeline, file_contents="all")
