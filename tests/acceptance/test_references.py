"""What dlt knows of how the tables hang together: its joins and its drawings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extend_source.sandbox import SandboxServer
from tests.acceptance.small_world import fill
from tests.acceptance.warehouse import Warehouse


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with SandboxServer(runs=0) as server:
        fill(server.workspace)
        warehouse = Warehouse(server, tmp_path_factory.mktemp("references"))
        warehouse.sync()
        yield warehouse


@pytest.mark.slow
def test_dlt_joins_values_typed_rows_and_configs_with_their_runs(loaded: Warehouse) -> None:
    dataset = loaded.pipeline.dataset()
    for table in ("extraction_fields", "extraction_invoices", "splits"):
        joined = dataset.table(table).join("processor_runs").fetchall()
        assert len(joined) == loaded.count(table) > 0
    configs = dataset.table("run_config_fields").join("run_configs").fetchall()
    assert len(configs) == loaded.count("run_config_fields")


def test_dlt_draws_lines_from_runs_to_their_rows_and_configs(loaded: Warehouse) -> None:
    drawing = loaded.pipeline.default_schema.to_mermaid().split("\n")
    lines = {tuple(line.split()[::2][:2]) for line in drawing if "||--|{" in line}
    assert {
        ("extraction_fields", "processor_runs"),
        ("processor_runs", "run_configs"),
        ("processor_run_files", "files"),
        ("file_pages", "files"),
        ("splits", "files"),
    } <= lines
