"""The figures of a credit report: what the shell, the page and machines are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class DaySpend:
    """What a processor spent on a day.

    Attributes:
        day: the day, UTC.
        processor_id: the processor; None: of runs that were given a configuration instead, or of files that no run
            uses.
        processor: its name.
        version_id: its version.
        kind: processing, parsing, or another of the API's names.
        things: runs, or files or parse runs.
        known: those of them whose credits are known.
        credits: their sum; None: none is known.
        cost: the same at the price of the day; None: without a price, or unknown.
        processor_type: EXTRACT, CLASSIFY or SPLITTER.
        resource_type: what the things are, for example processor_run, file or parse_run; None: not told.
    """

    day: date
    processor_id: str | None
    processor: str | None
    version_id: str | None
    kind: str
    things: int
    known: int
    credits: Decimal | None
    cost: Decimal | None = None
    processor_type: str | None = None
    resource_type: str | None = None


@dataclass(frozen=True)
class ProductSpend:
    """What a processor was charged for on a day.

    Attributes:
        day: the day, UTC.
        processor_id: the processor; None: as in `DaySpend`.
        processor: its name.
        product: what was charged; None: not said.
        unit: page, cell or usd; None: not said.
        charges: lines of the bill.
        quantity: how many units; of usd: dollars. None: not said.
        pages: the quantity of what is charged by the page; None: another unit, or not said of all of it.
        credits: their credits; None: unknown.
        cost: the same at the price of the day; None: without a price, or unknown.
    """

    day: date
    processor_id: str | None
    processor: str | None
    product: str | None
    unit: str | None
    charges: int
    quantity: Decimal | None
    pages: Decimal | None
    credits: Decimal | None
    cost: Decimal | None = None


@dataclass(frozen=True)
class UnitCost:
    """What a version of a processor costs.

    Attributes:
        processor_id: the processor.
        processor: its name.
        version_id: the version.
        first_used_on: the day of its first run.
        runs: processed runs.
        runs_known: those whose credits are known.
        per_document: credits per run, without parsing; None: unknown, as are the next ones.
        per_page: credits per page, where pages are known.
        share_by_page: the share of the credits that has pages.
        per_accepted_field: credits of reviewed runs per value that a reviewer left as it was.
    """

    processor_id: str | None
    processor: str | None
    version_id: str | None
    first_used_on: date
    runs: int
    runs_known: int
    per_document: Decimal | None
    per_page: Decimal | None
    share_by_page: Decimal | None
    per_accepted_field: Decimal | None


@dataclass(frozen=True)
class CostBin:
    """How many documents cost about the same.

    Attributes:
        month: the first day of the month.
        processor_id: the processor.
        processor: its name.
        lower: the lower bound in credits, included.
        upper: the upper bound, left out.
        runs: processed runs, parsing not counted.
    """

    month: date
    processor_id: str | None
    processor: str | None
    lower: Decimal
    upper: Decimal
    runs: int


@dataclass(frozen=True)
class ExpensiveRun:
    """One of the runs that cost most.

    Attributes:
        run_id: the run.
        day: its day, UTC.
        processor_id: the processor.
        processor: its name.
        version_id: its version.
        credits: what it cost, without parsing.
        pages: its pages; None: unknown.
        url: the run in the dashboard.
        cost: the credits at the price of the day; None: without a price.
    """

    run_id: str
    day: date
    processor_id: str | None
    processor: str | None
    version_id: str | None
    credits: Decimal
    pages: int | None
    url: str | None
    cost: Decimal | None = None


@dataclass(frozen=True)
class WastedSpend:
    """Credits that bought nothing.

    Attributes:
        reason: failed_run, cancelled_run, parsed_in_vain or processed_again.
        day: the day, UTC.
        processor_id: the processor.
        processor: its name.
        things: runs or files.
        unknown: those of them whose credits are unknown.
        credits: what the others cost; None: all are unknown.
        cost: the same at the price of the day; None: without a price, or unknown.
    """

    reason: str
    day: date
    processor_id: str | None
    processor: str | None
    things: int
    unknown: int
    credits: Decimal | None
    cost: Decimal | None = None


@dataclass(frozen=True)
class Coverage:
    """Of how many runs or files the credits are known.

    Attributes:
        month: the first day of the month.
        kind: processing (runs), parsing (files or parse runs), or another of the API's names.
        reported: those that are known.
        pending: runs that have not ended.
        not_reported: the others.
    """

    month: date
    kind: str
    reported: int
    pending: int
    not_reported: int


@dataclass(frozen=True)
class Anomaly:
    """A day on which a processor spent unusually much or little.

    Attributes:
        day: the day, UTC.
        processor_id: the processor; None: runs that were given a configuration instead.
        processor: its name.
        credits: what is known to have been spent.
        median: the median of the same weekday.
        robust_z: how unusual that is; None: the other days are all alike.
    """

    day: date
    processor_id: str | None
    processor: str | None
    credits: Decimal
    median: Decimal
    robust_z: Decimal | None


@dataclass(frozen=True)
class BudgetMark:
    """When a part of the budget was used, or will be.

    Attributes:
        share: the part, for example 0.8.
        credits: that part of the budget.
        day: the day on which the month reaches it; None: not in this month, or unknown.
        reached: it has been reached; otherwise the day is a projection.
    """

    share: Decimal
    credits: Decimal
    day: date | None
    reached: bool


@dataclass(frozen=True)
class MonthBefore:
    """The month before, beside as many days of this one.

    Attributes:
        month: its first day.
        days: the days that are compared: those of this month that are complete.
        credits: spent in these days of this month; None: nothing of it is known, as in the next ones.
        credits_before: spent in as many days of the month before.
        credits_in_all: spent in the whole month before.
        cost: the first of these sums at list price; None: some of it has no price, as in the next ones.
        cost_before: the second one at list price.
        cost_in_all: the third one at list price.
        unknown: runs and files of the month before whose credits are unknown.
    """

    month: date
    days: int
    credits: Decimal | None
    credits_before: Decimal | None
    credits_in_all: Decimal | None
    cost: Decimal | None
    cost_before: Decimal | None
    cost_in_all: Decimal | None
    unknown: int


@dataclass(frozen=True)
class MonthToDate:
    """Where the month stands.

    Attributes:
        month: its first day.
        days: its days up to the last day of the report.
        days_in_month: all of its days.
        credits: spent so far, as far as known; None: nothing of it is known.
        projected: expected at the end of the month; None: unknown.
        budget: credits to spend in a month; None: no budget.
        cost: what that costs, less what the plan includes; None: without prices, or some of it has no price.
        projected_cost: the same for the end of the month.
        unknown: runs and files of the month whose credits are unknown. Where there are any, all sums are lower bounds.
        list_cost: what the credits cost at list price, before anything that is included; None: as `cost`.
        projected_list_cost: the same for the end of the month.
        included: credits of the month that the plan includes; None: without prices.
        marks: when parts of the budget were used or will be; none without a budget.
        before: the month before; None: nothing is known to have been spent before this month.
    """

    month: date
    days: int
    days_in_month: int
    credits: Decimal | None
    projected: Decimal | None
    budget: Decimal | None
    cost: Decimal | None
    projected_cost: Decimal | None
    unknown: int = 0
    list_cost: Decimal | None = None
    projected_list_cost: Decimal | None = None
    included: Decimal | None = None
    marks: tuple[BudgetMark, ...] = ()
    before: MonthBefore | None = None


@dataclass(frozen=True)
class CreditFigures:
    """All figures of a report.

    Attributes:
        pipeline: the name of the pipeline.
        destination: where the rows are, without any password.
        dataset: the dataset (schema) they are in.
        at: when they were looked up, UTC.
        first_day: the first day of the report.
        last_day: its last one.
        currency: of all costs; None: there are no prices.
        month: the month of the last day.
        days: spend by day, processor version and kind; days without any are left out.
        unit_costs: by processor version, of all time.
        distribution: documents by cost.
        expensive: the runs that cost most, of each processor and month, the dearest first.
        waste: by reason, day and processor.
        coverage: by month and kind.
        anomalies: the days that need a look.
        last_sync: when the last load was written, UTC; None: never.
        newest_run: when the newest run was created, UTC.
        warnings: what a reader must know, a line each.
        products: by day, processor, product and unit; it adds up to the same as `days`.
        credit_price: the price of a credit on the last day; None: there is none.
        workspaces: the ids of the workspaces whose runs are in the report, as far as the settings named them.
    """

    pipeline: str
    destination: str
    dataset: str
    at: datetime
    first_day: date
    last_day: date
    currency: str | None
    month: MonthToDate
    days: list[DaySpend]
    unit_costs: list[UnitCost]
    distribution: list[CostBin]
    expensive: list[ExpensiveRun]
    waste: list[WastedSpend]
    coverage: list[Coverage]
    anomalies: list[Anomaly]
    last_sync: datetime | None
    newest_run: datetime | None
    warnings: list[str]
    products: list[ProductSpend] = field(default_factory=list)
    credit_price: Decimal | None = None
    workspaces: list[str] = field(default_factory=list)
