"""The client: GETs of the Extend API, within one request budget, checked and canonical."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from urllib.parse import quote

import httpx

from extend_source.api.answers import cleaner
from extend_source.api.bodies import ACCEPTED_ENCODINGS, Arrival
from extend_source.api.budget import RequestBudget
from extend_source.api.connections import Connections
from extend_source.api.environment import certificates, proxy_for
from extend_source.api.evidence import Call
from extend_source.api.listing import (
    MAX_PAGE_SIZE,
    MAX_PAGES_WITHOUT_NEWS,
    RunFilters,
    RunPage,
    SortBy,
    SortDirection,
    pages,
)
from extend_source.api.retries import RetryPolicy
from extend_source.api.sending import Sender
from extend_source.api.settings import checked_api_key, checked_base_url, checked_workspace_id, is_loopback
from extend_source.api.statistics import RequestStatistics
from extend_source.api.versions import Payload, adapter_for
from extend_source.config import API_VERSION, DEFAULT_BASE_URL
from extend_source.errors import InvalidRequest, MalformedResponse
from extend_source.json_codec import MemberDecoder

DEFAULT_TIMEOUT = httpx.Timeout(connect=10.0, read=60.0, write=30.0, pool=None)
"""Seconds per phase of an attempt; none for a free connection, as the budget bounds their number."""

MAX_ID_LENGTH = 255
"""Ids have up to 255 characters (docs "API versioning")."""

MAX_BODY_MEGABYTES = 256.0
"""The largest body, unpacked."""

_LISTING = Call("list_runs", "/processor_runs", {"sortBy": "updatedAt", "sortDir": "desc", "maxPageSize": "5"})
"""What is asked for to see whether the API answers at all."""

try:
    _USER_AGENT = f"dlt-source-extend/{version('dlt-source-extend')}"
except PackageNotFoundError:  # run from a checkout that is not installed
    _USER_AGENT = "dlt-source-extend/0+unknown"


class ExtendClient:
    """Reads processor runs and files over httpx; use it with ``async with``.

    All requests are GETs, so each one is safe to repeat: connection failures, timeouts, 408, 409, 425, 429,
    5xx and unusable bodies are retried, unless the answer itself says ``retryable: false``. Errors are those
    of `extend_source.errors`; ``refuses_everything`` tells whether a sync must end.

    Attributes:
        base_url: the address of the API, without a slash at the end.
        api_version: the API version that is asked for.
        workspace_id: the workspace, or None for the key's own.
        budget: the request budget, which clients may share within one event loop.
        retry_policy: when requests are repeated.
        statistics: what was sent and received.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str = DEFAULT_BASE_URL,
        api_version: str = API_VERSION,
        workspace_id: str | None = None,
        budget: RequestBudget | None = None,
        retry_policy: RetryPolicy | None = None,
        statistics: RequestStatistics | None = None,
        may_send: Callable[[], bool] = lambda: True,
        others: Callable[[str], Iterable[str]] = lambda endpoint: (),
        max_body_megabytes: float = MAX_BODY_MEGABYTES,
        max_pages_without_news: int = MAX_PAGES_WITHOUT_NEWS,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout | float = DEFAULT_TIMEOUT,
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            api_key: the key, sent in the Authorization header and kept nowhere else.
            base_url: the deployment (docs "Deployments").
            api_version: sent as ``x-extend-api-version`` (docs "API versioning").
            workspace_id: sent as ``x-extend-workspace-id``; organisation keys need it (docs
                "Authentication").
            budget: the request budget; a new one with the smallest plan's 10 requests per second if None.
            retry_policy: when to try again; the defaults of `RetryPolicy` if None.
            statistics: where to count; a new one if None.
            may_send: asked before each attempt; False withdraws the request.
            others: names objects, by ``get_run`` or ``get_file``, that are asked for where it is in doubt whether a
                refusal concerns one object or all.
            max_pages_without_news: so many listing pages in a row without a new run end the listing with an error.
            max_body_megabytes: a body that is larger, unpacked, is an error of its object.
            transport: replaces httpx's own, for tests or another HTTP stack; closed with the client.
            timeout: seconds, or an `httpx.Timeout`.

        Raises:
            AccessRefused: no request could carry this key.
            InvalidSetting: the base URL or the workspace id cannot work.
            UnsupportedApiVersion: there is no adapter for the version.
        """
        self._api_key = checked_api_key(api_key)
        self.base_url = checked_base_url(base_url)
        self.workspace_id = checked_workspace_id(workspace_id)
        self._adapter = adapter_for(api_version)
        self.api_version = api_version
        self.budget = budget or RequestBudget()
        self.retry_policy = retry_policy or RetryPolicy()
        self.statistics = statistics or RequestStatistics()
        self._may_send = may_send
        self._others = others
        self._most_bytes = int(max_body_megabytes * 1e6)
        self._most_without_news = max_pages_without_news
        self._listed: list[str] = []
        self._transport = transport
        self._timeout = timeout
        self._run_decoder = MemberDecoder(remembered="config")
        self._certificates: ssl.SSLContext | None = None
        self._proxy: httpx.Proxy | None = None
        self._connections: Connections | None = None
        self._sender: Sender | None = None

    def __repr__(self) -> str:
        return f"ExtendClient(base_url={self.base_url!r}, workspace_id={self.workspace_id!r})"

    async def __aenter__(self) -> ExtendClient:
        # a proxy of the environment is not meant for this machine, and would see the key in the clear
        trust_env = not is_loopback(httpx.URL(self.base_url).host)
        self._certificates = self._certificates or certificates(trust_env=trust_env)
        self._proxy = proxy_for(self.base_url) if trust_env else None
        self._connections = Connections(self._http_client)
        self._sender = Sender(
            self._connections,
            base_url=self.base_url,
            clean=cleaner(self._api_key),
            workspace_id=self.workspace_id,
            budget=self.budget,
            retry_policy=self.retry_policy,
            statistics=self.statistics,
            may_send=self._may_send,
            most_bytes=self._most_bytes,
            listing=_LISTING,
            read_listing=self._page,
            others=self._calls_like,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connections, self._connections, self._sender = self._connections, None, None
        if connections is not None:
            await connections.aclose()

    def _http_client(self, limits: httpx.Limits) -> httpx.AsyncClient:
        headers = {
            "authorization": f"Bearer {self._api_key}",
            "x-extend-api-version": self.api_version,
            "accept": "application/json",
            "accept-encoding": ACCEPTED_ENCODINGS,
            "user-agent": _USER_AGENT,
        }
        if self.workspace_id:
            headers["x-extend-workspace-id"] = self.workspace_id
        return httpx.AsyncClient(
            headers=headers,
            timeout=self._timeout,
            transport=self._transport,
            verify=True if self._certificates is None else self._certificates,
            follow_redirects=False,
            trust_env=False,  # what the environment names is known by now
            proxy=self._proxy,
            limits=limits,
        )

    async def get_run(self, run_id: str, *, arrival: Arrival | None = None) -> Payload:
        """Fetch a full processor run (docs "Get Processor Run", API 2025-04-21).

        Args:
            run_id: the id, any text of up to 255 characters.
            arrival: where the bytes of the answer come to.

        Returns:
            The canonical ``processorRun`` object, without signed URLs.

        Raises:
            NotFound: deleted, or in another workspace.
            ExtendError: see `extend_source.errors`.
        """
        return await self._open_sender().get(
            Call("get_run", f"/processor_runs/{_path_segment(run_id)}"),
            lambda body: self._adapter.run(_object(body, "processorRun", run_id)),
            self._run_decoder.decode,
            arrival,
        )

    async def get_file(
        self,
        file_id: str,
        *,
        raw_text: bool = False,
        markdown: bool = False,
        html: bool = False,
        arrival: Arrival | None = None,
    ) -> Payload:
        """Fetch a file, with the parts of its contents that are asked for (docs "Get File", API 2025-04-21).

        Args:
            file_id: the id, any text of up to 255 characters.
            raw_text: include the plain text.
            markdown: include the Markdown (PDF, images, converted Word files).
            html: include the HTML of the pages (DOCX only).
            arrival: where the bytes of the answer come to.

        Returns:
            The canonical ``file`` object, without signed URLs.

        Raises:
            NotFound: deleted, or in another workspace.
            ExtendError: see `extend_source.errors`.
        """
        flags = {"rawText": raw_text, "markdown": markdown, "html": html}
        parameters = {name: "true" for name, wanted in flags.items() if wanted}
        call = Call("get_file", f"/files/{_path_segment(file_id)}", parameters)
        return await self._open_sender().get(
            call, lambda body: self._adapter.file(_object(body, "file", file_id)), arrival=arrival
        )

    def list_runs(
        self,
        filters: RunFilters | None = None,
        *,
        sort_by: SortBy = "updatedAt",
        sort_dir: SortDirection = "desc",
        page_size: int = MAX_PAGE_SIZE,
    ) -> AsyncIterator[RunPage]:
        """Walk through the run listing (docs "List Processor Runs", API 2025-04-21).

        Args:
            filters: which runs; all if None.
            sort_by: ``updatedAt`` or ``createdAt``. In descending order a run that changes meanwhile moves to
                the front: rows can repeat, none is skipped.
            sort_dir: ``desc`` or ``asc``.
            page_size: 1 to 1000 runs per request; pages may hold fewer.

        Returns:
            The pages; each costs one request. To stop early, stop iterating.

        Raises:
            InvalidRequest: the filters or page tokens were refused.
            ExtendError: see `extend_source.errors`.
        """
        if not 1 <= page_size <= MAX_PAGE_SIZE:
            raise InvalidRequest(f"page_size must be 1 to {MAX_PAGE_SIZE}, not {page_size}", "Correct it")
        order = {"sortBy": sort_by, "sortDir": sort_dir, "maxPageSize": str(page_size)}

        async def fetch(parameters: dict[str, str]) -> tuple[list[Payload], str | None]:
            return await self._open_sender().get(Call("list_runs", "/processor_runs", parameters), self._page)

        return pages({**(filters or RunFilters()).parameters(), **order}, fetch, self._most_without_news)

    def _open_sender(self) -> Sender:
        if self._sender is None:
            raise RuntimeError("use the client with 'async with'")
        return self._sender

    def _calls_like(self, call: Call) -> Iterator[Call]:
        listed = self._listed if call.endpoint == "get_run" else []
        for object_id in itertools.chain(self._others(call.endpoint), listed):
            with suppress(InvalidRequest):
                folder = call.path.rpartition("/")[0]
                yield Call(call.endpoint, f"{folder}/{_path_segment(object_id)}", call.parameters)

    def _page(self, body: Payload) -> tuple[list[Payload], str | None]:
        rows, token = body.get("processorRuns"), body.get("nextPageToken")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise MalformedResponse("GET /processor_runs: 200 without a list of processorRuns", status_code=200)
        if token is not None and not isinstance(token, str):  # taken for the end, it would lose runs
            raise MalformedResponse("GET /processor_runs: 200 with a nextPageToken that is no text", status_code=200)
        self._listed = [run_id for row in rows[:5] if isinstance(run_id := row.get("id"), str)]
        # absent and null mark the end in the docs, "" in the vendor's CLI
        return [self._adapter.summary(row) for row in rows], token or None


def _path_segment(object_id: str) -> str:
    """Percent-encode an id as one segment of a path."""
    # "." and ".." would name another path; lone surrogates cannot be encoded
    if not isinstance(object_id, str) or not 0 < len(object_id) <= MAX_ID_LENGTH or object_id in (".", ".."):
        raise InvalidRequest(f"An id must have 1 to {MAX_ID_LENGTH} characters; this is none: {str(object_id)[:40]!r}")
    try:
        return quote(object_id, safe="")
    except UnicodeEncodeError:
        raise InvalidRequest("An id has characters that cannot be sent") from None


def _object(body: Payload, key: str, object_id: str) -> Payload:
    value = body.get(key)
    if not isinstance(value, dict):
        raise MalformedResponse(f"{object_id}: 200 without a {key} object", status_code=200)
    if value.get("id") != object_id:
        raise MalformedResponse(f"{object_id}: the {key} in the answer has another id", status_code=200)
    return value
