"""What has landed is read without dlt's notes being read over and over."""

from __future__ import annotations

from typing import Any

import pytest
from dlt.common.storages import SchemaStorage

from extend_source.config.settings import SECTION
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.reader import KEYS_PER_QUERY
from extend_source.tables.schemas import PROCESSOR_RUNS
from tests.acceptance.scenes import put_small_runs
from tests.acceptance.warehouse import Warehouse


@pytest.mark.slow
def test_the_schema_is_read_once_however_many_columns_and_queries_there_are(
    empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = put_small_runs(empty_warehouse.server.workspace, 3)
    empty_warehouse.sync()
    load_schema, loaded = SchemaStorage.load_schema, []

    def noted(storage: SchemaStorage, name: str) -> Any:
        loaded.append(name)
        return load_schema(storage, name)

    landed = LandedData(empty_warehouse.pipeline, SECTION)
    list(landed.rows(PROCESSOR_RUNS, ("id",)))  # makes the client of the destination
    monkeypatch.setattr(SchemaStorage, "load_schema", noted)
    wanted = [*ids, *(f"dpr_other_{number}" for number in range(2 * KEYS_PER_QUERY))]

    found = list(landed.lookup(PROCESSOR_RUNS, PROCESSOR_RUNS.column_names, wanted))

    assert {row[0] for row in found} == set(ids)
    assert landed.knows_table(PROCESSOR_RUNS)
    assert loaded == []
    list(LandedData(empty_warehouse.pipeline, SECTION).rows(PROCESSOR_RUNS, ("id", "status")))
    assert SECTION in loaded  # which is how a reader of its own would
