"""The wire: a client of the Extend API that knows nothing of dlt's resources or of tables.

async with ExtendClient(api_key=key, budget=RequestBudget(10.0)) as client:
    async for page in client.list_runs(RunFilters(status="PROCESSED")):
        for summary in page.summaries:
            run = await client.get_run(summary["id"])
"""

from extend_source.api.bodies import Arrival
from extend_source.api.budget import RequestBudget
from extend_source.api.client import ExtendClient
from extend_source.api.listing import RunFilters, RunPage
from extend_source.api.retries import RetryPolicy, parse_retry_after
from extend_source.api.statistics import RequestStatistics
from extend_source.api.versions import ADAPTERS, Adapter

__all__ = [
    "ADAPTERS",
    "Adapter",
    "Arrival",
    "ExtendClient",
    "RequestBudget",
    "RequestStatistics",
    "RetryPolicy",
    "RunFilters",
    "RunPage",
    "parse_retry_after",
]
