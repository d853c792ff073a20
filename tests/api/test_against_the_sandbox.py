"""The client against the stand-in API, which was written from the same documents by other hands."""

from __future__ import annotations

import asyncio

import pytest

from extend_source.api import RequestBudget, RequestStatistics, RetryPolicy, RunFilters
from extend_source.errors import AccessRefused, NotFound, WorkspaceRefused
from extend_source.sandbox import Options, RateLimit, SandboxServer

from .scripted import RUNS, client_of

PATIENT = RetryPolicy(max_attempts=12, base=0.001, floor=0.001, cap=0.02)


def use(server, scenario, **settings):
    async def run():
        async with client_of(server.base_url, **{"api_key": server.api_key, **settings}) as client:
            return await scenario(client)

    return asyncio.run(run())


async def read_everything(client):
    pages = [page async for page in client.pages(RUNS, page_size=7)]
    summaries = [summary for page in pages for summary in page.summaries]
    runs = await asyncio.gather(*(client.get(RUNS, summary["id"]) for summary in summaries))
    return summaries, runs


@pytest.mark.parametrize("end_marker", ["absent", "null", "empty"])
@pytest.mark.parametrize("cursor", ["offset", "keyset"])
def test_every_run_is_listed_once_and_fetched(end_marker, cursor):
    with SandboxServer(runs=40, options=Options(end_marker=end_marker, cursor=cursor)) as server:
        summaries, runs = use(server, read_everything)
    assert len({summary["id"] for summary in summaries}) == len(summaries) == 40
    assert [run["id"] for run in runs] == [summary["id"] for summary in summaries]
    newest_first = [summary["updatedAt"] for summary in summaries]
    assert newest_first == sorted(newest_first, reverse=True)


@pytest.mark.parametrize(
    # what cannot be read is asked for twice only
    "fault",
    ["429:0.3", "5xx:0.3", "html:0.3", "truncated:#7,20", "dropped:0.3", "success_false:#7,20"],
)
def test_faults_cost_retries_and_nothing_else(fault):
    with SandboxServer(runs=40) as server:
        _, undisturbed = use(server, read_everything)
    statistics = RequestStatistics()
    with SandboxServer(runs=40, faults=[fault]) as server:
        patient = {"statistics": statistics, "retry_policy": PATIENT}
        _, runs = use(server, read_everything, **patient)
    assert runs == undisturbed
    assert statistics.retries > 0
    assert (statistics.throttled > 0) is (fault == "429:0.3")


def test_filters_are_understood():
    async def failed_extractions(client):
        filters = RunFilters(status="FAILED", processor_type="EXTRACT")
        return [summary async for page in client.pages(RUNS, filters) for summary in page.summaries]

    with SandboxServer(runs=200) as server:
        summaries = use(server, failed_extractions)
    assert {(summary["status"], summary["type"]) for summary in summaries} == {("FAILED", "EXTRACT")}


def test_the_rate_limit_of_the_organisation_is_kept():
    statistics = RequestStatistics()
    budget = RequestBudget(25)
    with SandboxServer(runs=40, rate_limit=RateLimit(25, "sliding_window")) as server:
        use(server, read_everything, statistics=statistics, budget=budget)
    assert statistics.throttled == 0
    assert statistics.requests == 46


@pytest.mark.parametrize(
    ("settings", "kind", "advice"),
    [
        ({"api_key": "sk_unknown"}, AccessRefused, "wrong, expired, revoked"),
        ({"api_key": "sk_sandbox_expired"}, AccessRefused, "wrong, expired, revoked"),
        ({"api_key": "sk_sandbox_insufficient"}, AccessRefused, "lacks permission"),
        ({"api_key": "sk_sandbox_forbidden"}, AccessRefused, "lacks permission"),
        ({"api_key": "sk_sandbox_org"}, WorkspaceRefused, "Set workspace_id"),
        ({"api_key": "sk_sandbox_org", "workspace_id": "ws_none"}, WorkspaceRefused, "'ws_none'"),
        ({}, NotFound, "deleted, or belongs to another workspace"),
    ],
)
def test_each_refusal_of_the_stand_in_is_recognised(settings, kind, advice):
    async def fail(client):
        with pytest.raises(kind) as caught:
            await client.get(RUNS, "dpr_none")
        return caught.value

    with SandboxServer(runs=5) as server:
        error = use(server, fail, **settings)
    assert type(error) is kind
    assert advice in error.advice
