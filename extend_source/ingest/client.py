"""Reaching the API with the settings of the source, from code that is not asynchronous as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from extend_source.api import Endpoint, ExtendClient, PagesAhead, RequestBudget, RequestStatistics, RetryPolicy
from extend_source.config.settings import ExtendSettings

_Result = TypeVar("_Result")


def client_for(
    settings: ExtendSettings,
    statistics: RequestStatistics,
    budget: RequestBudget | None = None,
    *,
    may_send: Callable[[], bool] = lambda: True,
    others: Callable[[Endpoint], Iterable[str]] = lambda endpoint: (),
    ahead: PagesAhead | None = None,
) -> ExtendClient:
    """Make a client, to be used with ``async with``.

    Args:
        settings: key, deployment, workspace, version and request budget.
        statistics: where requests are counted.
        budget: one that several clients use in turn; None: the client has its own.
        may_send: asked before each request; once it says no, requests are withdrawn.
        others: names objects to ask for where it is in doubt whether a refusal concerns one object or all.
        ahead: pages of lists that are read ahead, or were; None: there are none.
    """
    return ExtendClient(
        api_key=settings.api_key,
        base_url=settings.base_url,
        api_version=settings.api_version,
        workspace_id=settings.workspace_id,
        budget=budget or budget_of(settings),
        statistics=statistics,
        may_send=may_send,
        others=others,
        ahead=ahead,
        may_change=settings.verify_details,
        max_body_megabytes=settings.max_body_megabytes,
        max_output_megabytes=settings.max_output_megabytes,
        max_pages_without_news=settings.max_pages_without_news,
        retry_policy=RetryPolicy(max_elapsed=settings.max_object_seconds),
    )


def budget_of(settings: ExtendSettings) -> RequestBudget:
    """Make the request budget that the settings allow."""
    return RequestBudget(settings.requests_per_second, settings.max_concurrency)


def run_to_end(work: Coroutine[object, object, _Result]) -> _Result:
    """Run a coroutine to its end, in a thread of its own where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1, thread_name_prefix="extend-api") as pool:
        return pool.submit(asyncio.run, work).result()
