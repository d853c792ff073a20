"""The credit account, the truth that reports are compared with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from extend_source.sandbox import ConflictError, NotFoundError, Workspace


def test_each_run_counts_once_and_each_shared_file_once() -> None:
    workspace = Workspace(runs=0)
    first = workspace.add_run(processor="invoices", status="PROCESSED")
    file_id = workspace.run_payload(first)["files"][0]["id"]
    workspace.add_run(processor="contracts", status="PROCESSED", file_id=file_id)
    account = workspace.credit_account()
    # two pages: invoices 2.1 cost 4 credits a page, contracts 2.0 cost 4, and parsing 2, once
    assert sorted(account.runs.values()) == [8, 8]
    assert account.files == {file_id: 4}
    assert (account.processing, account.parsing, account.total) == (16, 4, 20)


def test_fractions_add_up_exactly() -> None:
    workspace = Workspace(runs=0)
    for _ in range(10):
        workspace.put_run({"id": f"dpr_{_}", "processorId": "dp", "usage": {"credits": 0.1}, "files": []})
    assert workspace.credit_account().total == Decimal("1.0")


def test_what_is_unknown_is_not_zero() -> None:
    workspace = Workspace(runs=0)
    workspace.put_run({"id": "dpr_1", "processorId": "dp"})
    workspace.put_run({"id": "dpr_2", "processorId": "dp", "usage": {"credits": 0}})
    account = workspace.credit_account()
    assert account.runs == {"dpr_2": 0}
    assert account.runs_without_usage == 1


def test_the_sums_by_processor_are_the_sum_of_all_runs() -> None:
    account = Workspace(seed=7, runs=200).credit_account()
    assert sum(account.processors.values()) == account.processing
    assert account.total == account.processing + account.parsing
    assert account.parsing > 0


def test_a_deleted_run_no_longer_counts() -> None:
    workspace = Workspace(seed=7, runs=50)
    before = workspace.credit_account()
    run_id = next(run_id for run_id, spent in before.runs.items() if spent > 0)
    workspace.delete_run(run_id)
    assert workspace.credit_account().processing == before.processing - before.runs[run_id]


def test_a_file_is_charged_when_its_first_run_ends() -> None:
    workspace = Workspace(runs=0)
    workspace.add_run()
    assert workspace.credit_account().total == 0
    workspace.advance(120)
    assert workspace.credit_account().parsing == 4


@pytest.mark.parametrize(("settled", "served"), [("12.5", 12.5), (Decimal("0.10"), 0.1), (7, 7), (0, 0), (2.75, 2.75)])
def test_credits_that_are_settled_late_are_exact_and_change_nothing_else(settled: Any, served: float) -> None:
    workspace = Workspace(seed=7, runs=40)
    run_id = next(iter(workspace.credit_account().runs))
    run, summary, before = workspace.run_payload(run_id), workspace.summary(run_id), workspace.credit_account()

    workspace.settle_credits(run_id, settled)

    assert without_links(workspace.run_payload(run_id)) == {**without_links(run), "usage": {"credits": served}}
    assert workspace.summary(run_id) == {**summary, "usage": {"credits": served}}
    account = workspace.credit_account()
    assert account.runs == {**before.runs, run_id: Decimal(str(settled))}
    assert account.files == before.files


def test_credits_can_be_settled_where_none_were_reported() -> None:
    workspace = Workspace(seed=7, runs=200)
    run = next(run for run in workspace.runs.values() if run.is_terminal and "usage" not in run.payload)
    unknown = workspace.credit_account().runs_without_usage
    workspace.settle_credits(run.id, "3.5")
    assert workspace.credit_account().runs[run.id] == Decimal("3.5")
    assert workspace.credit_account().runs_without_usage == unknown - 1


def test_a_settlement_moves_the_update_time_only_if_asked() -> None:
    workspace = Workspace(runs=0)
    run_id = workspace.add_run(status="PROCESSED", updated_at=workspace.now)
    workspace.advance(60)
    workspace.settle_credits(run_id, 1)
    assert workspace.summary(run_id)["updatedAt"] == "2026-02-02T09:00:00Z"
    workspace.settle_credits(run_id, 2, touch_updated_at=True)
    assert workspace.summary(run_id)["updatedAt"] == "2026-02-02T09:01:00Z"


@pytest.mark.parametrize("credits", ["n/a", "NaN", Decimal("Infinity"), "0.12345678901234567890", "0.1e-400"])
def test_a_settlement_that_would_not_be_exact_is_refused(credits: Any) -> None:
    workspace = Workspace(runs=0)
    run_id = workspace.add_run(status="PROCESSED")
    with pytest.raises(ValueError, match="is not a number that JSON carries exactly"):
        workspace.settle_credits(run_id, credits)


def test_only_a_generated_run_that_has_ended_is_settled() -> None:
    workspace = Workspace(runs=0)
    given = workspace.put_run({"id": "dpr_given", "status": "PROCESSED"})
    for run_id in (workspace.add_run(), workspace.add_run(status="PROCESSING"), given):
        with pytest.raises(ConflictError, match="only generated runs that have ended"):
            workspace.settle_credits(run_id, 1)
    with pytest.raises(NotFoundError):
        workspace.settle_credits("dpr_none", 1)


def without_links(run: dict[str, Any]) -> dict[str, Any]:
    """A run without its signed links, which are new in every answer."""
    return {**run, "files": [{**file, "presignedUrl": None} for file in run["files"]]}
