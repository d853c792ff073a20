"""The client: GETs of the Extend API, within one request budget, checked and canonical."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType

import httpx

from extend_source.api.adapters import Payload, as_it_is
from extend_source.api.answers import cleaner
from extend_source.api.bodies import ACCEPTED_ENCODINGS, Arrival
from extend_source.api.budget import RequestBudget
from extend_source.api.calls import call_for, decoder_of, object_in
from extend_source.api.connections import Connections
from extend_source.api.downloads import Downloads, Link
from extend_source.api.endpoint import Endpoint
from extend_source.api.endpoints import endpoints_for, endpoints_of
from extend_source.api.environment import certificates, proxy_for
from extend_source.api.evidence import Call
from extend_source.api.logs import keep_links_out_of_logs
from extend_source.api.pages import (
    MAX_PAGE_SIZE,
    MAX_PAGES_WITHOUT_NEWS,
    PageAnswer,
    PagesAhead,
    RunFilters,
    RunPage,
    SortBy,
    SortDirection,
    walk,
)
from extend_source.api.paths import path_segment
from extend_source.api.retries import RetryPolicy
from extend_source.api.sending import Sender
from extend_source.api.settings import checked_api_key, checked_base_url, checked_workspace_id, is_loopback
from extend_source.api.statistics import RequestStatistics
from extend_source.config.groups import GROUPS
from extend_source.config.settings import API_VERSION, DEFAULT_BASE_URL
from extend_source.errors import BodyTooLarge, ExtendError, InvalidRequest, InvalidSetting, MalformedResponse, NotFound

DEFAULT_TIMEOUT = httpx.Timeout(connect=10.0, read=60.0, write=30.0, pool=None)
"""Seconds per phase of an attempt; none for a free connection, as the budget bounds their number."""

MAX_BODY_MEGABYTES = 256.0
"""The largest body, unpacked."""

MAX_OUTPUT_MEGABYTES = 512.0
"""The largest output that is downloaded by its link, unpacked."""

_CONTENT_TOO_LARGE = 413

_SHORT_PAGE = {"sortBy": "updatedAt", "sortDir": "desc", "maxPageSize": "5"}
"""What is asked of the first list to see whether the API answers at all."""

try:
    _USER_AGENT = f"dlt-source-extend/{version('dlt-source-extend')}"
except PackageNotFoundError:  # run from a checkout that is not installed
    _USER_AGENT = "dlt-source-extend/0+unknown"


class ExtendClient:
    """Reads the objects of the API over httpx; use it with ``async with``.

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
        others: Callable[[Endpoint], Iterable[str]] = lambda endpoint: (),
        ahead: PagesAhead | None = None,
        may_change: bool = False,
        max_body_megabytes: float = MAX_BODY_MEGABYTES,
        max_output_megabytes: float = MAX_OUTPUT_MEGABYTES,
        max_pages_without_news: int = MAX_PAGES_WITHOUT_NEWS,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout | float = DEFAULT_TIMEOUT,
        seen_headers: set[str] | None = None,
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
            others: names objects of an endpoint that are asked for where it is in doubt whether a refusal concerns one
                object or all.
            ahead: pages of lists that are read ahead, or were; None: there are none.
            may_change: objects are read although that may have Extend delete something of them.
            max_pages_without_news: this many listing pages in a row without a new run end the listing with an error.
            max_body_megabytes: a body that is larger, unpacked, is an error of its object, or its output is downloaded.
            max_output_megabytes: an output that is larger, unpacked, is an error of its object.
            transport: replaces httpx's own, for tests or another HTTP stack; closed with the client.
            timeout: seconds, or an `httpx.Timeout`.
            seen_headers: where the names of the headers of all answers are put; None: nowhere.

        Raises:
            AccessRefused: no request could carry this key.
            InvalidSetting: the base URL or the workspace id cannot work.
            UnsupportedApiVersion: there are no endpoints for the version.
        """
        self._api_key = checked_api_key(api_key)
        self.base_url = checked_base_url(base_url)
        self.workspace_id = checked_workspace_id(workspace_id)
        self._endpoints = endpoints_of(api_version)
        self.api_version = api_version
        self.budget = budget or RequestBudget()
        self.retry_policy = retry_policy or RetryPolicy()
        self.statistics = statistics or RequestStatistics()
        self._may_send, self._others = may_send, others
        self._ahead, self._may_change = ahead or PagesAhead(), may_change
        self._max_bytes, self._max_output = int(max_body_megabytes * 1e6), int(max_output_megabytes * 1e6)
        self._max_without_news = max_pages_without_news
        self._listed: dict[str, list[str]] = {}
        self._transport = transport
        self._timeout = timeout
        self._seen_headers = seen_headers
        self._decoders = {each.get_name: decoder_of(each) for each in self._endpoints}
        self._certificates: ssl.SSLContext | None = None
        self._proxy: httpx.Proxy | None = None
        self._connections: Connections | None = None
        self._sender: Sender | None = None

    def __repr__(self) -> str:
        return f"ExtendClient(base_url={self.base_url!r}, workspace_id={self.workspace_id!r})"

    async def __aenter__(self) -> ExtendClient:
        keep_links_out_of_logs()
        # a proxy of the environment is not meant for this machine, and would see the key in the clear
        trust_env = not is_loopback(httpx.URL(self.base_url).host)
        self._certificates = self._certificates or certificates(trust_env=trust_env)
        self._proxy = proxy_for(self.base_url) if trust_env else None
        self._connections = Connections(self._http_client)
        listed = self._endpoints[0]
        self._sender = Sender(
            self._connections,
            base_url=self.base_url,
            clean=cleaner(self._api_key),
            workspace_id=self.workspace_id,
            budget=self.budget,
            retry_policy=self.retry_policy,
            statistics=self.statistics,
            may_send=self._may_send,
            max_bytes=self._max_bytes,
            listing=Call(listed.list_name, listed.list_path, _SHORT_PAGE),
            read_listing=partial(self._page, listed),
            others=self._calls_like,
            beside={each.get_name for each in self._endpoints if not each.group or GROUPS[each.group].is_dispensable},
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
            event_hooks={} if self._seen_headers is None else {"response": [self._note_headers]},
        )

    async def _note_headers(self, response: httpx.Response) -> None:
        if self._seen_headers is not None:
            self._seen_headers.update(response.headers)

    async def raw(self, name: str, path: str, parameters: Mapping[str, str] | None = None) -> Payload:
        """Ask for anything below the base URL.

        Args:
            name: what it is called in the request statistics.
            path: the path, percent-encoded.
            parameters: the query.

        Returns:
            The body as it came: not canonical, and with the links in it, which are secrets.

        Raises:
            ExtendError: see `extend_source.errors`.
        """
        return await self._open_sender().get(Call(name, path, parameters or {}), as_it_is)

    async def get(
        self, endpoint: Endpoint, object_id: str, arrival: Arrival | None = None, *, parent: str = ""
    ) -> Payload:
        """Fetch a full object.

        Args:
            endpoint: where its type is read.
            object_id: the id, any text of up to 255 characters.
            arrival: where the bytes of the answer come to.
            parent: the id of what it is a part of, where the path names it.

        Returns:
            The canonical object, without signed URLs. Of one that is too large, the output is downloaded by its link.

        Raises:
            NotFound: deleted, or in another workspace.
            ExtendError: see `extend_source.errors`.
        """
        if endpoint.changes_what_it_reads and not self._may_change:
            raise InvalidSetting(f"{endpoint.get_path} is not to be read", "Set verify_details = true")
        call, linked, bytes_to = call_for(endpoint, object_id, parent), endpoint.linked, arrival or Arrival()
        try:
            answer, _ = await self._answer(endpoint, call, object_id, bytes_to)
            if not endpoint.holds(answer):
                kind = endpoint.object_type.replace("_", " ")
                raise NotFound(f"{object_id} is no {kind}", "It is something else: see the setting objects")
            found = endpoint.adapt(answer)
            return found if not endpoint.parent_key else {endpoint.parent_key: parent, **found}
        except (BodyTooLarge, InvalidRequest) as error:
            is_too_large = isinstance(error, BodyTooLarge) or error.status_code == _CONTENT_TOO_LARGE
            if linked is None or not is_too_large:
                raise
        by_link = replace(call, parameters={**call.parameters, **linked.parameters})
        ask = partial(self._answer, endpoint, by_link, object_id, bytes_to, linked.link)
        return endpoint.adapt(await self._downloads().complete(ask, linked, object_id, bytes_to))

    async def _answer(
        self, endpoint: Endpoint, call: Call, object_id: str, arrival: Arrival, link: str | None = None
    ) -> tuple[Payload, Link | None]:
        """Fetch an object as it is, and apart from it the link that was asked for, by the name of its member."""

        def read(body: Payload) -> tuple[Payload, Link | None]:
            found = object_in(body, endpoint.get_key, object_id)
            url = None if link is None else found.pop(link, None)
            return found, Link(url) if isinstance(url, str) else None

        return await self._open_sender().get(call, read, self._decoders[endpoint.get_name], arrival)

    async def find(
        self,
        object_type: str,
        object_id: str,
        arrival: Arrival | None = None,
        *,
        run_type: str | None = None,
        parent: str = "",
    ) -> Payload:
        """Fetch a full object from the endpoint that has it.

        Args:
            object_type: what it is, for example ``processor_run``.
            object_id: the id, any text of up to 255 characters.
            arrival: where the bytes of the answer come to.
            run_type: the type of a run, where that is known: one request is enough then.
            parent: the id of what it is a part of, where the path names it.

        Returns:
            The canonical object, without signed URLs.

        Raises:
            NotFound: no endpoint has it.
            ExtendError: see `extend_source.errors`; of several, what the first endpoint said.
        """
        said: ExtendError | None = None
        for endpoint in endpoints_for(self.api_version, object_type, object_id, run_type):
            try:
                return await self.get(endpoint, object_id, arrival, parent=parent)
            except (NotFound, InvalidRequest) as error:  # to some, an id of another kind is no id at all
                said = said or error
        assert said is not None
        raise said

    def pages(
        self,
        endpoint: Endpoint,
        filters: RunFilters | None = None,
        *,
        sort_by: SortBy = "updatedAt",
        sort_dir: SortDirection = "desc",
        page_size: int = MAX_PAGE_SIZE,
        parent: str = "",
    ) -> AsyncIterator[RunPage]:
        """Walk through a list.

        Args:
            endpoint: what is listed.
            filters: which objects; all if None.
            sort_by: ``updatedAt`` or ``createdAt``, where the list can be sorted. In descending order an object that
                changes meanwhile moves to the front: rows can repeat, none is skipped.
            sort_dir: ``desc`` or ``asc``.
            page_size: 1 to 1000 rows per request; pages may hold fewer.
            parent: the id of what has the parts that are listed, where the path names it.

        Returns:
            The pages; each costs one request. To stop early, stop iterating.

        Raises:
            InvalidRequest: the filters or page tokens were refused.
            ExtendError: see `extend_source.errors`.
        """
        if not 1 <= page_size <= MAX_PAGE_SIZE:
            raise InvalidRequest(f"page_size must be 1 to {MAX_PAGE_SIZE}, not {page_size}", "Correct it")
        given = {} if filters is None else asdict(filters)
        chosen = {endpoint.filters[name]: value for name, value in given.items() if value is not None}
        order = {"sortBy": sort_by, "sortDir": sort_dir}
        size = {"maxPageSize": str(page_size)} if endpoint.is_paged else {}
        path = endpoint.list_path.format(parent=path_segment(parent)) if parent else endpoint.list_path

        async def ask(parameters: dict[str, str]) -> PageAnswer:
            call = Call(endpoint.list_name, path, parameters)
            return await self._open_sender().get(call, partial(self._page, endpoint))

        fetch = partial(self._ahead.answer, path, ask=ask)
        return walk({**chosen, **{name: order[name] for name in endpoint.sorts}, **size}, fetch, self._max_without_news)

    def _downloads(self) -> Downloads:
        is_local = is_loopback(httpx.URL(self.base_url).host)

        def transport(url: httpx.URL) -> AbstractAsyncContextManager[httpx.AsyncBaseTransport]:
            if self._transport is not None:
                return nullcontext(self._transport)
            proxy = None if is_local else proxy_for(f"{url.scheme}://{url.netloc.decode()}")
            return httpx.AsyncHTTPTransport(verify=self._certificates or True, trust_env=False, proxy=proxy)

        return Downloads(
            transport,
            is_local=is_local,
            clean=cleaner(self._api_key),
            retry_policy=self.retry_policy,
            statistics=self.statistics,
            may_send=self._may_send,
            max_bytes=self._max_output,
            timeout=httpx.Timeout(self._timeout),
        )

    def _open_sender(self) -> Sender:
        if self._sender is None:
            raise RuntimeError("use the client with 'async with'")
        return self._sender

    def _calls_like(self, call: Call) -> Iterator[Call]:
        endpoint = next((each for each in self._endpoints if each.get_name == call.endpoint), None)
        # a page of a list: there is no other like it
        if endpoint is None or endpoint.parent_key or endpoint.changes_what_it_reads:
            return
        for object_id in itertools.chain(self._others(endpoint), self._listed.get(endpoint.get_name, ())):
            with suppress(InvalidRequest):
                yield call_for(endpoint, object_id)

    def _page(self, endpoint: Endpoint, body: Payload) -> tuple[list[Payload], str | None]:
        rows, token = body.get(endpoint.list_key), body.get("nextPageToken")
        name = f"GET {endpoint.list_path}"
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise MalformedResponse(f"{name}: 200 without a list of {endpoint.list_key}", status_code=200)
        if token is not None and not isinstance(token, str):  # taken for the end, it would lose runs
            raise MalformedResponse(f"{name}: 200 with a nextPageToken that is no text", status_code=200)
        self._listed[endpoint.get_name] = [row_id for row in rows[:5] if isinstance(row_id := row.get("id"), str)]
        # absent and null mark the end in the docs, "" in the vendor's CLI
        return [endpoint.adapt_summary(row) for row in rows], token or None
