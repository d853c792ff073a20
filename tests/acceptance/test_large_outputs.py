"""Parse runs that are too large for one answer: their output comes by a signed link, which is nowhere afterwards."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import PRESIGNED_URL_CANARY, OddAnswer, SandboxServer
from tests.acceptance.scenes import impatient
from tests.acceptance.test_parse_runs import LISTS, put
from tests.acceptance.test_secrets import files_with
from tests.acceptance.warehouse import Warehouse, without_sync_columns
from tests.api.test_downloads import SMALL, put_large


@pytest.mark.slow
def test_a_large_output_lands_by_its_link_and_one_that_cannot_be_had_is_a_row_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    impatient(monkeypatch, attempts=2)
    caplog.set_level(logging.DEBUG)
    with SandboxServer(runs=0) as server:
        put(server.workspace, "small")
        put_large(server)
        put_large(server, "refused")
        warehouse = Warehouse(server, tmp_path)
        large = {"api_version": CURRENT_VERSION, "keep_raw": True, "max_body_megabytes": SMALL}
        server.instead = lambda entry: (
            OddAnswer(403) if entry.path.endswith("/pr_refused") and is_link(entry.path) else None
        )

        first = warehouse.sync(**large)
        errors = warehouse.rows("fetch_errors")
        requests = dict(server.requests.counts)
        server.instead = None
        second = warehouse.sync(**large)

        assert (first.failed, first.objects["parse_run"].fetched, first.objects["parse_run"].failed) == (0, 2, 1)
        assert requests == {**LISTS, "get_parse_run": 6, "download": 3}
        assert first.requests["download_output"] == 3
        (error,) = errors
        assert (error["id"], error["resource_type"], error["code"]) == ("pr_refused", "parse_run", "ObjectRefused")
        assert error["message"].startswith("The output of pr_refused: what its link leads to answered 403.")
        assert (second.complete, second.objects["parse_run"].fetched) == (True, 1)
        assert second.requests == {**LISTS, "get_parse_run": 2, "download_output": 1}  # what had landed has not changed
        assert warehouse.count("parse_chunks") == 11
        assert warehouse.rows("fetch_errors") == []
        assert warehouse.rows("schema_drift") == []
        cells = str(warehouse.cells())

        (tmp_path / "whole").mkdir()
        whole = Warehouse(server, tmp_path / "whole")
        whole.sync(api_version=CURRENT_VERSION, keep_raw=True)
        for table in ("parse_runs", "parse_chunks", "raw_payloads"):
            assert without_sync_columns(warehouse.rows(table)) == without_sync_columns(whole.rows(table)), table

    assert files_with(tmp_path, PRESIGNED_URL_CANARY, "_downloads/") == []
    for text in (cells, caplog.text, str(first), str(errors)):
        assert PRESIGNED_URL_CANARY not in text
        assert "_downloads/" not in text


def is_link(path: str) -> bool:
    return path.startswith("/_downloads/")
