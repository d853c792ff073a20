"""The rows behind the charts of the credit page: bounded, added up within months, and true to what is unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from extend_source.reports.figures import CostBin, CreditFigures, DaySpend, ExpensiveRun, UnitCost, WastedSpend
from extend_source.reports.page import rows as page_rows_module
from extend_source.reports.page.labels import MAX_PROCESSORS, NO_PROCESSOR, OTHERS
from extend_source.reports.page.rows import MAX_BINS, MAX_ROWS, MAX_RUNS, MAX_VERSIONS, page_rows
from tests.reports.example_figures import example_figures, large_figures, no_figures


def spend(day: date, credits: int = 1, processor: str | None = "dp_0", name: str | None = "Invoices") -> DaySpend:
    return DaySpend(day, processor, name, "dpv_0", "processing", 1, 1, Decimal(credits))


def figures_of(first: date, last: date, **parts: Any) -> CreditFigures:
    return replace(no_figures(), first_day=first, last_day=last, **parts)


def test_links_lead_to_web_addresses_only() -> None:
    figures = example_figures()
    runs = [replace(figures.expensive[0], url="javascript:alert(1)"), figures.expensive[1]]

    rows = page_rows(replace(figures, expensive=runs)).datasets["runs"]

    assert [row["url"] for row in rows] == [None, "https://dashboard.extend.ai/runs/dpr_1"]


def test_unknown_is_no_zero() -> None:
    rows = page_rows(example_figures()).datasets["days"]

    before = [row for row in rows if row["day"] < "2025-10-07"]
    assert {row["credits"] for row in before} == {None}
    assert {row["unknown"] for row in before} == {4, 5}
    assert all(row["credits"] is not None for row in rows if row["day"] >= "2025-10-07")


@pytest.mark.slow
def test_all_datasets_of_a_large_workspace_are_bounded_and_lose_nothing() -> None:
    figures = large_figures(processors=60)

    rows = page_rows(figures)

    sizes = {name: len(dataset) for name, dataset in rows.datasets.items()}
    assert rows.span == "week"
    assert (len(rows.processors), rows.processors[-1]) == (MAX_PROCESSORS, OTHERS)
    assert sizes["days"] <= MAX_ROWS
    assert sizes["bins"] <= MAX_BINS
    assert sizes["runs"] <= MAX_RUNS
    assert sizes["waste"] == 36 * MAX_PROCESSORS * 4
    assert sizes["units"] == (MAX_PROCESSORS - 1) * MAX_VERSIONS * 3
    assert added_up(rows.datasets["days"], "credits") == pytest.approx(float(total(figures.days)))
    assert added_up(rows.datasets["waste"], "credits") == pytest.approx(float(total(figures.waste)))
    assert added_up(rows.datasets["bins"], "runs") == sum(bin_.runs for bin_ in figures.distribution)


def added_up(rows: list[dict[str, Any]], key: str) -> float:
    return sum(row[key] or 0 for row in rows)


def total(things: list[Any]) -> Decimal:
    return sum((thing.credits for thing in things if thing.credits is not None), Decimal(0))


def test_weeks_end_with_their_month(monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = date(2026, 1, 28), date(2026, 2, 4)  # a Wednesday, and the next one
    days = [spend(first + timedelta(ahead)) for ahead in range(8)]
    monkeypatch.setattr(page_rows_module, "MAX_ROWS", 3)

    rows = page_rows(figures_of(first, last, days=days))

    assert rows.span == "week"
    assert [(row["day"], row["until"], row["credits"]) for row in rows.datasets["days"]] == [
        ("2026-01-28", "2026-02-01", 4.0),  # to Saturday
        ("2026-02-01", "2026-02-02", 1.0),  # Sunday the 1st
        ("2026-02-02", "2026-02-05", 3.0),  # from Monday on
    ]


def test_the_credits_of_each_month_are_the_same_by_day_and_by_week(monkeypatch: pytest.MonkeyPatch) -> None:
    by_day = page_rows(example_figures())
    monkeypatch.setattr(page_rows_module, "MAX_ROWS", len(by_day.datasets["days"]) - 1)

    by_week = page_rows(example_figures())

    assert (by_day.span, by_week.span) == ("day", "week")
    assert of_months(by_week.datasets["days"]) == pytest.approx(of_months(by_day.datasets["days"]))


def of_months(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {
        month: added_up([row for row in rows if row["day"][:7] == month], "credits")
        for month in sorted({row["day"][:7] for row in rows})
    }


def test_small_processors_share_their_bins_and_their_waste() -> None:
    month = date(2026, 1, 1)
    days = [spend(month, 100 - number, f"dp_{number}", f"Processor {number}") for number in range(40)]
    small = [("dp_38", "Processor 38"), ("dp_39", "Processor 39")]
    bins = [CostBin(month, *who, Decimal(2), Decimal(4), 5) for who in small]
    waste = [WastedSpend("failed_run", date(2026, 1, 9), *who, 2, 1, Decimal(3)) for who in small]

    rows = page_rows(figures_of(month, date(2026, 1, 31), days=days, distribution=bins, waste=waste)).datasets

    assert [(row["processor"], row["lower"], row["upper"], row["runs"]) for row in rows["bins"]] == [
        (OTHERS, 2.0, 4.0, 10)
    ]
    assert [(row["day"], row["processor"], row["things"], row["unknown"], row["credits"]) for row in rows["waste"]] == [
        ("2026-01-01", OTHERS, 4, 2, 6.0)
    ]


def test_bins_become_wider_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    month = date(2026, 1, 1)
    bins = [CostBin(month, "dp_0", "Invoices", Decimal(2 * place), Decimal(2 * place + 2), place) for place in range(5)]
    monkeypatch.setattr(page_rows_module, "MAX_BINS", 3)

    rows = page_rows(figures_of(month, date(2026, 1, 31), days=[spend(month)], distribution=bins)).datasets["bins"]

    assert [(row["lower"], row["upper"], row["runs"]) for row in rows] == [(0.0, 4.0, 1), (4.0, 8.0, 5), (8.0, 12.0, 4)]


def test_the_most_expensive_runs_of_each_processor_and_month_come_first_and_are_few() -> None:
    days = [spend(date(2026, 1, 1)), spend(date(2026, 1, 1), 1, "dp_1", "Contracts")]
    runs = [
        ExpensiveRun(f"dpr_{who}_{place:02}", date(2026, 1, 1), who, None, None, Decimal(place), None, None)
        for who in ("dp_0", "dp_1")
        for place in range(30)
    ]

    rows = page_rows(figures_of(date(2026, 1, 1), date(2026, 1, 31), days=days, expensive=runs)).datasets["runs"]

    assert [row["run"] for row in rows[:4]] == ["dpr_dp_0_29", "dpr_dp_1_29", "dpr_dp_0_28", "dpr_dp_1_28"]
    assert len(rows) == 40
    assert rows[-1]["credits"] == 10.0


def unit(processor: str, version: str, since: date, per_page: Decimal | None = None) -> UnitCost:
    return UnitCost(processor, processor, version, since, 1, 1, Decimal(9), per_page, None, None)


def test_unit_costs_are_those_of_processors_of_the_span_and_of_their_newest_versions() -> None:
    first = date(2025, 1, 1)
    units = [unit("dp_0", f"dpv_{number:02}", first + timedelta(number)) for number in range(25)]

    rows = page_rows(
        figures_of(first, date(2026, 1, 31), days=[spend(first)], unit_costs=[unit("dp_idle", "dpv", first), *units])
    )

    assert [row["version"] for row in rows.datasets["units"]] == [f"dpv_{number:02}" for number in range(5, 25)]
    assert rows.left_out == ["Unit costs are those of the newest 20 versions of a processor."]
    assert rows.processors == ["Invoices"]


def test_the_first_unit_cost_shown_is_one_that_is_known() -> None:
    first = date(2025, 1, 1)
    without, with_pages = (
        figures_of(first, first, days=[spend(first)], unit_costs=[unit("dp_0", "dpv", first, per_page)])
        for per_page in (None, Decimal(2))
    )

    assert page_rows(without).measure == "per document"
    assert page_rows(with_pages).measure == "per page"


def test_processors_of_one_name_are_told_apart_by_their_ids() -> None:
    figures = example_figures()
    days = [replace(day, processor="Invoices") if day.processor_id == "dp_1" else day for day in figures.days]
    others: dict[str, Any] = {"unit_costs": [], "distribution": [], "expensive": [], "waste": []}

    processors = page_rows(replace(figures, days=days, **others)).processors

    assert {"Invoices (dp_0)", "Invoices (dp_1)"} <= set(processors)
    assert len(set(processors)) == len(processors) == 5


def test_names_that_look_alike_or_are_taken_are_told_apart_too() -> None:
    day = date(2026, 1, 1)
    names = {"dp_0": "Two  spaces ", "dp_1": " Two spaces", "dp_2": NO_PROCESSOR, "dp_3": OTHERS, "dp_4": "  "}
    days = [spend(day, 9, id_, name) for id_, name in names.items()]

    processors = page_rows(figures_of(day, day, days=[*days, spend(day, 1, None, None)])).processors

    assert sorted(processors) == [
        *("Files without a run", "Files without a run (dp_2)", "Other processors (dp_3)"),
        *("Two spaces (dp_0)", "Two spaces (dp_1)", "dp_4"),
    ]
