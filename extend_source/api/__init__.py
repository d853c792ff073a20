"""The wire: a client of the Extend API that knows nothing of dlt's resources or of tables.

async with ExtendClient(api_key=key, budget=RequestBudget(10.0)) as client:
    for runs in lists_of(client.api_version, "processor_run"):
        async for page in client.pages(runs, RunFilters(status="PROCESSED")):
            for summary in page.summaries:
                run = await client.get(runs, summary["id"])
"""

from extend_source.api.adapters import CARRIED
from extend_source.api.bodies import Arrival
from extend_source.api.budget import RequestBudget
from extend_source.api.client import ExtendClient
from extend_source.api.endpoint import Endpoint
from extend_source.api.endpoints import (
    CURRENT_VERSION,
    DEFINITIONS,
    GENERATIONS,
    GROUP_OF,
    OF_ANY_GROUP,
    lists_of,
    object_types_of,
)
from extend_source.api.pages import PagesAhead, RunFilters, RunPage
from extend_source.api.retries import RetryPolicy, parse_retry_after
from extend_source.api.statistics import RequestStatistics

__all__ = [
    "CARRIED",
    "CURRENT_VERSION",
    "DEFINITIONS",
    "GENERATIONS",
    "GROUP_OF",
    "OF_ANY_GROUP",
    "Arrival",
    "Endpoint",
    "ExtendClient",
    "PagesAhead",
    "RequestBudget",
    "RequestStatistics",
    "RetryPolicy",
    "RunFilters",
    "RunPage",
    "lists_of",
    "object_types_of",
    "parse_retry_after",
]
