"""Payloads in Arrow batches, flattened without a pipeline: the rows are those that a sync has landed."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from extend_source import FlattenPlan, flatten_batches, flatten_files, sighted_processors
from extend_source.api import CURRENT_VERSION
from extend_source.config.groups import GROUPS
from extend_source.sandbox import SandboxServer
from extend_source.tables import TypedName
from extend_source.tables.seen_files import SEEN_FILES
from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.slow

IN_ORDER = [(name, "ascending") for name in ("id", "fetched_at", "is_fetched", "seen_in")]
NOW = datetime(2026, 2, 2, tzinfo=timezone.utc)
KEY = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Runs of the newer generation, with their payloads."""
    with SandboxServer(runs=60) as server:
        warehouse = Warehouse(server, tmp_path_factory.mktemp("landed"))
        warehouse.sync(
            keep_raw=True,
            api_version=CURRENT_VERSION,
            parse_output="words",
            file_contents="fetch",
            objects=list(GROUPS),
            verify_details=True,
        )
        yield warehouse


def table(warehouse: Warehouse, name: str) -> pa.Table:
    """A table as it has landed."""
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.sql(f'from extend."{name}"').to_arrow_table()


def flattened(plan: FlattenPlan, *parts: Iterable[pa.RecordBatch]) -> dict[str, pa.Table]:
    """All tables, each part flattened as by a worker of its own; of what several tell, one row each."""
    found: dict[str, list[pa.Table]] = {}
    for part in parts:
        for tables in flatten_batches(part, plan):
            for name, rows in tables.items():
                found.setdefault(name, []).append(rows)
    seen = pa.concat_tables(found.pop(SEEN_FILES.name)).sort_by(IN_ORDER)
    for tables in flatten_files(seen.to_batches(max_chunksize=7), plan):
        for name, rows in tables.items():
            found.setdefault(name, []).append(rows)
    return {name: pa.concat_tables(rows) for name, rows in found.items()}


def as_rows(table: pa.Table, columns: Iterable[str]) -> set[str]:
    return {repr(row) for row in table.select(sorted(columns)).to_pylist()}


def test_the_rows_are_those_that_a_sync_has_landed_in_whichever_order_payloads_come(landed: Warehouse) -> None:
    batches = table(landed, "raw_payloads").to_batches(max_chunksize=9)
    random.Random(1).shuffle(batches)
    names = [
        TypedName(**row)
        for row in table(landed, "typed_columns").drop_columns(["_dlt_load_id", "recorded_at"]).to_pylist()
    ]
    parts = batches[::2], batches[1::2]
    plan = FlattenPlan.of(with_fetched_files=True, parse_output="words", now=NOW, objects=list(GROUPS))
    plan, _ = plan.agreed([each for part in parts for each in sighted_processors(part)], names)

    tables = flattened(pickle.loads(pickle.dumps(plan)), *parts)

    compared = plan.tables.keys() - {"typed_columns", "schema_drift"}
    assert len(compared) > 45
    for name in compared:
        theirs = table(landed, name)
        columns = set(theirs.column_names) - {"_dlt_load_id", "row_counts", "observed_at"}
        assert as_rows(tables[name], columns) == as_rows(theirs, columns), name
        if name not in plan.shared:
            assert tables[name].num_rows == theirs.num_rows, name


def test_the_names_of_typed_tables_are_agreed_on_whoever_has_seen_what(landed: Warehouse) -> None:
    batches = table(landed, "raw_payloads").to_batches(max_chunksize=9)
    sightings = [each for batch in batches for each in sighted_processors([batch])]

    plan, rows = FlattenPlan.of(with_fetched_files=True, now=NOW).agreed(sightings)
    other, same = FlattenPlan.of(with_fetched_files=True, now=NOW).agreed(reversed(sightings))

    assert rows.equals(same)
    assert plan.names == other.names
    landed_names = table(landed, "typed_columns")
    columns = (
        "processor_id",
        "path",
        "data_type",
        "first_version_id",
        "first_seen_at",
        "last_version_id",
        "last_seen_at",
    )
    assert as_rows(rows, columns) == as_rows(landed_names, columns)


def seen(file: str, *, load: str, minute: int, fetched: bool = False) -> dict[str, Any]:
    """A row of ``seen_files``."""
    at = datetime(2026, 2, 1, 9, minute, tzinfo=timezone.utc)
    row = {"id": "file_1", "fetched_at": at, "is_fetched": fetched, "seen_in": f"run_{minute}", "keep_empty": False}
    return {**row, "brought_by": load, "file": file}


def test_what_later_loads_say_of_a_file_stands_and_what_they_do_not_know_is_kept() -> None:
    schema = pa.schema([field for field in SEEN_FILES.arrow_schema if field.name != "_dlt_load_id"])
    rows = [
        seen(
            '{"id":"file_1","name":"a.pdf","metadata":{"pageCount":2},"usage":{"credits":0.3},'
            '"contents":{"rawText":"old","markdown":"# old","pages":[{"pageNumber":1},{"pageNumber":2}]}}',
            load="1",
            minute=1,
        ),
        seen('{"id":"file_1","name":"b.pdf"}', load="1", minute=2),
        seen(
            '{"id":"file_1","name":"c.pdf","contents":{"rawText":"new","pages":[{"pageNumber":1}]}}', load="2", minute=3
        ),
    ]
    plan = FlattenPlan.of(with_fetched_files=False, now=NOW)

    (tables,) = flatten_files(pa.Table.from_pylist(rows, schema=schema).to_batches(), plan)

    (file,) = tables["files"].to_pylist()
    assert (file["name"], file["page_count"], str(file["credits"])) == ("c.pdf", 2, "0.300000")
    assert file["fetched_at"] == datetime(2026, 2, 1, 9, 3, tzinfo=timezone.utc)
    assert [(row["raw_text"], row["markdown"]) for row in tables["file_contents"].to_pylist()] == [("new", "# old")]
    assert tables["file_pages"]["page_number"].to_pylist() == [1]
    assert tables["credit_usage"]["observed_at"].to_pylist() == [datetime(2026, 2, 1, 9, 2, tzinfo=timezone.utc)]


def payloads(*texts: str, **more: list[Any]) -> pa.RecordBatch:
    """A batch of payloads of runs."""
    ids = [f"dpr_{number}" for number in range(len(texts))]
    same = {"resource_type": ["processor_run"] * len(texts), "fetched_at": [datetime(2026, 2, 1)] * len(texts)}
    return pa.RecordBatch.from_pydict({"id": ids, "payload": list(texts), **same, **more})


def test_one_odd_payload_is_told_and_does_not_end_it() -> None:
    good = '{"id":"dpr_0","object":"document_processor_run","type":"CLASSIFY","status":"PROCESSED","files":[]}'
    plan = FlattenPlan.of(with_fetched_files=False, now=NOW)

    (tables,) = flatten_batches([payloads(good, "{", '{"id":"dpr_9"}')], plan)

    assert tables["processor_runs"]["id"].to_pylist() == ["dpr_0"]
    assert tables["processor_runs"]["fetched_at"].to_pylist() == [datetime(2026, 2, 1, tzinfo=timezone.utc)]
    assert [(row["id"], row["error_code"], row["first_seen_at"]) for row in tables["fetch_errors"].to_pylist()] == [
        ("dpr_1", "EXT-207", NOW),
        ("dpr_2", "EXT-207", NOW),
    ]


def test_nothing_comes_of_nothing_and_a_missing_column_is_named() -> None:
    plan = FlattenPlan.of(with_fetched_files=False, now=NOW)

    assert list(flatten_batches([], plan)) == []
    assert list(flatten_batches([payloads()], plan)) == []
    with pytest.raises(ValueError, match=r"^The payloads lack columns: resource_type, fetched_at$"):
        list(flatten_batches([payloads("{}").select(["id", "payload"])], plan))


def test_large_payloads_become_small_batches() -> None:
    run = '{"id":"dpr_%d","object":"document_processor_run","type":"CLASSIFY","metadata":{"x":"%s"}}'
    large = payloads(*(run % (number, "x" * 9_000_000) for number in range(3)))

    batches = list(flatten_batches([large], FlattenPlan.of(with_fetched_files=False, now=NOW)))

    assert [tables["processor_runs"].num_rows for tables in batches] == [2, 1]


def test_a_plan_hides_what_privacy_hides_and_carries_no_key() -> None:
    plan = FlattenPlan.of(
        with_fetched_files=True,
        api_key="sk_secret",
        now=NOW,
        privacy={"key": KEY, "fields": {"**": "hash"}, "columns": {"files.name": "mask"}},
    )
    assert KEY not in repr(plan)
    assert b"sk_secret" not in pickle.dumps(plan)

    run = (
        '{"id":"dpr_0","object":"document_processor_run","type":"EXTRACT","status":"PROCESSED","processorId":"dp_1",'
        '"config":{"type":"EXTRACT","schema":{"type":"object","properties":{"iban":{"type":"string"}}}},'
        '"output":{"value":{"iban":"DE-SECRET"}},"files":[{"id":"file_1","name":"SECRET.pdf",'
        '"contents":{"rawText":"DE-SECRET"}}]}'
    )
    tables = flattened(plan, [payloads(run)])
    assert tables["files"].num_rows == tables["extraction_fields"].num_rows == 1
    assert not any("SECRET" in str(rows.to_pylist()) for rows in tables.values())


def test_erased_files_stay_away(tmp_path: Path) -> None:
    run = '{"id":"dpr_0","object":"document_processor_run","type":"CLASSIFY","files":[{"id":"file_1"},{"id":"file_2"}]}'
    plan = FlattenPlan.of(with_fetched_files=False, erased_files=["file_1"], now=NOW)

    tables = flattened(plan, [payloads(run)])

    assert tables["files"]["id"].to_pylist() == tables["processor_run_files"]["file_id"].to_pylist() == ["file_2"]
