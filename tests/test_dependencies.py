"""How long pins have to stay, that reading works with the installed versions, and that all are known by hash."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from sqlglot.optimizer.qualify import qualify

from extend_source import sync
from extend_source.sandbox import SandboxServer

REPOSITORY = Path(__file__).parent.parent
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


@pytest.fixture
def dataset(tmp_path: Path) -> dlt.Dataset:
    pipeline = dlt.pipeline("tiny", destination=dlt.destinations.duckdb(str(tmp_path / "tiny.duckdb")))
    pipeline.run([{"id": 1, "name": "one"}, {"id": 2, "name": "two"}], table_name="numbers")
    return pipeline.dataset()


def test_dataset_reads_work_with_the_installed_versions(dataset: dlt.Dataset):
    numbers = dataset["numbers"].select("id", "name").order_by("id")
    assert numbers.fetchall() == [(1, "one"), (2, "two")]
    assert dataset("select count(*) from numbers").fetchall() == [(2,)]


@pytest.mark.slow
@pytest.mark.case("1.9")
def test_loaded_tables_are_read_as_arrow_tables_and_data_frames(tmp_path: Path):
    pipeline = dlt.pipeline("read", destination=dlt.destinations.duckdb(str(tmp_path / "read.duckdb")))
    with SandboxServer(runs=3) as server:
        sync(pipeline, api_key=server.api_key, base_url=server.base_url, requests_per_second=0)
        ids = sorted(server.workspace.run_ids())

    runs = pipeline.dataset().processor_runs
    assert sorted(runs.arrow()["id"].to_pylist()) == ids
    assert sorted(runs.df()["id"]) == ids


@pytest.mark.case("1.9")
def test_a_plain_install_brings_what_reading_the_demo_and_webhooks_need():
    plain = {re.split(r"[\[<>=;]", need)[0] for need in requires("dlt-source-extend") or () if "extra ==" not in need}
    assert {"duckdb", "pandas", "pyarrow", "starlette", "uvicorn"} <= plain


@pytest.mark.case("1.9")
def test_the_pin_on_duckdb_is_still_needed(dataset: dlt.Dataset, monkeypatch: pytest.MonkeyPatch):
    """From 2.0 on DuckDB's connection has no `fetch_arrow_table`, which dlt (destinations/impl/duckdb) calls."""
    monkeypatch.setattr(duckdb, "__version__", "2.0.0")
    monkeypatch.delattr(duckdb.DuckDBPyConnection, "fetch_arrow_table")
    try:
        dataset["numbers"].arrow()
    except AttributeError:
        return  # as long as dlt fails so, newer versions of DuckDB cannot be allowed
    pytest.fail("dlt reads with DuckDB 2.0 again: lift the pin in pyproject.toml")


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


@pytest.mark.case("S20")
def test_of_every_release_that_ci_installs_the_hashes_are_known():
    constraints, hashes = ((REPOSITORY / name).read_text() for name in ("constraints.txt", "hashes.txt"))
    assert sorted(PIN.findall(hashes)) == sorted(PIN.findall(constraints)), "run .ci/renew-hashes"

    newer_sdk = (REPOSITORY / "sdk-2026.txt").read_text()
    assert PIN.findall(newer_sdk) == [("extend-ai", "1.20.0")]

    releases = [
        release
        for text in (hashes, newer_sdk)
        for release in re.split(r"\n(?=\S)", text.strip())
        if not release.startswith("#")
    ]
    assert len(releases) == len(PIN.findall(constraints)) + 1
    for release in releases:
        assert re.fullmatch(r"[a-z0-9-]+==[^\s\\]+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+", release), (
            release
        )
