"""The credit report: the figures of a span of days, and where the month stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import dlt

from extend_source.config.pricing import Price
from extend_source.errors import NothingLanded
from extend_source.ingest.resolution import resolved_settings
from extend_source.pipeline.cells import as_credits, as_utc
from extend_source.pipeline.read_only import location, viewed
from extend_source.reports.figures import (
    Anomaly,
    CostBin,
    Coverage,
    CreditFigures,
    DaySpend,
    ExpensiveRun,
    MonthToDate,
    ProductSpend,
    UnitCost,
    WastedSpend,
)
from extend_source.reports.models import CREDIT_MODELS, MissingTables, Models
from extend_source.reports.projection import DailyCredits, month_to_date, price_on
from extend_source.reports.runner import QueryRunner
from extend_source.reports.span import resolved_span
from extend_source.reports.warnings import warnings_of
from extend_source.tables.bookkeeping import SYNC_LOG
from extend_source.tables.schemas import PROCESSOR_RUNS

MAX_EXPENSIVE_RUNS = 20
"""The most expensive runs that are named, of each processor and month."""

_MAX_NAMED = 2000
_BINS = 24
_MICRO = 1_000_000
"""Micro-credits in a credit: destinations divide decimals differently, and integers alike."""

_MONTH = "cast(date_trunc('month', cast(spent_on as date)) as date)"
_NOTHING = Decimal(0)


def credit_report(
    pipeline: dlt.Pipeline,
    *,
    first_day: date | None = None,
    last_day: date | None = None,
    budget: Decimal | float | None = None,
) -> CreditFigures:
    """Look up what has been spent. No API key is needed, and nothing is changed.

    Args:
        pipeline: any dlt pipeline that has loaded runs.
        first_day: the first day, UTC; None: 89 days before the last one.
        last_day: the last day; None: today. The month to date is that of this day.
        budget: credits to spend in a month; None: that of the settings, if any.

    Returns:
        The figures. Credits that the API has not reported are None, and counted as unknown. A table that has not landed
        is done without where that is possible; a warning names it.

    Raises:
        UsageError: the days are wrong, the destination takes no SQL, or nothing has landed.
        SyncUnderWay: the pipeline is being synced into a DuckDB file, which one process at a time can open.
        PipelineStepFailed: the destination cannot be read.
    """
    settings = resolved_settings(needs_key=False)
    now = datetime.now(timezone.utc)
    first, last = resolved_span(first_day, last_day, now.date())
    monthly = settings.credit_budget if budget is None else budget
    with viewed(pipeline) as view, QueryRunner.on(view) as runner:
        models = Models(runner, settings.price_book)
        reader = _Reader(models, first, last, settings.price_book)
        try:
            models.compute_once("credit_ledger")
            figures = reader.figures(None if monthly is None else Decimal(str(monthly)), now)
        except MissingTables as missing:
            raise NothingLanded(
                f"The credit report needs tables that have not landed: {', '.join(missing.tables)}",
                "Sync first, with all tables",
            ) from None
    return CreditFigures(
        pipeline=pipeline.pipeline_name, destination=location(pipeline), dataset=pipeline.dataset_name, **figures
    )


class _Reader:
    """Reads the parts of a report."""

    def __init__(self, models: Models, first: date, last: date, prices: Sequence[Price]) -> None:
        self._models, self._first, self._last, self._prices = models, first, last, prices
        self._cost = "sum(cost)" if prices else "cast(null as decimal(28, 6))"
        self._each_cost = "cost" if prices else "null"
        self._span = f"spent_on between {_sql(first)} and {_sql(last)}"

    def figures(self, budget: Decimal | None, now: datetime) -> dict[str, Any]:
        """Read everything; the names are those of `CreditFigures`."""
        loaded_at = self._loaded_at()
        parts: dict[str, Any] = {
            "at": now,
            "first_day": self._first,
            "last_day": self._last,
            "currency": self._prices[0].currency if self._prices else None,
            "month": self._month(budget, (loaded_at or now).date() - timedelta(days=1)),
            "days": self._days(),
            "unit_costs": self._unit_costs(),
            "distribution": self._distribution(),
            "expensive": self._expensive(),
            "waste": self._waste(),
            "coverage": self._coverage(),
            "anomalies": self._anomalies(),
            "products": self._products(),
            "last_sync": loaded_at,
            "newest_run": self._newest_run(),
            "credit_price": price.credit_price if (price := price_on(self._prices, self._last)) else None,
            "workspaces": self._workspaces(),
        }
        warnings = warnings_of(
            now=now,
            gaps=self._gaps(),
            undated=self._undated(),
            priced_from=self._prices[0].valid_from if self._prices else None,
            lacking=self._lacking(),
            **_for_warnings(parts),
        )
        return {**parts, "warnings": warnings}

    def _loaded_at(self) -> datetime | None:
        """When the last load was written. Its day was not over then: the day before is the last complete one."""
        rows = self._models.select(
            "select max(fetched_at) from (select fetched_at from processor_runs"
            f" union all select fetched_at from {SYNC_LOG.name}) as times",
            optional=[PROCESSOR_RUNS.name, SYNC_LOG.name],
        )
        return as_utc(rows[0][0])

    def _month(self, budget: Decimal | None, complete_to: date) -> MonthToDate:
        before = (self._last.replace(day=1) - timedelta(days=1)).replace(day=1)
        rows = self._models.select(
            "select spent_on, sum(credits), count(*) - count(credits) from credit_ledger"
            f" where spent_on between {_sql(before)} and {_sql(self._last)} group by spent_on"
        )
        spent = {day: DailyCredits(_credits(credits), unknown) for day, credits, unknown in rows}
        return month_to_date(spent, self._last, budget, self._prices, complete_to)

    def _days(self) -> list[DaySpend]:
        rows = self._models.select(
            "select spent_on, processor_id, max(processor_name), processor_version_id, kind, count(*), count(credits),"
            f" sum(credits), {self._cost}, max(processor_type), max(resource_type)"
            f" from credit_ledger where {self._span}"
            " group by spent_on, processor_id, processor_version_id, kind"
            " order by spent_on, processor_id, processor_version_id, kind"
        )
        return [
            DaySpend(day, id_, name, version, kind, things, known, _credits(credits), _money(cost), *types)
            for day, id_, name, version, kind, things, known, credits, cost, *types in rows
        ]

    def _products(self) -> list[ProductSpend]:
        rows = self._models.select(
            "select spent_on, processor_id, processor_name, product, unit, charges, quantity, pages, credits,"
            f" {self._each_cost} from credits_by_product where {self._span}"
            " order by spent_on, processor_id, product, unit"
        )
        return [
            ProductSpend(
                *(day, id_, name, product, unit),
                *(charges, _ratio(quantity), _ratio(pages), _credits(credits), _money(cost)),
            )
            for day, id_, name, product, unit, charges, quantity, pages, credits, cost in rows
        ]

    def _unit_costs(self) -> list[UnitCost]:
        rows = self._models.select(
            "select processor_id, processor_name, processor_version_id, first_used_on, runs, runs_known,"
            " credits_per_document, credits_per_page, share_by_page, credits_per_accepted_field"
            " from credit_unit_costs order by processor_name, processor_id, first_used_on, processor_version_id"
        )
        return [UnitCost(*row[:6], *map(_ratio, row[6:])) for row in rows]

    def _distribution(self) -> list[CostBin]:
        documents = (
            f"from credit_ledger where kind = 'processing' and status = 'PROCESSED' and credits is not null"
            f" and {self._span}"
        )
        most = _credits(self._models.select(f"select max(credits) {documents}")[0][0])
        if most is None or most <= 0:
            return []
        width = _nice(most * _MICRO / _BINS)
        micro = f"cast(cast(credits as decimal(28, 6)) * {_MICRO} as bigint)"
        rows = self._models.select(
            f"select month, processor_id, max(processor_name), lower_micro, count(*) from ("
            # what % leaves of a negative number is negative
            f"select {_MONTH} as month, processor_id, processor_name,"
            f" {micro} - ({micro} % {width} + {width}) % {width} as lower_micro"
            f" {documents}) as documents group by month, processor_id, lower_micro order by 1, 2, 4"
        )
        return [
            CostBin(month, id_, name, Decimal(lower) / _MICRO, Decimal(lower + width) / _MICRO, runs)
            for month, id_, name, lower, runs in rows
        ]

    def _expensive(self) -> list[ExpensiveRun]:
        """Some of each processor and month, so that each choice on the page has its own."""
        rows = self._models.select(
            "select run_id, spent_on, processor_id, processor_name, processor_version_id, credits, pages, url,"
            f" {self._each_cost} from ("
            f"select *, row_number() over (partition by processor_id, {_MONTH} order by credits desc,"
            ' run_id collate "C") as place from credit_ledger'
            f" where kind = 'processing' and credits > 0 and {self._span}) as ranked"
            f" where place <= {MAX_EXPENSIVE_RUNS}"
            f' order by place, credits desc, run_id collate "C" limit {_MAX_NAMED}'
        )
        runs = [
            ExpensiveRun(run_id, day, id_, name, version, _credits(credits) or _NOTHING, pages, url, _money(cost))
            for run_id, day, id_, name, version, credits, pages, url, cost in rows
        ]
        return sorted(runs, key=lambda run: (-run.credits, run.run_id))

    def _waste(self) -> list[WastedSpend]:
        rows = self._models.select(
            "select reason, spent_on, processor_id, max(processor_name), count(*), count(*) - count(credits),"
            f" sum(credits), {self._cost} from credit_waste where {self._span}"
            " group by reason, spent_on, processor_id order by spent_on, reason, processor_id"
        )
        return [
            WastedSpend(reason, day, id_, name, things, unknown, _credits(credits), _money(cost))
            for reason, day, id_, name, things, unknown, credits, cost in rows
        ]

    def _coverage(self) -> list[Coverage]:
        rows = self._models.select(
            "select month, kind, reported, pending, not_reported from credit_coverage"
            f" where month between {_sql(self._first.replace(day=1))} and {_sql(self._last)} order by month, kind"
        )
        return [Coverage(row[0], row[1], *map(int, row[2:])) for row in rows]

    def _anomalies(self) -> list[Anomaly]:
        rows = self._models.select(
            "select spent_on, processor_id, processor_name, credits, median_credits, robust_z from credit_anomalies"
            f" where is_anomaly and {self._span} order by spent_on, processor_id"
        )
        return [
            Anomaly(day, id_, name, _credits(credits) or _NOTHING, _credits(median) or _NOTHING, _ratio(robust_z))
            for day, id_, name, credits, median, robust_z in rows
        ]

    def _gaps(self) -> list[tuple[str, str, int, Decimal]]:
        rows = self._models.select(
            "select comparison, cause, things, gap from credit_reconciliation where cause <> 'equal' order by 1, 2"
        )
        return [(row[0], row[1], row[2], _credits(row[3]) or _NOTHING) for row in rows]

    def _newest_run(self) -> datetime | None:
        rows = self._models.select(
            "select max(spent_at) from credit_ledger where kind = 'processing' and dated_by = 'created'"
        )
        return as_utc(rows[0][0])

    def _workspaces(self) -> list[str]:
        rows = self._models.select(
            f"select distinct workspace_id from credit_ledger where workspace_id is not null and {self._span}"
            " order by workspace_id"
        )
        return [row[0] for row in rows]

    def _undated(self) -> tuple[int, int]:
        """The runs and the files that are counted on the day they were fetched."""
        rows = self._models.select(
            f"select kind, count(*) from credit_ledger where dated_by = 'fetched' and {self._span} group by kind"
        )
        numbers = dict(rows)
        return numbers.get("processing", 0), numbers.get("parsing", 0)

    def _lacking(self) -> list[str]:
        lacking = sorted({table for name in CREDIT_MODELS for table in self._models.lacking(name)})
        # where no run was ever fetched, `not_landed` says all there is to say
        return [] if PROCESSOR_RUNS.name in lacking else lacking


def _for_warnings(parts: dict[str, Any]) -> dict[str, Any]:
    return {name: parts[name] for name in ("days", "month", "anomalies", "last_day", "last_sync", "newest_run")}


def _nice(width: Decimal) -> int:
    """The next wider integer of 1, 2, 2.5 and 5 times a power of ten."""
    power = Decimal(10) ** max(0, width.adjusted())
    steps = [step * power for step in map(Decimal, ("1", "2", "2.5", "5", "10"))]
    return next(int(step) for step in steps if step >= width and step == int(step))


def _sql(day: date) -> str:
    return f"cast('{day.isoformat()}' as date)"


def _credits(value: Any) -> Decimal | None:
    return as_credits(value)


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _ratio(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value)).normalize()
