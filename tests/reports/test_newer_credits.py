"""The credit models over API 2026-02-09: parse runs in place of files, and each thing once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.warehouse import AnyWarehouse
from tests.reports.test_credit_models import file_of, run_of, select

ALL_TIME = {"first_day": date(2020, 1, 1), "last_day": date(2026, 12, 31)}
NOON = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def any_empty(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """An empty warehouse in front of the stand-in without runs, in each destination."""
    return make_warehouse(empty_server)


def put(workspace: Workspace, run_id: str, credits: float | None, *files: str, hours: int = 0, **more: Any) -> None:
    """Put a run on files that are there already."""
    embedded = [workspace.file_payload(file_id) for file_id in files]
    workspace.put_run(run_of(run_id, credits, files=embedded, **more), created_at=NOON + timedelta(hours=hours))


def upload(workspace: Workspace, file_id: str, credits: float | None, pages: int = 1) -> None:
    workspace.put_file(file_of(file_id, pages, credits))
    workspace.files[file_id].pages = pages


def reuse(workspace: Workspace) -> None:
    """A fresh upload of 4 pages, extraction A with its parse, then extraction B on the same file."""
    upload(workspace, "file_1", 8, 4)
    put(workspace, "dpr_a", 12, "file_1")
    put(workspace, "dpr_b", 12, "file_1", hours=24)


LEDGER = (
    "select resource_type, resource_id, kind, credits, usage, run_id, files, file_id, file_type, pages, spent_on,"
    " dated_by from credit_ledger order by resource_id"
)
FILE = ("file_1", "PDF", 4)
REUSED = [
    ("processor_run", "exr_a", "processing", 12, "reported", "exr_a", 1, *FILE, date(2026, 7, 1), "created"),
    ("processor_run", "exr_b", "processing", 12, "reported", "exr_b", 1, *FILE, date(2026, 7, 2), "created"),
    ("parse_run", "pr_1", "parsing", 8, "reported", "exr_a", 1, *FILE, date(2026, 7, 1), "first_run"),
]


@pytest.mark.parametrize("order", [("exr_a", "exr_b"), ("exr_b", "exr_a"), ("exr_a exr_b",)], ids=" ".join)
def test_a_parse_that_a_later_run_uses_again_counts_once(any_empty: AnyWarehouse, order: Sequence[str]) -> None:
    reuse(any_empty.server.workspace)
    for ids in order:
        any_empty.sync(run_ids=ids.split(), api_version=CURRENT_VERSION)

    assert {(row["run_id"], row["resource_id"], row["credits"]) for row in any_empty.rows("credit_attributions")} == {
        *(("exr_a", "pr_1", 8), ("exr_a", "exr_a", 12), ("exr_b", "exr_b", 12))
    }
    assert {row["id"]: row["total_credits"] for row in any_empty.rows("processor_runs")} == {"exr_a": 20, "exr_b": 12}
    assert select(any_empty, LEDGER) == REUSED
    assert select(any_empty, "select sum(credits) from credit_ledger") == [(32,)]
