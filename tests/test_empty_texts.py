"""Empty texts on PostgreSQL: kept in this source's tables, and NULL in those of others, as dlt has it."""

from __future__ import annotations

from pathlib import Path

import dlt
import pyarrow as pa
import pytest

from extend_source import extend_source
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import new_database, postgres, postgres_server  # noqa: F401
from tests.acceptance.scenes import small_run
from tests.acceptance.warehouse import PostgresWarehouse


@pytest.mark.slow
@pytest.mark.case("3.1")
@pytest.mark.core
@pytest.mark.thorough
def test_a_load_left_over_keeps_empty_texts_and_other_sources_are_copied_as_ever(
    postgres: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    with SandboxServer(runs=0) as server:
        server.workspace.put_run(small_run("dpr_1", processorName="", url=" ", metadata={"": ""}))
        warehouse = PostgresWarehouse(server, tmp_path, postgres)
        warehouse.pipeline.activate()
        warehouse.run("processor_runs")
        server.workspace.put_run(small_run("dpr_1", processorName="", url="", metadata=None, failureReason="\\N"))
        warehouse.pipeline.extract(extend_source(**warehouse.settings(refresh=True)))
        warehouse.pipeline.normalize()

        warehouse.sync()

        columns = "processor_name, url, metadata, failure_reason, failure_message"
        assert warehouse.query(f"select {columns} from processor_runs") == [("", "", None, "\\N", None)]

        other = dlt.pipeline(
            "other", destination=dlt.destinations.postgres(postgres), dataset_name="other", pipelines_dir=str(tmp_path)
        )
        other.run(pa.table({"name": ["", "a", None]}), table_name="names")
        assert warehouse.query("select name from other.names order by name") == [("a",), (None,), (None,)]
