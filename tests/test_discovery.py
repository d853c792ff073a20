"""Discovery by itself: how far a scan reads, what it takes for changed, and where the watermark goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from extend_source.api import Endpoint, RunFilters, RunPage
from extend_source.config.settings import ExtendSettings
from extend_source.errors import InvalidSetting
from extend_source.ingest.context import SyncContext
from extend_source.ingest.discovery import Discovery
from extend_source.ingest.limits import Limits
from extend_source.ingest.listings import listings
from extend_source.ingest.named_runs import wanted_by_id
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.state import Position, Scope
from extend_source.pipeline.landed import LandedData, LandedRun, LandedSummary
from extend_source.tables.payloads import payload_sha256
from extend_source.tables.selection import STANDARD_TABLES

NOW = datetime(2026, 2, 2, 9, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
SCOPE = Scope({})
PAGE = 5

Summary = dict[str, Any]


def summary(number: int, *, age: timedelta = timedelta(0), **more: Any) -> Summary:
    moment = (NOW - age).isoformat().replace("+00:00", "Z")
    return {"id": f"dpr_{number}", "status": "PROCESSED", "createdAt": moment, "updatedAt": moment, **more}


def hourly(count: int) -> list[Summary]:
    """Runs of the last hours, the newest one first."""
    return [summary(number, age=number * HOUR) for number in range(count)]


class Listing:
    """A client that lists and does nothing else; it notes the pages that are read."""

    def __init__(self, runs: Iterable[Summary]) -> None:
        self.runs = list(runs)
        self.pages_read = 0

    async def pages(
        self, endpoint: Endpoint, filters: RunFilters, *, sort_by: str, sort_dir: str
    ) -> AsyncIterator[RunPage]:
        assert (endpoint.object_type, sort_by, sort_dir) == ("processor_run", "updatedAt", "desc")
        runs = [run for run in self.runs if filters.status in (None, run["status"])]
        for start in range(0, max(len(runs), 1), PAGE):
            self.pages_read += 1
            yield RunPage(runs[start : start + PAGE], start // PAGE + 1, start + PAGE >= len(runs))


class Landed(LandedData):
    """What a destination holds, from a dictionary."""

    def __init__(self, runs: dict[str, LandedRun] | None = None, *, loads: Iterable[str] = ("1",)) -> None:
        super().__init__(None)
        self.held = runs or {}
        self.loads = set(loads)
        self.listed: dict[str, LandedSummary] = {}
        self.gone: dict[str, datetime] = {}
        self.failed: list[str] = []
        self.processors: set[str] = set()
        self.readable = True

    @property
    def is_readable(self) -> bool:
        return self.readable

    def has_load(self, load_id: str) -> bool:
        return load_id in self.loads

    def runs(self, ids: Iterable[str], *, incomplete: bool = False) -> dict[str, LandedRun]:
        return {run_id: self.held[run_id] for run_id in ids if run_id in self.held}

    def summaries(self, object_type: str, ids: Iterable[str]) -> dict[str, LandedSummary]:
        assert object_type == "processor_run"
        return {run_id: self.listed[run_id] for run_id in ids if run_id in self.listed}

    def processor_ids(self, settings: ExtendSettings) -> set[str]:
        return self.processors

    def tombstones(self, ids: Iterable[str]) -> dict[str, datetime]:
        return {run_id: self.gone[run_id] for run_id in ids if run_id in self.gone}

    def runs_in_flight(self, settings: ExtendSettings) -> Any:
        yield from (run_id for run_id, run in self.held.items() if run.status in ("PENDING", "PROCESSING"))

    def runs_of_scope(self, settings: ExtendSettings) -> Any:
        yield from self.held

    def runs_to_recheck(self, settings: ExtendSettings, since: datetime) -> Any:
        yield from (run_id for run_id, run in self.held.items() if run.updated_at and run.updated_at >= since)

    def failed_runs(self, workspace_id: str | None) -> Any:
        yield from self.failed


def landed_as(*summaries: Summary) -> Landed:
    """A destination that holds runs as the listing shows them."""
    landed = Landed()
    for each in summaries:
        credits = each.get("usage", {}).get("credits")
        landed.held[each["id"]] = LandedRun(
            each["status"],
            datetime.fromisoformat(each["updatedAt"].replace("Z", "+00:00")),
            None if credits is None else Decimal(str(credits)),
            STANDARD_TABLES,
        )
        landed.listed[each["id"]] = LandedSummary(payload_sha256(each), NOW - HOUR)
    return landed


def context_of(
    options: ExtendSettings,
    landed: Landed,
    tables: frozenset[str] = STANDARD_TABLES,
    progress: SyncProgress | None = None,
) -> SyncContext:
    progress = progress or SyncProgress()
    return SyncContext(options, landed, progress, Limits(options, progress, bounded=True), SCOPE, tables, NOW)


def discover(
    listing: Listing,
    landed: Landed | None = None,
    position: Position = Position(),  # noqa: B008 - it cannot be changed
    *,
    reconcile: bool = False,
    tables: frozenset[str] = STANDARD_TABLES,
    **settings: Any,
) -> Discovery:
    """Look for runs, to the end."""
    options = ExtendSettings(api_key="sk_x", **settings)
    discovery = Discovery(context_of(options, landed or Landed(), tables), position=position, reconcile=reconcile)

    async def read() -> None:
        async for _ in discovery.pages(listing):  # type: ignore[arg-type]
            pass

    asyncio.run(read())
    return discovery


def found(discovery: Discovery) -> list[tuple[str, str]]:
    """The runs found, in order, and why."""
    return [(run.id, run.reason) for run in discovery.worklist.take(1000)]


def at(watermark: datetime, **more: Any) -> Position:
    return Position(watermark, "1", more.pop("start", None), more.pop("reconciled_at", NOW))


# ---- how far a scan reads


@pytest.mark.parametrize(("hours", "pages"), [(0, 1), (3.9, 1), (4, 2), (8.9, 2), (9, 3), (24, 5), (9999, 5)])
def test_a_scan_reads_until_a_page_ends_below_the_watermark_less_the_lookback(hours: float, pages: int) -> None:
    listing = Listing(hourly(25))

    discover(listing, landed_as(*listing.runs), at(NOW), lookback=hours * 3600)

    assert listing.pages_read == pages


def test_runs_at_the_very_watermark_may_fill_pages_and_all_are_read() -> None:
    listing = Listing([summary(number) for number in range(23)])

    discovery = discover(listing, Landed(), at(NOW), lookback=0)

    assert (listing.pages_read, len(discovery.worklist)) == (5, 23)


@pytest.mark.parametrize(
    ("position", "settings", "mode", "pages"),
    [
        (Position(), {}, "full", 5),
        (at(NOW), {}, "incremental", 1),
        (at(NOW), {"refresh": True}, "full", 5),
        (at(NOW, reconciled_at=NOW - 24 * HOUR), {}, "reconcile", 5),
        (at(NOW, reconciled_at=NOW - 23.9 * HOUR), {}, "incremental", 1),
        (at(NOW, reconciled_at=None), {}, "reconcile", 5),
        (at(NOW, reconciled_at=None), {"reconcile_hours": 0}, "incremental", 1),
        (Position(NOW, "of a load that is not there", None, NOW), {}, "full", 5),
        (Position(), {"start_date": NOW - 7 * HOUR}, "full", 2),
        (at(NOW, start=NOW - 7 * HOUR), {"start_date": NOW - 7 * HOUR}, "incremental", 1),
        (at(NOW - 20 * HOUR), {"start_date": NOW - 7 * HOUR}, "incremental", 2),
    ],
)
def test_how_the_listing_is_read(position: Position, settings: dict[str, Any], mode: str, pages: int) -> None:
    listing = Listing(hourly(25))

    discovery = discover(listing, landed_as(*listing.runs), position, review_window_days=0, **settings)

    assert (discovery.worklist.mode, listing.pages_read) == (mode, pages)


def test_a_start_date_leaves_out_what_changed_before() -> None:
    listing = Listing(hourly(25))

    discovery = discover(listing, start_date=NOW - 7 * HOUR)

    assert found(discovery) == [(f"dpr_{number}", "listed") for number in range(8)]


# ---- what is taken for changed


@pytest.mark.parametrize(("fetched", "differs"), [(-1, True), (0, False), (1, False)])
def test_a_figure_that_the_payload_does_not_have_is_not_asked_for_again(fetched: int, differs: bool) -> None:
    listed = summary(1, usage={"credits": 3})
    landed = landed_as(listed)
    run = landed.held["dpr_1"]
    landed.held["dpr_1"] = run._replace(credits=None, fetched_at=NOW - HOUR + timedelta(minutes=fetched))

    discovery = discover(Listing([listed]), landed, at(NOW))

    assert found(discovery) == [("dpr_1", "listed")] * differs


@pytest.mark.parametrize(
    ("landed", "settings", "refused"),
    [
        ({"dp_other"}, {}, True),
        ({"dp_other", "dp_1"}, {}, False),
        (set(), {}, False),
        ({"dp_other"}, {"refresh": True}, False),
        ({"dp_other"}, {"statuses": ["PROCESSED"]}, False),
        ({"dp_other"}, {"start_date": NOW - 7 * HOUR}, False),
    ],
)
def test_a_listing_that_has_nothing_in_common_with_what_has_landed_is_refused(
    landed: set[str], settings: dict[str, Any], refused: bool
) -> None:
    destination = Landed()
    destination.processors = landed
    listing = Listing([summary(number, processorId="dp_1") for number in range(3)])

    with pytest.raises(InvalidSetting, match="None of the 3 runs listed") if refused else nullcontext():
        discover(listing, destination, **settings)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({}, False),
        ({"status": "FAILED"}, True),
        ({"updatedAt": "2026-02-02T09:00:00.001Z"}, True),
        ({"updatedAt": "2026-02-01T09:00:00Z"}, True),
        ({"usage": {"credits": 2.50}}, False),
        ({"usage": {"credits": 3}}, True),
        ({"usage": {"credits": None}}, False),
        ({"usage": {"credits": "many"}}, False),
        ({"usage": None}, False),
        ({"processorName": "Another name"}, False),
    ],
)
def test_a_run_differs_in_status_time_or_credits(change: Summary, differs: bool) -> None:
    before = summary(1, usage={"credits": 2.5})

    discovery = discover(Listing([{**before, **change}]), landed_as(before), at(NOW))

    assert found(discovery) == ([("dpr_1", "listed")] if differs else [])


def test_a_run_that_landed_in_fewer_tables_differs() -> None:
    landed = landed_as(summary(1), summary(2))
    landed.held["dpr_2"] = landed.held["dpr_2"]._replace(tables=frozenset({"files"}))

    assert found(discover(Listing([summary(1), summary(2)]), landed, at(NOW))) == [("dpr_2", "listed")]


def test_without_tables_of_runs_listing_is_enough() -> None:
    discovery = discover(Listing(hourly(7)), tables=frozenset())

    assert found(discovery) == []
    assert discovery.worklist.after.watermark == NOW


def test_rows_that_repeat_and_rows_without_an_id_are_left_out() -> None:
    rows = [summary(1), {**summary(2), "id": None}, summary(3, age=HOUR), {**summary(1), "status": "FAILED"}]

    assert found(discover(Listing(rows))) == [("dpr_1", "listed"), ("dpr_3", "listed")]


def test_the_newest_come_first_and_then_what_the_listing_cannot_show() -> None:
    landed = landed_as(summary(8, age=50 * HOUR, status="PENDING"), summary(9, age=60 * HOUR))
    landed.failed = ["dpr_7", "dpr_0"]

    discovery = discover(Listing(hourly(3)), landed, reconcile=True)

    assert found(discovery) == [
        *[("dpr_0", "listed"), ("dpr_1", "listed"), ("dpr_2", "listed")],
        *[("dpr_8", "in_flight"), ("dpr_7", "failed"), ("dpr_9", "vanished")],
    ]


def test_what_is_known_to_be_gone_is_not_asked_for_again_unless_it_is_listed() -> None:
    landed = landed_as(summary(1), summary(2, status="PENDING"), summary(3))
    landed.gone = {"dpr_1": NOW, "dpr_2": NOW, "dpr_3": NOW}

    discovery = discover(Listing([summary(3)]), landed, reconcile=True)

    assert found(discovery) == []


def test_runs_filtered_by_their_origin_or_file_are_never_thought_to_be_gone() -> None:
    landed = landed_as(summary(9))
    for settings in ({"run_sources": ["API"]}, {"run_source_ids": ["wf_1"]}, {"file_name_contains": "x"}):
        discovery = discover(Listing([]), landed, reconcile=True, review_window_days=0, **settings)

        assert found(discovery) == []


def test_rechecks_are_limited_and_leave_out_what_is_fetched_anyway() -> None:
    runs = hourly(6)
    listing = Listing([{**runs[0], "status": "FAILED"}, *runs[1:]])

    discovery = discover(listing, landed_as(*runs), reconcile=True, max_rechecks=2, review_window_days=1)

    assert found(discovery) == [("dpr_0", "listed"), ("dpr_1", "recheck"), ("dpr_2", "recheck")]


# ---- where the watermark goes


def test_the_watermark_is_the_newest_change_when_the_scan_began() -> None:
    listing = Listing(hourly(7))

    worklist = discover(listing).worklist

    assert (worklist.complete, worklist.before, worklist.after) == (True, Position(), Position(NOW, None, None, NOW))


def test_the_watermark_never_goes_back() -> None:
    listing = Listing([summary(1, age=5 * HOUR)])

    assert discover(listing, Landed(), at(NOW - HOUR)).worklist.after.watermark == NOW - HOUR


def test_a_change_of_the_future_moves_no_watermark() -> None:
    listing = Listing([summary(1, age=-2 * HOUR), summary(2, age=timedelta(minutes=-30)), summary(3, age=HOUR)])

    assert discover(listing).worklist.after.watermark == NOW + timedelta(minutes=30)


def test_an_empty_listing_has_no_watermark() -> None:
    worklist = discover(Listing([])).worklist

    assert (worklist.complete, worklist.after.watermark) == (True, None)


def test_a_listing_that_was_cut_short_moves_nothing_and_looks_for_nothing_else() -> None:
    landed = landed_as(summary(9, age=60 * HOUR, status="PENDING"))
    listing = Listing(hourly(25))
    options = ExtendSettings(api_key="sk_x")
    progress = SyncProgress(stop_requested=True)
    discovery = Discovery(context_of(options, landed, progress=progress), position=Position())

    async def read() -> None:
        async for _ in discovery.pages(listing):  # type: ignore[arg-type]
            pass

    asyncio.run(read())

    assert listing.pages_read == 1
    assert (discovery.worklist.complete, discovery.worklist.after) == (False, Position())
    assert discovery.worklist.listing_stopped_by == "request"
    assert found(discovery) == [(f"dpr_{number}", "listed") for number in range(PAGE)]


# ---- where the destination cannot be read


def test_without_a_comparison_the_oldest_come_first_and_nothing_below_the_scan() -> None:
    landed = landed_as(*hourly(25))
    landed.readable = False

    first = discover(Listing(hourly(25)), landed)
    later = discover(Listing(hourly(25)), landed, at(NOW), lookback=2.5 * 3600)

    assert found(first) == [(f"dpr_{number}", "listed") for number in reversed(range(25))]
    assert found(later) == [("dpr_2", "listed"), ("dpr_1", "listed"), ("dpr_0", "listed")]


# ---- by id, and filters


def test_ids_are_fetched_in_order_and_once_unless_they_have_landed_for_good() -> None:
    landed = landed_as(summary(1), summary(2, status="PENDING"))

    def wanted(**settings: Any) -> list[tuple[str, str]]:
        worklist = wanted_by_id(
            ["dpr_3", " dpr_1 ", "dpr_2", "dpr_3"], context_of(ExtendSettings(api_key="sk_x", **settings), landed)
        )
        return [(run.id, run.reason) for run in worklist.take(10)]

    assert wanted() == [("dpr_3", "asked"), ("dpr_2", "asked")]
    assert wanted(refresh=True) == [("dpr_3", "asked"), ("dpr_1", "asked"), ("dpr_2", "asked")]


def test_each_combination_of_filter_values_is_a_listing() -> None:
    settings = ExtendSettings(
        api_key="sk_x", processor_ids=["a", "b", "a"], statuses=["FAILED", "PROCESSED"], file_name_contains="x"
    )

    assert [(each.processor_id, each.status, each.file_name_contains) for _, each in listings(settings)] == [
        ("a", "FAILED", "x"),
        ("a", "PROCESSED", "x"),
        ("b", "FAILED", "x"),
        ("b", "PROCESSED", "x"),
    ]


def test_a_run_that_changes_from_one_listing_to_the_next_is_taken_once() -> None:
    listing = Listing([summary(1, status="PROCESSED"), {**summary(1), "status": "FAILED"}])

    discovery = discover(listing, statuses=["PROCESSED", "FAILED"])

    assert (listing.pages_read, found(discovery)) == (2, [("dpr_1", "listed")])
