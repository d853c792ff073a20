"""One organization: its workspaces and keys, and everything about how it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from extend_source.sandbox.auth import ApiKey, authenticate, check_version, choose_workspace, default_keys
from extend_source.sandbox.faults import Fault, FaultInjector
from extend_source.sandbox.limits import RateLimit, RateLimiter, retry_after_headers
from extend_source.sandbox.paging import MAX_PAGE_SIZE, CursorKind, EndMarker
from extend_source.sandbox.problems import ApiError, ErrorShape
from extend_source.sandbox.requests_log import BeforeRequest, Instead, LoggedRequest, RequestLog
from extend_source.sandbox.workspace import Workspace

DEFAULT_API_KEY = "sk_sandbox"


@dataclass(frozen=True)
class Options:
    """Where the documentation leaves a choice, which one the stand-in makes.

    Attributes:
        api_key: The key of the first workspace.
        more_keys: Further keys by their text.
        end_marker: How the last page says so.
        cursor: Whether a page token counts rows or remembers the last one.
        token_lifetime: Seconds a page token stays valid; None for ever.
        short_pages: Serve half as many rows a page as asked for, which the contract allows.
        error_shape: The shape of error bodies.
        largest_page: The most rows of a page, whatever is asked for.
    """

    api_key: str = DEFAULT_API_KEY
    more_keys: Mapping[str, ApiKey] = field(default_factory=dict)
    end_marker: EndMarker = "absent"
    cursor: CursorKind = "offset"
    token_lifetime: float | None = None
    short_pages: bool = False
    error_shape: ErrorShape = "auto"
    largest_page: int = MAX_PAGE_SIZE

    def __post_init__(self) -> None:
        if self.largest_page < 1:
            raise ValueError("largest_page must be at least 1")


class Organization:
    """Workspaces behind one set of keys and one rate limit.

    Args:
        workspaces: At least one; a plain workspace key belongs to the first.
        options: How the API behaves where it is not documented.
        faults: What goes wrong, as ``Fault`` objects or short forms such as ``"429:0.2"``.
        rate_limit: The budget shared by all workspaces, or None for none.
        clock: Seconds that never go back, for the rate limit and token expiry.
        before_each_request: Called before each request to the API is answered; see the attribute.

    Attributes:
        before_each_request: Called in the server's thread before each request to the API is answered, also one
            that will be refused; not for the control routes. It may change the workspaces, but must not ask the
            server itself. May be set and cleared at any time.
        instead: Asked, after that call, what to send in place of the answer; None: every answer is the stand-in's own.
            May be set and cleared at any time.
        defect: The first exception of ``before_each_request``, None if there was none.
    """

    def __init__(
        self,
        workspaces: Iterable[Workspace],
        *,
        options: Options | None = None,
        faults: Iterable[Fault | str] = (),
        rate_limit: RateLimit | None = None,
        clock: Callable[[], float] = time.monotonic,
        before_each_request: BeforeRequest | None = None,
    ) -> None:
        self.workspaces = {workspace.id: workspace for workspace in workspaces}
        if not self.workspaces:
            raise ValueError("an organization needs at least one workspace")
        self.options = options or Options()
        first = next(iter(self.workspaces.values()))
        self.keys = {**default_keys(self.options.api_key, first.id), **self.options.more_keys}
        self.faults = FaultInjector(faults, first.seed)
        self.limiter = RateLimiter(rate_limit, clock)
        self.requests = RequestLog()
        self.clock = clock
        self.before_each_request = before_each_request
        self.instead: Instead | None = None
        self.defect: BaseException | None = None

    def announce(self, request: LoggedRequest) -> None:
        """Call ``before_each_request``.

        Args:
            request: What has arrived.

        Raises:
            ApiError: 500 when the call fails; ``defect`` says why.
        """
        call = self.before_each_request  # another thread may clear it at any time
        if call is None:
            return
        try:
            call(request)
        except BaseException as error:  # pytest.fail() raises no Exception
            self.defect = self.defect or error
            raise ApiError(500, f"before_each_request failed: {type(error).__name__}") from error

    def admit(self, headers: Mapping[str, str]) -> Workspace:
        """Return the workspace a request may read.

        Args:
            headers: The request's headers.

        Raises:
            ApiError: The request is refused: 400, 401, 403, or 429 when the budget is used up.
        """
        key = authenticate(headers.get("authorization"), self.keys)
        check_version(headers.get("x-extend-api-version"))
        workspace = choose_workspace(key, headers.get("x-extend-workspace-id"), self.workspaces)
        wait = self.limiter.admit()
        if wait and self.limiter.limit:
            raise ApiError(429, "Rate limit exceeded.", retry_after_headers(self.limiter.limit.retry_after, wait))
        return workspace
