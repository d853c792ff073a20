"""How long the pin on sqlglot has to stay, and that reading works with the versions that are installed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import dlt
import pytest
from sqlglot.optimizer.qualify import qualify


@pytest.fixture
def dataset(tmp_path: Path) -> dlt.Dataset:
    pipeline = dlt.pipeline("tiny", destination=dlt.destinations.duckdb(str(tmp_path / "tiny.duckdb")))
    pipeline.run([{"id": 1, "name": "one"}, {"id": 2, "name": "two"}], table_name="numbers")
    return pipeline.dataset()


def test_dataset_reads_work_with_the_installed_versions(dataset: dlt.Dataset):
    numbers = dataset["numbers"].select("id", "name").order_by("id")
    assert numbers.fetchall() == [(1, "one"), (2, "two")]
    assert dataset("select count(*) from numbers").fetchall() == [(2,)]


def test_the_pin_on_sqlglot_is_still_needed(dataset: dlt.Dataset, monkeypatch: pytest.MonkeyPatch):
    """From 30.22 on sqlglot's qualify() no longer takes `infer_schema`, which dlt (dlt/dataset/lineage.py) passes."""

    def newer_qualify(expression: Any, *args: Any, **options: Any) -> Any:
        if "infer_schema" in options:
            raise TypeError("qualify() got an unexpected keyword argument 'infer_schema'")
        return qualify(expression, *args, **options)

    # By its full name: the function `dlt.dataset` hides the module of that name.
    monkeypatch.setattr(import_module("dlt.dataset.lineage"), "qualify", newer_qualify, raising=False)
    try:
        dataset["numbers"].select("id").fetchall()
    except TypeError:
        return  # as long as dlt fails so, newer versions of sqlglot cannot be allowed
    pytest.fail("dlt reads with newer sqlglot again: lift the pin in pyproject.toml")
