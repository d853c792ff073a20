"""The credit report: the figures of a span of days, and where the month stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import dlt

from extend_source.api import InvalidRequest
from extend_source.landed import as_credits, as_utc
from extend_source.pricing import Price
from extend_source.reports.figures import (
    Anomaly,
    CostBin,
    Coverage,
    CreditFigures,
    DaySpend,
    ExpensiveRun,
    MonthToDate,
    UnitCost,
    WastedSpend,
)
from extend_source.reports.models import MissingTables, Models
from extend_source.reports.projection import DailyCredits, month_to_date
from extend_source.reports.running import QueryRunner
from extend_source.reports.warnings import warnings_of
from extend_source.runner import resolved_settings
from extend_source.viewing import location, viewed

DAYS = 90
"""How many days a report covers unless told otherwise."""

MOST_EXPENSIVE = 200
_BINS = 24
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
        The figures. Credits that the API has not reported are None, and counted as unknown.

    Raises:
        InvalidRequest: the first day comes after the last one, the destination takes no SQL, or nothing has landed.
        SyncUnderWay: the pipeline is being synced into a DuckDB file, which one process at a time can open.
        PipelineStepFailed: the destination cannot be read.
    """
    settings = resolved_settings(api_key="not-needed")
    now = datetime.now(timezone.utc)
    last = last_day or now.date()
    first = first_day or last - timedelta(days=DAYS - 1)
    if first > last:
        raise InvalidRequest(f"The first day, {first}, comes after the last one, {last}", "Change --from or --to")
    monthly = settings.credit_budget if budget is None else budget
    with viewed(pipeline) as view, QueryRunner.on(view) as runner:
        models = Models(runner, settings.price_book)
        reader = _Reader(models, first, last, settings.price_book)
        try:
            models.compute_once("credit_ledger")
            figures = reader.figures(None if monthly is None else Decimal(str(monthly)), now)
        except MissingTables as missing:
            raise InvalidRequest(
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
        self._span = f"spent_on between {_sql(first)} and {_sql(last)}"

    def figures(self, budget: Decimal | None, now: datetime) -> dict[str, Any]:
        """Read everything; the names are those of `CreditFigures`."""
        month = self._month(budget)
        parts: dict[str, Any] = {
            "at": now,
            "first_day": self._first,
            "last_day": self._last,
            "currency": self._prices[0].currency if self._prices else None,
            "month": month,
            "days": self._days(),
            "unit_costs": self._unit_costs(),
            "distribution": self._distribution(),
            "expensive": self._expensive(),
            "waste": self._waste(),
            "coverage": self._coverage(),
            "anomalies": self._anomalies(),
            "last_sync": self._latest("fetched_at", "sync_log"),
            "newest_run": self._latest("spent_at", "credit_ledger"),
        }
        return {**parts, "warnings": warnings_of(now=now, gaps=self._gaps(), **_for_warnings(parts))}

    def _month(self, budget: Decimal | None) -> MonthToDate:
        start = self._last.replace(day=1)
        rows = self._models.select(
            f"select spent_on, sum(credits), {self._cost} from credit_ledger"
            f" where spent_on between {_sql(start - timedelta(days=28))} and {_sql(self._last)} group by spent_on"
        )
        spent = {row[0]: DailyCredits(_credits(row[1]) or _NOTHING, _money(row[2])) for row in rows}
        return month_to_date(spent, self._last, budget, self._prices)

    def _days(self) -> list[DaySpend]:
        rows = self._models.select(
            "select spent_on, processor_id, max(processor_name), processor_version_id, kind, count(*), count(credits),"
            f" sum(credits), {self._cost}, max(processor_type) from credit_ledger where {self._span}"
            " group by spent_on, processor_id, processor_version_id, kind"
            " order by spent_on, processor_id, processor_version_id, kind"
        )
        return [
            DaySpend(day, id_, name, version, kind, things, known, _credits(credits), _money(cost), type_)
            for day, id_, name, version, kind, things, known, credits, cost, type_ in rows
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
        if not most:
            return []
        width = _nice(most / _BINS)
        rows = self._models.select(
            "select cast(date_trunc('month', spent_on) as date), processor_id, max(processor_name),"
            f" cast(floor(credits / cast({width} as decimal(18, 6))) as bigint) as bin, count(*) {documents}"
            f" group by cast(date_trunc('month', spent_on) as date), processor_id,"
            f" cast(floor(credits / cast({width} as decimal(18, 6))) as bigint) order by 1, 2, 4"
        )
        return [CostBin(row[0], row[1], row[2], width * row[3], width * (row[3] + 1), row[4]) for row in rows]

    def _expensive(self) -> list[ExpensiveRun]:
        rows = self._models.select(
            "select run_id, spent_on, processor_id, processor_name, processor_version_id, credits, pages, url"
            f" from credit_ledger where kind = 'processing' and credits > 0 and {self._span}"
            f" order by credits desc, run_id limit {MOST_EXPENSIVE}"
        )
        return [
            ExpensiveRun(run_id, day, id_, name, version, _credits(credits) or _NOTHING, pages, url)
            for run_id, day, id_, name, version, credits, pages, url in rows
        ]

    def _waste(self) -> list[WastedSpend]:
        rows = self._models.select(
            "select reason, spent_on, processor_id, max(processor_name), count(*), count(*) - count(credits),"
            f" sum(credits) from credit_waste where {self._span}"
            " group by reason, spent_on, processor_id order by spent_on, reason, processor_id"
        )
        return [
            WastedSpend(reason, day, id_, name, things, unknown, _credits(credits))
            for reason, day, id_, name, things, unknown, credits in rows
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

    def _latest(self, column: str, table: str) -> datetime | None:
        return as_utc(self._models.select(f"select max({column}) from {table}")[0][0])


def _for_warnings(parts: dict[str, Any]) -> dict[str, Any]:
    return {name: parts[name] for name in ("days", "month", "anomalies", "last_day", "last_sync", "newest_run")}


def _nice(width: Decimal) -> Decimal:
    """The next wider of 1, 2, 2.5 and 5 times a power of ten."""
    power = Decimal(10) ** width.adjusted()
    return next(step * power for step in map(Decimal, ("1", "2", "2.5", "5", "10")) if step * power >= width)


def _sql(day: date) -> str:
    return f"cast('{day.isoformat()}' as date)"


def _credits(value: Any) -> Decimal | None:
    return as_credits(value)


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _ratio(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value)).normalize()
