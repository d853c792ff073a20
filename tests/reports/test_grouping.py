"""Spend by day, week, month, processor, version or type."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.reports.figures import DaySpend
from extend_source.reports.grouping import BY, By, spend_by, total


def day_spend(day: str, credits: str | None, **more: Any) -> DaySpend:
    amount = None if credits is None else Decimal(credits)
    values: dict[str, Any] = {
        "processor_id": "dp_1",
        "processor": "Invoices",
        "version_id": "dpv_1",
        "kind": "processing",
        "things": 1,
        "known": int(credits is not None),
        "processor_type": "EXTRACT",
    }
    return DaySpend(day=date.fromisoformat(day), credits=amount, **{**values, **more})


DAYS = [
    day_spend("2026-01-30", "1.5"),
    day_spend("2026-02-02", None),
    day_spend("2026-02-02", "4", kind="parsing"),
    day_spend(
        "2026-02-03", "2", processor_id="dp_2", processor="Letters", version_id="dpv_2", processor_type="CLASSIFY"
    ),
    day_spend(
        "2026-02-03", "9", processor_id=None, processor=None, version_id=None, kind="parsing", processor_type=None
    ),
]


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("day", [("2026-01-30", "1.5"), ("2026-02-02", "4"), ("2026-02-03", "11")]),
        ("week", [("2026-01-26", "1.5"), ("2026-02-02", "15")]),
        ("month", [("2026-01", "1.5"), ("2026-02", "15")]),
        ("processor", [("files without a run", "9"), ("Invoices", "5.5"), ("Letters", "2")]),
        ("version", [("files without a run, no version", "9"), ("Invoices, dpv_1", "5.5"), ("Letters, dpv_2", "2")]),
        ("type", [("unknown", "9"), ("EXTRACT", "5.5"), ("CLASSIFY", "2")]),
    ],
)
def test_groups_in_time_come_in_order_others_by_their_credits(by: By, groups: list[tuple[str, str]]) -> None:
    assert [(row.name, str(row.credits)) for row in spend_by(DAYS, by)] == groups


def test_runs_and_files_are_told_apart_and_the_unknown_ones_are_counted() -> None:
    (invoices,) = (row for row in spend_by(DAYS, "processor") if row.group == "dp_1")

    assert (invoices.runs, invoices.files, invoices.unknown) == (2, 1, 1)
    assert (invoices.processing, invoices.parsing, invoices.cost) == (Decimal("1.5"), Decimal(4), None)


def test_what_is_unknown_as_a_whole_is_no_zero_but_nothing_at_all_is() -> None:
    assert total([day_spend("2026-01-01", None)]).credits is None
    assert total([]).credits == 0


def test_a_group_in_which_some_credits_have_no_price_has_no_cost() -> None:
    priced = [day_spend("2026-01-02", "5", cost=Decimal("0.05")), day_spend("2026-01-03", None)]
    unpriced = day_spend("2025-12-31", "3")

    assert [row.cost for row in spend_by([unpriced, *priced], "month")] == [None, Decimal("0.05")]
    assert total([unpriced, *priced]).cost is None
    assert total([day_spend("2025-12-31", "0"), *priced]).cost == Decimal("0.05")


def test_without_parsing_nothing_is_known_of_files() -> None:
    days = [day_spend("2026-01-02", "5")]

    (row,) = spend_by(days, "type", includes_parsing=False)

    assert (row.runs, row.files, row.processing, row.parsing, row.credits) == (1, None, 5, None, 5)
    assert (total(days, includes_parsing=False).files, total(days).files, total(days).parsing) == (None, 0, 0)


@given(
    by=st.sampled_from(BY),
    parts=st.lists(
        st.builds(
            day_spend,
            st.dates(date(2025, 1, 1), date(2026, 12, 31)).map(str),
            st.one_of(st.none(), st.decimals(0, 10**6, places=6).map(str)),
            processor_id=st.sampled_from(["dp_1", "dp_2", None]),
            processor=st.sampled_from(["Invoices", None]),
            kind=st.sampled_from(["processing", "parsing"]),
        )
    ),
)
def test_the_groups_always_add_up_to_all_of_it(by: By, parts: list[DaySpend]) -> None:
    rows, all_of_it = spend_by(parts, by), total(parts)

    assert sum(row.credits or 0 for row in rows) == (all_of_it.credits or 0)
    assert sum(row.runs + (row.files or 0) for row in rows) == len(parts)
    assert sum(row.unknown for row in rows) == all_of_it.unknown
    if by != "version":  # versions are told apart by their processor as well
        assert len({row.group for row in rows}) == len(rows)
