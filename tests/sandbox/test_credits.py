"""The credit account, the truth that reports are compared with."""

from __future__ import annotations

from decimal import Decimal

from extend_source.sandbox import Workspace


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
