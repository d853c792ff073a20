"""The figures of a made-up workspace: five processors, six months, a new version, and days of unknown cost."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from extend_source.reports.figures import (
    Anomaly,
    BudgetMark,
    CostBin,
    Coverage,
    CreditFigures,
    DaySpend,
    ExpensiveRun,
    MonthBefore,
    MonthToDate,
    UnitCost,
    WastedSpend,
)

FIRST, LAST = date(2025, 9, 1), date(2026, 2, 20)
KNOWN_FROM = date(2025, 10, 7)
NAMES = ("Invoices", "Contracts", 'Notes "Süd" <b>', "Classifier", "Splitter")
MONTH = MonthToDate(date(2026, 2, 1), 20, 28, Decimal(2000), Decimal(2800), Decimal(2500), None, None)


def days(processors: int = len(NAMES), first: date = FIRST) -> list[DaySpend]:
    """Spend of processors on all working days."""
    found = []
    for ahead in range((LAST - first).days + 1):
        day = first + timedelta(days=ahead)
        for number in range(processors if day.weekday() < 5 else 0):
            known = day >= KNOWN_FROM
            credits = Decimal(round(20 + 10 * math.sin(ahead / 9 + number), 2)).quantize(Decimal("0.01"))
            name = NAMES[number] if number < len(NAMES) else f"Processor {number}"
            common = (day, f"dp_{number}", name, f"dpv_{number}")
            found.append(DaySpend(*common, "processing", 5, 5 * known, credits if known else None))
            found.append(DaySpend(*common, "parsing", 4, 4 * known, credits / 4 if known else None))
    return found


def example_figures(processors: int = len(NAMES), first: date = FIRST) -> CreditFigures:
    """All figures."""
    months = [date(2025, 9, 1), date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1)]
    return CreditFigures(
        pipeline="extend_pipeline",
        destination="duckdb duckdb:////data/extend.duckdb",
        dataset="extend",
        at=datetime(2026, 2, 20, 12, tzinfo=timezone.utc),
        first_day=first,
        last_day=LAST,
        currency=None,
        month=MONTH,
        days=days(processors, first),
        unit_costs=[
            UnitCost(
                *("dp_0", "Invoices", version, since, 900, 880),
                *(Decimal("9.5"), Decimal(per_page), Decimal("0.9"), Decimal("0.3")),
            )
            for version, since, per_page in (("dpv_a", date(2025, 9, 1), "3"), ("dpv_b", date(2025, 12, 1), "4"))
        ],
        distribution=[
            CostBin(month, f"dp_{number}", NAMES[number], Decimal(2 * bin_), Decimal(2 * bin_ + 2), 40 - 3 * bin_)
            for month in months
            for number in range(len(NAMES))
            for bin_ in range(12)
        ],
        expensive=[
            ExpensiveRun(
                *(f"dpr_{number}", date(2026, 1, 1 + number), "dp_0", "Invoices", "dpv_0"),
                *(Decimal(90 - number), None if number else 12, f"https://dashboard.extend.ai/runs/dpr_{number}"),
            )
            for number in range(25)
        ],
        waste=[
            WastedSpend("processed_again", date(2025, 12, 3), "dp_0", "Invoices", 3, 0, Decimal(27)),
            WastedSpend("parsed_in_vain", date(2026, 1, 9), "dp_1", "Contracts", 2, 1, Decimal(4)),
            WastedSpend("failed_run", date(2026, 1, 9), "dp_1", "Contracts", 2, 2, None),
        ],
        coverage=[Coverage(month, "processing", 100, 1, 20) for month in months],
        anomalies=[Anomaly(date(2026, 1, 14), "dp_0", "Invoices", Decimal(90), Decimal(30), Decimal("6.2"))],
        last_sync=datetime(2026, 2, 20, 11, tzinfo=timezone.utc),
        newest_run=datetime(2026, 2, 20, 10, tzinfo=timezone.utc),
        warnings=["The month is heading for 2,800 credits, 300 above the budget."],
    )


def legacy_figures() -> CreditFigures:
    """The figures of a workspace that is billed without credits: of nothing is known what it cost."""
    nothing = replace(MONTH, credits=None, projected=None)
    return replace(
        example_figures(),
        month=nothing,
        days=[replace(day, known=0, credits=None) for day in days()],
        unit_costs=[],
        distribution=[],
        expensive=[],
        waste=[WastedSpend("failed_run", date(2026, 1, 9), "dp_1", "Contracts", 2, 2, None)],
    )


def large_figures(processors: int = 200, first: date = date(2023, 3, 1)) -> CreditFigures:
    """The figures of a large workspace over three years, with names, versions and links as long as they get."""
    months = sorted({day.replace(day=1) for ahead in range((LAST - first).days) if (day := first + timedelta(ahead))})
    names = [f"Processor {number} {'of a long name ' * 20}" for number in range(processors)]
    numbers, versions, width = range(processors), range(40), Decimal("2.5")
    of_all = [(month, number) for month in months for number in numbers]
    return replace(
        example_figures(processors, first),
        unit_costs=[
            UnitCost(
                *(f"dp_{number}", names[number], f"dpv_{number}_{version:022}", first + timedelta(version), 9, 9),
                *(Decimal("1.2345"), Decimal("2.3456"), Decimal("0.9"), Decimal("0.3456")),
            )
            for number in numbers
            for version in versions
        ],
        distribution=[
            CostBin(month, f"dp_{number}", names[number], width * bin_, width * (bin_ + 1), 7)
            for month, number in of_all
            for bin_ in range(24)
        ],
        expensive=[
            ExpensiveRun(
                *(f"dpr_{number:022}{place}", month + timedelta(place), f"dp_{number}", names[number], "dpv_0"),
                *(Decimal(place), 12, f"https://dashboard.extend.ai/runs/dpr_{number:022}{place}?{'x' * 200}"),
            )
            for month, number in of_all
            for place in range(20)
        ],
        waste=[
            WastedSpend(reason, month + timedelta(ahead), f"dp_{number}", names[number], 3, 1, Decimal("2.25"))
            for month, number in of_all
            for reason in ("processed_again", "parsed_in_vain", "failed_run", "cancelled_run")
            for ahead in (0, 9, 18)
        ],
    )


def no_figures() -> CreditFigures:
    """The figures of a workspace without a run."""
    nothing = MonthToDate(date(2026, 2, 1), 20, 28, Decimal(0), Decimal(0), None, None, None)
    return replace(
        example_figures(),
        month=nothing,
        days=[],
        unit_costs=[],
        distribution=[],
        expensive=[],
        waste=[],
        coverage=[],
        anomalies=[],
        last_sync=None,
        newest_run=None,
        warnings=[],
    )


def finance_figures() -> CreditFigures:
    """Figures of three months with prices and a budget, few enough to be added up by hand.

    January: 150 credits; February: 180; March: 45.5. Invoices: 280; Contracts: 95.5; Letters: unknown. A credit costs 2
    cents.
    """
    invoices, contracts, letters = (("dp_0", "Invoices"), ("dp_1", "Contracts"), ("dp_2", "-Letters"))
    spent = [
        _spend(date(2026, 1, 5), invoices, "processing", 4, 4, "100"),
        _spend(date(2026, 1, 5), invoices, "parsing", 4, 4, "20"),
        _spend(date(2026, 1, 20), contracts, "processing", 2, 2, "30"),
        _spend(date(2026, 2, 3), invoices, "processing", 5, 4, "120"),
        _spend(date(2026, 2, 3), contracts, "processing", 1, 1, "60"),
        _spend(date(2026, 2, 17), letters, "processing", 3, 0, None),
        _spend(date(2026, 3, 2), invoices, "processing", 2, 2, "40"),
        _spend(date(2026, 3, 2), contracts, "parsing", 2, 2, "5.5"),
    ]
    marks = [("0.5", 100, date(2026, 3, 15)), ("0.8", 160, date(2026, 3, 21)), ("1", 200, date(2026, 3, 24))]
    month = MonthToDate(
        month=date(2026, 3, 1),
        days=10,
        days_in_month=31,
        credits=Decimal("45.5"),
        projected=Decimal("281.5"),
        budget=Decimal(200),
        cost=Decimal(0),
        projected_cost=Decimal("1.63"),
        list_cost=Decimal("0.91"),
        projected_list_cost=Decimal("5.63"),
        included=Decimal(200),
        marks=tuple(BudgetMark(Decimal(share), Decimal(credits), day, False) for share, credits, day in marks),
        before=MonthBefore(
            *(date(2026, 2, 1), 9, Decimal("45.5"), Decimal(180), Decimal(180)),
            *(Decimal("0.91"), Decimal("3.6"), Decimal("3.6"), 4),
        ),
    )
    return replace(
        no_figures(),
        first_day=date(2026, 1, 1),
        last_day=date(2026, 3, 10),
        at=datetime(2026, 3, 11, 12, tzinfo=timezone.utc),
        currency="EUR",
        credit_price=Decimal("0.02"),
        month=month,
        days=spent,
        unit_costs=[
            UnitCost(
                *("dp_0", "Invoices", "dpv_0", date(2026, 1, 5), 11, 10),
                *(Decimal(26), Decimal("6.5"), Decimal(1), None),
            )
        ],
        distribution=[CostBin(date(2026, 1, 1), *invoices, Decimal(20), Decimal(30), 4)],
        expensive=[
            ExpensiveRun(
                *("dpr_1", date(2026, 2, 3), *contracts, "dpv_1", Decimal(60), 12, "https://dashboard.extend.ai/dpr_1"),
                cost=Decimal("1.2"),
            )
        ],
        waste=[WastedSpend("failed_run", date(2026, 2, 17), *letters, 1, 1, None)],
        last_sync=datetime(2026, 3, 10, 11, tzinfo=timezone.utc),
        newest_run=datetime(2026, 3, 2, 10, tzinfo=timezone.utc),
        warnings=["2026-02-03: Invoices spent 120 credits; the median of that weekday is 30."],
    )


def _spend(day: date, processor: tuple[str, str], kind: str, things: int, known: int, credits: str | None) -> DaySpend:
    cost = None if credits is None else Decimal(credits) * Decimal("0.02")
    return DaySpend(day, *processor, "dpv_0", kind, things, known, None if credits is None else Decimal(credits), cost)
