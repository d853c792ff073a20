"""Payloads that have landed are read in the order asked for, many at once, but not more than memory may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from extend_source.config.settings import SECTION
from extend_source.ingest.stored_payloads import (
    PayloadReader,
    StoredPayload,
    in_batches,
    stored_payloads,
)
from extend_source.pipeline.landed import LandedData
from extend_source.sandbox import SandboxServer
from extend_source.tables import TableSchema
from tests.acceptance.conftest import new_databases
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

pytestmark = pytest.mark.slow

NO_MAXIMUM = float("inf")


class CountingReader(LandedData):
    """Notes how many payloads are asked for at once, and how many characters these have."""

    def __init__(self, warehouse: AnyWarehouse) -> None:
        super().__init__(warehouse.pipeline, SECTION)
        self.asked: list[int] = []
        self.sizes: list[int] = []

    def lookup(self, table: TableSchema, columns: Any, keys: Iterable[str], *rest: Any, **how: Any) -> Iterator[Any]:
        wanted = list(keys)
        if wanted:
            self.asked.append(len(wanted))
        rows = list(super().lookup(table, columns, wanted, *rest, **how))
        if wanted:
            self.sizes.append(sum(len(row[1]) for row in rows))
        return iter(rows)


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyWarehouse]:
    """What two loads have left: 120 runs, and the text of their files; no test changes it."""
    folder = tmp_path_factory.mktemp("stored-payloads")
    with SandboxServer(runs=120) as server, ExitStack() as databases:
        warehouse: AnyWarehouse = Warehouse(server, folder)
        if request.param == "postgres":
            new_database = databases.enter_context(new_databases(request.getfixturevalue("postgres_server")))
            warehouse = PostgresWarehouse(server, folder, new_database())
        databases.enter_context(warehouse.kept_open())
        warehouse.sync(keep_raw=True, file_contents="fetch", package_runs=100)
        yield warehouse


@pytest.fixture
def landed(loaded: AnyWarehouse) -> CountingReader:
    return CountingReader(loaded)


def everything(landed: LandedData) -> list[StoredPayload]:
    return sorted([*stored_payloads("processor_run", landed), *stored_payloads("file", landed)])


def test_every_payload_comes_once_and_in_order(loaded: AnyWarehouse, landed: CountingReader) -> None:
    stored = everything(landed)

    read = list(PayloadReader(NO_MAXIMUM).read(stored, landed))

    assert [one for one, _ in read] == stored
    assert [(raw.is_file, raw.id) for _, raw in read if raw] == [(one.is_file, one.id) for one in stored]
    rows = loaded.rows("raw_payloads")
    assert len([row for row in rows if row["resource_type"] == "processor_run"]) == 120
    assert {raw.id: raw.payload for _, raw in read if raw} == {row["id"]: row["payload"] for row in rows}


def test_no_more_bytes_are_read_at_once_than_may_be_once_their_size_is_known(landed: CountingReader) -> None:
    runs = sorted(stored_payloads("processor_run", landed))
    list(PayloadReader(NO_MAXIMUM).read(runs, landed))
    (size,) = landed.sizes
    reader = PayloadReader(size / 4)

    list(reader.read(runs, landed))
    list(reader.read(runs, landed))

    assert landed.asked[:3] == [120, 120, 30]
    assert sum(landed.asked[2:]) == 120
    assert max(landed.sizes[2:]) < size / 2


def test_more_and_more_are_read_at_once(landed: CountingReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extend_source.ingest.stored_payloads._PAYLOADS_OF_FIRST_READ", 10)
    runs = sorted(stored_payloads("processor_run", landed))

    list(PayloadReader(NO_MAXIMUM).read(runs, landed))

    assert landed.asked == [10, 30, 80]


def test_one_payload_at_a_time_is_read_where_none_is_small_enough(landed: CountingReader) -> None:
    runs = sorted(stored_payloads("processor_run", landed))[:5]
    reader = PayloadReader(1)
    list(reader.read(runs, landed))
    landed.asked.clear()

    read = list(reader.read(runs, landed))

    assert landed.asked == [1, 1, 1, 1, 1]
    assert [raw.id for _, raw in read if raw] == [run.id for run in runs]


def test_a_batch_is_full_by_count_or_by_size(landed: CountingReader, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = sorted(stored_payloads("processor_run", landed))
    payloads = list(PayloadReader(NO_MAXIMUM).read(runs, landed))

    monkeypatch.setattr("extend_source.ingest.stored_payloads._MAX_BATCH_PAYLOADS", 50)
    by_count = list(in_batches(payloads))
    monkeypatch.setattr("extend_source.ingest.stored_payloads._MAX_BATCH_CHARACTERS", 1)
    one_by_one = list(in_batches(payloads))

    assert [len(batch) for batch in by_count] == [50, 50, 20]
    assert [len(batch) for batch in one_by_one] == [1] * 120
    assert [one for batch in by_count for one in batch] == payloads


@pytest.mark.parametrize("load_id", ["", "0", "zzz"])
@pytest.mark.parametrize("every", [1, 2])
def test_a_payload_is_found_however_the_destination_sorts_the_names_of_loads(
    landed: CountingReader, load_id: str, every: int
) -> None:
    stored = [one if place % every else one._replace(load_id=load_id) for place, one in enumerate(everything(landed))]

    read = list(PayloadReader(NO_MAXIMUM).read(stored, landed))

    assert [raw.id for _, raw in read if raw] == [one.id for one in stored]


def test_a_payload_that_is_gone_is_said_to_be(landed: CountingReader) -> None:
    stored = everything(landed)
    stored[3] = stored[3]._replace(id="dpr_gone")

    read = list(PayloadReader(NO_MAXIMUM).read(stored, landed))

    assert [place for place, (_, raw) in enumerate(read) if raw is None] == [3]
