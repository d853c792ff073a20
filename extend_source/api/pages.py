"""Paging through a list: filters, pages, and what to do when a page token is refused."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from extend_source.config.run_values import ProcessorType, RunStatus
from extend_source.errors import EndlessListing, ExtendError, InvalidRequest

SortBy = Literal["updatedAt", "createdAt"]
SortDirection = Literal["asc", "desc"]

MAX_PAGE_SIZE = 1000
"""The largest ``maxPageSize`` (docs "List Files", the same parameter on every list; the default is 10)."""

MAX_RESTARTS = 2
"""How often a listing starts again from its first page after a refused page token."""

MAX_PAGES_WITHOUT_NEWS = 100
"""Pages in a row that show no run for the first time: a listing with this many has no end."""

_ABOUT_PAGE_TOKEN = re.compile(r"token|cursor", re.IGNORECASE)


@dataclass(frozen=True)
class RunFilters:
    """Filters of the run listing; None means all (docs "List Processor Runs").

    There is no filter by time in any version of the API, and each filter takes one value per request.

    Attributes:
        status: a run status such as ``PROCESSED``.
        processor_id: the processor.
        processor_type: ``EXTRACT``, ``CLASSIFY`` or ``SPLITTER``.
        source_id: what created the run, for example a workflow run.
        source: the kind of thing that created it, for example ``WORKFLOW_RUN``.
        file_name_contains: a part of the file's name.
    """

    status: RunStatus | None = None
    processor_id: str | None = None
    processor_type: ProcessorType | None = None
    source_id: str | None = None
    source: str | None = None
    file_name_contains: str | None = None


@dataclass(frozen=True)
class RunPage:
    """One page of the run listing.

    Attributes:
        summaries: the canonical run summaries; a page may be shorter than asked for, even empty.
        number: counts the pages of this listing from 1, those read again after a restart included.
        is_last: there is no further page.
    """

    summaries: list[dict[str, Any]]
    number: int
    is_last: bool


PageAnswer = tuple[list[dict[str, Any]], str | None]
"""The summaries of a page, and the token of the next one."""

FetchPage = Callable[[dict[str, str]], Awaitable[PageAnswer]]
"""Fetches the page of some query parameters."""


class PagesAhead:
    """Answers to requests for pages that were sent ahead: each is handed out once, in place of a request.

    Attributes:
        is_reading: requests are sent ahead now.
        began_at: when the first one was, monotonic seconds; None: none was.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.is_reading = False
        self.began_at: float | None = None
        self._answers: dict[tuple[str, frozenset[tuple[str, str]]], PageAnswer | ExtendError] = {}

    async def answer(self, path: str, parameters: dict[str, str], ask: FetchPage) -> PageAnswer:
        """Answer a request for a page.

        Args:
            path: the path of the list.
            parameters: the query.
            ask: sends the request.

        Returns:
            The page.

        Raises:
            ExtendError: the request was refused, or nothing came of it; that is an answer, too.
        """
        key = path, frozenset(parameters.items())
        known = None if self.is_reading else self._answers.pop(key, None)
        if isinstance(known, ExtendError):
            raise known
        if known is not None:
            return known
        if not self.is_reading:
            return await ask(parameters)
        self.began_at = self.began_at or time.monotonic()
        try:
            page = self._answers[key] = await ask(parameters)
        except ExtendError as error:
            self._answers[key] = error
            raise
        return page


async def walk(
    parameters: dict[str, str], fetch: FetchPage, max_without_news: int = MAX_PAGES_WITHOUT_NEWS
) -> AsyncIterator[RunPage]:
    """Walk through all pages of a listing.

    A token is bound to its query, so every parameter is repeated with it (docs "List Files"). How long one
    lives is not documented: when one is refused, the listing starts again: rows can repeat, none is lost.

    Args:
        parameters: filters, order and page size.
        fetch: fetches one page.
        max_without_news: a listing with this many pages in a row that show no run for the first time has no end.

    Yields:
        The pages in order.

    Raises:
        InvalidRequest: the request was refused, or page tokens were refused more than `MAX_RESTARTS` times.
        EndlessListing: a token came twice, or too many pages had nothing new: it would never end.
    """
    number, restarts, without_news = 0, 0, 0
    shown: set[str] = set()
    token: str | None = None
    seen: set[str] = set()
    while True:
        try:
            summaries, next_token = await fetch(parameters if token is None else {**parameters, "nextPageToken": token})
        except InvalidRequest as error:
            if token is None or not _ABOUT_PAGE_TOKEN.search(error.what):
                raise
            if restarts == MAX_RESTARTS:
                error.advice = "Page tokens keep expiring: run the sync again, with narrower filters if it persists"
                raise
            restarts += 1
            token = None
            seen.clear()
            without_news = -number  # what has been shown comes again
            continue
        number += 1
        before = len(shown)
        shown.update(run_id for summary in summaries if isinstance(run_id := summary.get("id"), str))
        without_news = 0 if len(shown) > before else without_news + 1
        yield RunPage(summaries, number, next_token is None)
        if next_token is None:
            return
        if next_token in seen:
            raise EndlessListing(f"The listing sent the page token of page {number} twice: it would never end")
        if without_news >= max_without_news:
            raise EndlessListing(
                f"The listing sent {max_without_news:,} pages in a row without a run that it had not shown before: it "
                "would never end"
            )
        seen.add(next_token)
        token = next_token
