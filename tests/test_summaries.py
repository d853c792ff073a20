"""A list that cannot be sorted: how far it is read, and what of it is new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from extend_source.api import CURRENT_VERSION, Endpoint, RunPage
from extend_source.config.settings import ExtendSettings
from extend_source.ingest.context import SyncContext
from extend_source.ingest.limits import Limits
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.state import Scope
from extend_source.ingest.summaries import SummaryList, summary_sums
from extend_source.pipeline.landed import LandedData, LandedSummary
from extend_source.privacy import privacy_rules
from extend_source.tables.contract import TableSchema

NOW = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
PAGE = 3
RULES = privacy_rules(ExtendSettings(api_key="sk_x", api_version=CURRENT_VERSION))

Summary = dict[str, Any]


def parse_run(number: int, **more: Any) -> Summary:
    """The parse run of so many hours ago."""
    moment = (NOW - number * timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    return {"id": f"pr_{number}", "status": "PROCESSED", "fileId": f"file_{number}", "createdAt": moment, **more}


NEWEST_FIRST = [parse_run(number) for number in range(10)]


class List:
    """A client that lists and does nothing else; it counts the pages that are read."""

    def __init__(self, summaries: list[Summary]) -> None:
        self.summaries = summaries
        self.pages_read = 0

    async def pages(self, endpoint: Endpoint) -> AsyncIterator[RunPage]:
        assert (endpoint.object_type, endpoint.is_sortable) == ("parse_run", False)
        for start in range(0, max(len(self.summaries), 1), PAGE):
            self.pages_read += 1
            end = start + PAGE
            yield RunPage(self.summaries[start:end], self.pages_read, end >= len(self.summaries))


class Landed(LandedData):
    """What a destination holds of parse runs, from summaries."""

    def __init__(
        self, summaries: Iterable[Summary], erased: frozenset[str] = frozenset(), readable: bool = True
    ) -> None:
        super().__init__(None)
        self.listed = {each["id"]: each for each in summaries}
        self.erased_files = erased
        self.readable = readable

    @property
    def is_readable(self) -> bool:
        return self.readable

    def summaries(self, object_type: str, ids: Iterable[str]) -> dict[str, LandedSummary]:
        sums = summary_sums(object_type, [self.listed[each] for each in ids if each in self.listed], RULES)
        return {object_id: LandedSummary(sha256, NOW) for object_id, sha256 in sums.items()}

    def oldest_moving(self, table: TableSchema, moving: Any) -> datetime | None:
        assert table.name == "parse_run_summaries"
        times = [each["createdAt"] for each in self.listed.values() if each["status"] in moving]
        return min(map(datetime.fromisoformat, (time.replace("Z", "+00:00") for time in times)), default=None)

    def erased(self, resource_type: str) -> frozenset[str]:
        return self.erased_files if resource_type == "file" else frozenset()


def read(
    listed: list[Summary],
    landed: Iterable[Summary] = (),
    *,
    reconcile: bool = False,
    start_date: str | None = None,
    **more: Any,
) -> tuple[list[str], int]:
    """Read a list; return the ids of what is new, and how many pages were read."""
    settings = ExtendSettings(api_key="sk_x", api_version=CURRENT_VERSION, start_date=start_date)
    progress = SyncProgress()
    limits = Limits(settings, progress, bounded=True)
    context = SyncContext(settings, Landed(landed, **more), progress, limits, Scope({}), frozenset(), NOW)
    client, fresh = List(listed), []

    async def collect() -> None:
        async for page in SummaryList("parse_run", context, reconcile=reconcile).pages(client):  # type: ignore[arg-type]
            fresh.extend(each["id"] for each in page.fresh)

    asyncio.run(collect())
    seen = listed[: client.pages_read * PAGE]
    assert progress.of["parse_run"].listed == sum(each["id"] is not None for each in seen)
    return fresh, client.pages_read


def test_a_first_sync_reads_all_of_it() -> None:
    assert read(NEWEST_FIRST) == ([f"pr_{number}" for number in range(10)], 4)


def test_with_nothing_new_one_page_is_enough() -> None:
    assert read(NEWEST_FIRST, NEWEST_FIRST) == ([], 1)


def test_it_is_read_until_a_page_has_nothing_new() -> None:
    assert read(NEWEST_FIRST, NEWEST_FIRST[4:]) == (["pr_0", "pr_1", "pr_2", "pr_3"], 3)


@pytest.mark.parametrize(
    "listed",
    [
        NEWEST_FIRST[::-1],
        [NEWEST_FIRST[1], NEWEST_FIRST[0], *NEWEST_FIRST[2:]],
        [{**NEWEST_FIRST[0], "createdAt": None}, *NEWEST_FIRST[1:]],
        [{**NEWEST_FIRST[0], "createdAt": "yesterday"}, *NEWEST_FIRST[1:]],
    ],
    ids=["oldest first", "in no order", "without times", "with odd times"],
)
def test_a_list_that_does_not_go_from_new_to_old_is_read_to_its_end(listed: list[Summary]) -> None:
    assert read(listed, listed) == ([], 4)


def test_a_reconcile_reads_all_of_it() -> None:
    changed = [*NEWEST_FIRST[:9], {**NEWEST_FIRST[9], "usage": {"credits": 3}}]

    assert read(changed, NEWEST_FIRST) == ([], 1)
    assert read(changed, NEWEST_FIRST, reconcile=True) == (["pr_9"], 4)


def test_it_is_read_back_to_what_had_not_ended() -> None:
    landed = [*NEWEST_FIRST[:7], {**NEWEST_FIRST[7], "status": "PROCESSING"}, *NEWEST_FIRST[8:]]

    assert read(NEWEST_FIRST, landed) == (["pr_7"], 4)  # the fourth page proves that there is no more


def test_one_that_never_ends_is_read_back_to_and_no_further() -> None:
    stuck = [*NEWEST_FIRST[:4], {**NEWEST_FIRST[4], "status": "PENDING"}, *NEWEST_FIRST[5:]]

    assert read(stuck, stuck) == ([], 2)


def test_what_is_of_an_erased_file_or_has_no_id_is_left_out() -> None:
    listed = [{**NEWEST_FIRST[0], "id": None}, *NEWEST_FIRST[1:3]]

    assert read(listed, erased=frozenset({"file_1"}))[0] == ["pr_2"]


def test_where_nothing_can_be_read_a_reconcile_alone_reads_all_of_it() -> None:
    assert read(NEWEST_FIRST, readable=False) == (["pr_0", "pr_1", "pr_2"], 1)
    assert len(read(NEWEST_FIRST, readable=False, reconcile=True)[0]) == 10


def test_what_changed_before_the_start_date_is_left_out_and_not_read_for() -> None:
    changed = [{**each, "updatedAt": each["createdAt"]} for each in NEWEST_FIRST]

    assert read(changed, start_date="2026-03-02T04:30:00Z", reconcile=True) == (
        ["pr_0", "pr_1", "pr_2", "pr_3", "pr_4"],
        2,
    )


def test_an_empty_list_costs_one_page() -> None:
    assert read([]) == ([], 1)
