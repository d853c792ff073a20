"""Which runs will come with workflow runs, as far as the lists can tell: a sync need not ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from extend_source.api import Endpoint, ExtendClient, RunFilters, lists_of
from extend_source.ingest.worklist import Wanted, Worklist
from extend_source.tables.objects import OBJECT_TYPES

_SOURCE = "WORKFLOW_RUN"
_MAX_ASKED_ONE_BY_ONE = 25
"""Most workflow runs whose runs are listed one by one; beyond, those of all workflow runs are listed at once."""


async def children_of_workflow_runs(client: ExtendClient, worklist: Worklist, left_out: Collection[str]) -> set[str]:
    """Name the runs to fetch that workflow runs to fetch will bring.

    Args:
        client: the API.
        worklist: what is to be fetched.
        left_out: workflow runs that were listed and will not be fetched, as they have not ended.

    Returns:
        Their ids. Where more than a few workflow runs are fetched, and others have landed before, runs that changed
        alone are among them.
    """
    carriers = [one.id for one in worklist.left() if OBJECT_TYPES[one.object_type].turn == 0]
    wanted = {one.id for one in worklist.left() if _may_be_carried(one)}
    if not carriers or not wanted:
        return set()
    found = set[str]()
    if worklist.mode != "full" and len(carriers) <= _MAX_ASKED_ONE_BY_ONE:
        for workflow_run_id in carriers:
            found |= await _listed(client, RunFilters(source_id=workflow_run_id))
        return found & wanted
    found = await _listed(client, RunFilters(source=_SOURCE))
    for workflow_run_id in left_out:
        found -= await _listed(client, RunFilters(source_id=workflow_run_id))
    return found & wanted


async def _listed(client: ExtendClient, filters: RunFilters) -> set[str]:
    return {
        run_id
        for endpoint in _lists(client.api_version)
        async for page in _pages(client, endpoint, filters)
        for run_id in page
    }


async def _pages(client: ExtendClient, endpoint: Endpoint, filters: RunFilters) -> AsyncIterator[list[str]]:
    async for page in client.pages(endpoint, filters):
        yield [row["id"] for row in page.summaries if isinstance(row.get("id"), str)]


def _lists(api_version: str) -> list[Endpoint]:
    return [endpoint for name in OBJECT_TYPES["workflow_run"].carries for endpoint in lists_of(api_version, name)]


def _may_be_carried(wanted: Wanted) -> bool:
    return wanted.object_type in OBJECT_TYPES["workflow_run"].carries
