"""Every error that a caller can catch, as a tree: at any height.

::

    ExtendError
    ├── ApiError                      what the API or the network did
    │   ├── ApiUnreachable        T   no connection, or request after request failed      ends the sync
    │   ├── NoAnswer              T   connected, but the answer did not arrive in full
    │   ├── RateLimited           T   429 after all attempts
    │   ├── ServerError           T   5xx, 408, 409 and 425 after all attempts
    │   ├── MalformedResponse     T   an answer that is not the object asked for
    │   ├── EndlessListing        T   a listing that does not come to its end
    │   ├── AccessRefused             key, permission or credits                          ends the sync
    │   │   └── WorkspaceRefused      workspace missing or unknown                        ends the sync
    │   ├── EndpointRemoved           the path is not served (any more)                   ends the sync
    │   ├── UnsupportedApiVersion                                                         ends the sync
    │   ├── NotFound                  404 and 410: deleted, or in another workspace
    │   ├── InvalidRequest            400 and 422
    │   ├── ObjectRefused             a refusal that concerns one object alone
    │   └── BodyTooLarge              a body beyond max_body_megabytes
    ├── UsageError                    what the caller asked for cannot be done
    │   ├── NothingLanded             the tables that are needed have not landed
    │   └── InvalidSetting            a setting that cannot work, such as a bad base_url  ends the sync
    │       └── AnotherWorkspace      the listing has nothing of what has landed          ends the sync
    └── SyncError                     the work on the pipeline and its destination
        ├── SyncUnderWay              the pipeline is being synced already
        ├── TooManyErrors             more failed than max_error_share allows
        ├── RowsRefused               the destination refused rows
        └── NoRawPayloads             there is nothing to rebuild from

dlt's retry looks at two marks. The errors with a T are `ExtendTransientError` as well (dlt's TransientException):
trying again later may help. The other errors of the API, and all of `UsageError`, are `ExtendTerminalError` (dlt's
TerminalException): only a person can help.

"Ends the sync" is the meaning of an answer that every request meets. Where others are answered well, the same answer
concerns its object alone: `of_one_object` says that then, see `extend_source.api.evidence`.

Each has an `error_code`, see `extend_source.error_codes`. `UsageError` and `SyncError` have none by themselves: whoever
raises one of these names the code.

No error holds the API key, a signed URL, or an httpx object (which holds the request and its headers).
"""

# ruff: noqa: N818 - the names say what happened; the base classes carry the suffix

from __future__ import annotations

from typing import ClassVar

from dlt.common.exceptions import TerminalException, TransientException

from extend_source.error_codes import ErrorCode
from extend_source.text.wording import one_line, sentence


class ExtendError(Exception):
    """Anything that this package says went wrong, in one line.

    Attributes:
        what: what happened, one line, free of secrets.
        advice: what to do about it, one line.
        status_code: the HTTP status, or None when there was no answer.
        code: the API's own error code such as ``NOT_FOUND``, or None.
        error_code: this package's code of what happened, such as ``EXT-215``: the page of troubleshooting has an entry
            for each. It is not in the text.
        request_id: the id that Extend's support asks for, or None.
        attempts: requests sent for this one object; 0 when none was sent.
        retryable: whether the same request may succeed later.
        retry_after: seconds the server asked to wait, or None.
        says_gone: the answer says that the object is not there (any more), if it is about the object at all.
    """

    default_advice: ClassVar[str] = ""
    default_error_code: ClassVar[ErrorCode] = ErrorCode.UNEXPECTED
    default_retryable: ClassVar[bool] = False
    refuses_everything: ClassVar[bool] = False
    """True when every other request would fail as well: a sync must end. Else one object is concerned."""

    def __init__(
        self,
        what: str,
        advice: str | None = None,
        *,
        status_code: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        attempts: int = 0,
        retryable: bool | None = None,
        retry_after: float | None = None,
        error_code: ErrorCode | None = None,
    ) -> None:
        # args are exactly the positional parameters: that is what pickle hands back to __init__
        super().__init__(what, advice)
        self.what = what
        self.advice = self.default_advice if advice is None else advice
        self.status_code = status_code
        self.code = code
        self.error_code: str = (error_code or self.default_error_code).value
        self.request_id = request_id
        self.attempts = attempts
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after = retry_after
        self.says_gone = False

    def of_one_object(self) -> ExtendError:
        """The same failure, once it is known that it concerns one object alone."""
        if not self.refuses_everything:
            return self
        kind = NotFound if self.says_gone else NoAnswer if isinstance(self, ApiUnreachable) else ObjectRefused
        return kind(
            self.what,
            status_code=self.status_code,
            code=self.code,
            request_id=self.request_id,
            attempts=self.attempts,
        )

    def __str__(self) -> str:
        what = self.what if self.attempts < 2 else f"{self.what.rstrip('. ')} ({self.attempts} attempts)"
        return one_line(f"{sentence(what)} {sentence(self.advice)}")  # is shown, logged and stored


class ExtendTransientError(ExtendError, TransientException):
    """The mark of a failure that may be gone later; it was retried before it was raised."""

    default_advice = "Run the sync again later: nothing that has landed is fetched twice"
    default_retryable = True


class ExtendTerminalError(ExtendError, TerminalException):
    """The mark of a failure that no retry can mend."""


class ApiError(ExtendError):
    """What the API or the network did; each of these is transient or terminal, too."""


class ApiUnreachable(ApiError, ExtendTransientError):
    """No connection to the API (DNS, refused, timed out), or request after request failed."""

    default_error_code = ErrorCode.UNREACHABLE
    default_advice = "Check base_url, the network and the proxy settings, then run the sync again"
    refuses_everything = True


class NoAnswer(ApiError, ExtendTransientError):
    """The server was reached, but the answer did not arrive in full: read timeout, dropped connection."""

    default_error_code = ErrorCode.NO_ANSWER


class RateLimited(ApiError, ExtendTransientError):
    """HTTP 429 after all attempts: the organisation's request budget is used up (docs "Rate limits")."""

    default_error_code = ErrorCode.RATE_LIMITED
    default_advice = "Lower requests_per_second: the limit is shared by everything that uses the organisation's keys"


class ServerError(ApiError, ExtendTransientError):
    """HTTP 5xx (or 408, 409, 425) after all attempts."""

    default_error_code = ErrorCode.SERVER_ERROR


class MalformedResponse(ApiError, ExtendTransientError):
    """A 200 that is not the object asked for: truncated, not JSON, ``success: false``, of another id."""

    default_error_code = ErrorCode.MALFORMED


class EndlessListing(ApiError, ExtendTransientError):
    """A listing that sends page after page without a run that it has not shown before."""

    default_error_code = ErrorCode.ENDLESS_LISTING
    default_advice = (
        "What it had shown is loaded. Run the sync again; if it persists, ask Extend's support, or raise "
        "max_pages_without_news"
    )


class AccessRefused(ApiError, ExtendTerminalError):
    """HTTP 401, 402 or 403: the key, its permissions or the credits (docs "Authentication")."""

    default_error_code = ErrorCode.KEY_REFUSED
    default_advice = (
        "Check the API key (SOURCES__EXTEND__API_KEY, or api_key under [sources.extend] in "
        ".dlt/secrets.toml): it may be wrong, expired, revoked, or of another deployment than base_url"
    )
    refuses_everything = True


class WorkspaceRefused(AccessRefused):
    """The workspace is missing (organisation keys need one) or unknown to the key (docs "Authentication")."""

    default_error_code = ErrorCode.WORKSPACE_REFUSED
    default_advice = (
        "Set workspace_id (SOURCES__EXTEND__WORKSPACE_ID) to a workspace of the key's organisation; "
        "organisation keys always need it"
    )


class EndpointRemoved(ApiError, ExtendTerminalError):
    """The path is not served: removed by Extend (``ENDPOINT_REMOVED``, 410), or base_url is not its API."""

    default_error_code = ErrorCode.ENDPOINT_REMOVED
    default_advice = "Upgrade dlt-source-extend; if it is the newest, check base_url"
    refuses_everything = True


class UnsupportedApiVersion(ApiError, ExtendTerminalError):
    """The API version is unknown to this package or refused by the server (docs "API versioning")."""

    default_error_code = ErrorCode.BAD_API_VERSION
    default_advice = "Set api_version to a supported version, or upgrade dlt-source-extend"
    refuses_everything = True


class NotFound(ApiError, ExtendTerminalError):
    """HTTP 404 or 410: the object was deleted (also by retention), or belongs to another workspace."""

    default_error_code = ErrorCode.NOT_FOUND
    default_advice = "It was deleted, or belongs to another workspace; check the id and workspace_id"


class InvalidRequest(ApiError, ExtendTerminalError):
    """HTTP 400 or 422, or an id that no request can be made for."""

    default_error_code = ErrorCode.INVALID_REQUEST
    default_advice = "Check the id or the filter"


class ObjectRefused(ApiError, ExtendTerminalError):
    """An answer that would end the sync if others met it; they are answered well, so it concerns this object alone."""

    default_error_code = ErrorCode.OBJECT_REFUSED
    default_advice = (
        "Others are answered well, so it concerns this one alone: later syncs try it again, and Extend's support may "
        "know why"
    )


class BodyTooLarge(ApiError, ExtendTerminalError):
    """A body that is larger, unpacked, than `max_body_megabytes` allows."""

    default_error_code = ErrorCode.BODY_TOO_LARGE
    default_advice = "Raise max_body_megabytes if such an object is to be loaded; memory grows with it"


class UsageError(ExtendTerminalError):
    """What the caller asked for cannot be done: a wrong argument, or a destination that cannot do it."""


class NothingLanded(UsageError):
    """The tables that are needed have not landed."""

    default_error_code = ErrorCode.NOTHING_LANDED
    default_advice = "Run extend-source sync first"


class InvalidSetting(UsageError):
    """A setting that cannot work, found before or by the first request."""

    default_error_code = ErrorCode.BAD_SETTING
    default_advice = "Correct the setting under [sources.extend] in .dlt/config.toml"
    refuses_everything = True


class AnotherWorkspace(InvalidSetting):
    """The listing has nothing in common with what has landed: what it shows must not be loaded."""

    default_error_code = ErrorCode.ANOTHER_WORKSPACE


class SyncError(ExtendError):
    """What the work on a pipeline and its destination met, where neither the API nor the caller is at fault."""


class SyncUnderWay(SyncError):
    """Another sync of the same pipeline is running on this machine."""

    default_error_code = ErrorCode.SYNC_UNDER_WAY
    default_advice = "Wait for it to end, or use another pipeline name"


class TooManyErrors(SyncError):
    """A greater share of runs could not be loaded than `max_error_share` allows."""

    default_error_code = ErrorCode.TOO_MANY_ERRORS
    default_advice = (
        "See the table fetch_errors; what could be loaded has landed, and the next sync tries the rest again"
    )


class RowsRefused(SyncError):
    """The destination refused rows, and dlt was told to go on without them."""

    default_error_code = ErrorCode.ROWS_REFUSED
    default_advice = "See `dlt pipeline NAME failed-jobs` for why; the next sync writes the rows again"


class NoRawPayloads(SyncError):
    """There is nothing to rebuild from."""

    default_error_code = ErrorCode.NO_RAW_PAYLOADS
    default_advice = "Set keep_raw = true under [sources.extend] and sync first"


class Withdrawn(Exception):
    """A request that was not sent, as nothing may be sent any longer; it says nothing about its object."""


def extend_error_in(failure: BaseException) -> ExtendError | None:
    """Find this package's error behind a failed pipeline step."""
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, ExtendError):
            return seen
        seen = getattr(seen, "exception", None) or seen.__cause__ or seen.__context__
    return None
