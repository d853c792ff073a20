"""The code of every kind of failure that has a remedy of its own: it names its entry in the page of troubleshooting.

A code never changes its meaning, and one that is no longer used is not given again. The first digit says where to
look: 1 is what was asked for and how it is set up, 2 the API, 3 the destination and what has landed, 9 all else.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

_Failure = TypeVar("_Failure", bound=BaseException)


class ErrorCode(Enum):
    """A code, and what happened: together they are the heading of its entry.

    Attributes:
        title: what happened.
    """

    title: str

    def __new__(cls, code: str, title: str = "") -> ErrorCode:
        """Make a code of the text that is shown; without a title, the code is looked up."""
        member = object.__new__(cls)
        member._value_ = code
        member.title = title
        return member

    BAD_COMMAND = "EXT-101", "the command has a word or a value that it does not take"
    NO_KEY = "EXT-102", "there is no API key"
    UNKNOWN_SETTING = "EXT-103", "there is no such setting"
    BAD_SETTING = "EXT-104", "a setting has a value that it does not take"
    BAD_BASE_URL = "EXT-105", "base_url is not the address of the API"
    NETWORK_SETTING = "EXT-106", "the proxy or the certificates of this machine cannot be used"
    UNMATCHED_RULE = "EXT-107", "a privacy rule matches no field"
    NO_PRIVACY_KEY = "EXT-108", "privacy has no key, or a weak one"
    UNKNOWN_PROCESSOR = "EXT-109", "no run has that processor"
    BAD_RUN_IDS = "EXT-110", "the run ids cannot be read"
    UNKNOWN_PIPELINE = "EXT-111", "there is no such pipeline or dataset"
    MISSING_PACKAGE = "EXT-112", "a package is missing"
    NEW_PIPELINE = "EXT-113", "the plan is for a pipeline that is new here"
    OVER_BUDGET = "EXT-114", "the month is heading for more credits than allowed"
    FILE_EXISTS = "EXT-115", "the command would write over a file"
    PORT_TAKEN = "EXT-116", "the port of the stand-in cannot be used"
    SETTINGS_FILE = "EXT-117", "a file of settings cannot be written as it is"
    EVENT_QUEUE = "EXT-118", "the queue of webhook events cannot be used"
    NO_WEBHOOK_SECRET = "EXT-119", "there is no webhook secret, or one that is none"
    OTHER_EVENTS = "EXT-120", "webhook events are of the other version of the API"

    UNREACHABLE = "EXT-201", "there is no connection to the API"
    OUTAGE = "EXT-202", "request after request failed"
    NO_ANSWER = "EXT-203", "an answer did not arrive in full"
    RATE_LIMITED = "EXT-204", "there are too many requests (429)"
    SERVER_ERROR = "EXT-205", "the API has an error of its own (5xx)"
    MALFORMED = "EXT-206", "an answer is not what was asked for"
    UNREADABLE = "EXT-207", "a payload could not be turned into tables"
    ENDLESS_LISTING = "EXT-208", "the listing does not end"
    KEY_REFUSED = "EXT-209", "the key was refused"
    NO_PERMISSION = "EXT-210", "the key lacks permission"
    OUT_OF_CREDITS = "EXT-211", "the credits are used up"
    WORKSPACE_REFUSED = "EXT-212", "the workspace is missing or was refused"
    ENDPOINT_REMOVED = "EXT-213", "the API does not serve the path"
    BAD_API_VERSION = "EXT-214", "the version of the API is not supported"
    NOT_FOUND = "EXT-215", "the run or file is not there"
    INVALID_REQUEST = "EXT-216", "the API takes the request as wrong"
    OBJECT_REFUSED = "EXT-217", "one run or file is refused, others are not"
    BODY_TOO_LARGE = "EXT-218", "an answer is too large"

    UNKNOWN_DESTINATION = "EXT-301", "there is no such destination"
    NO_CREDENTIALS = "EXT-302", "the destination has no credentials"
    DESTINATION_UNREACHABLE = "EXT-303", "the destination cannot be reached"
    FILE_IN_USE = "EXT-304", "another process has the DuckDB file open"
    SYNC_UNDER_WAY = "EXT-305", "the pipeline is being synced already"
    NAME_CLASH = "EXT-306", "dataset and DuckDB file have the same name"
    UNFIT_DESTINATION = "EXT-307", "the destination cannot do this"
    BAD_OVERRIDE = "EXT-308", "an option of dlt does not go with these tables"
    EARLIER_TABLES = "EXT-309", "the dataset has tables of an earlier version"
    OTHER_API_VERSION = "EXT-310", "the dataset holds runs of the other version of the API"
    ANOTHER_WORKSPACE = "EXT-311", "the listing has nothing of what has landed"
    ERASED_WOULD_RETURN = "EXT-312", "what was erased would come back"
    TOO_MANY_ERRORS = "EXT-313", "too many runs could not be loaded"
    ROWS_REFUSED = "EXT-314", "the destination refused rows"
    NO_RAW_PAYLOADS = "EXT-315", "there is nothing to rebuild from"
    NOTHING_LANDED = "EXT-316", "the tables that are needed have not landed"
    CANNOT_MIGRATE = "EXT-317", "the dataset cannot be migrated as it is"
    NOT_SWITCHED = "EXT-318", "the migrated dataset could not be put in place"
    NOT_COMPACTED = "EXT-319", "what has landed could not be written anew"
    VIEWS_IN_USE = "EXT-320", "the views cannot be replaced"
    LOAD_LEFT_BEHIND = "EXT-321", "a sync was cut off and has left a load behind"
    LATE = "EXT-322", "no sync has succeeded in time"
    DAMAGED_FILE = "EXT-323", "the DuckDB file cannot be read"
    LOADING_FAILED = "EXT-324", "the destination failed"

    UNEXPECTED = "EXT-901", "something else failed"
    ENDED_AT_ONCE = "EXT-902", "the command was ended at once"

    def line(self, text: str) -> str:
        """Put the code before what is shown."""
        return f"{self.value}: {text}"

    def on(self, error: _Failure) -> _Failure:
        """Give the code to an error that is of another package's kind, and return that."""
        error.error_code = self.value  # type: ignore[attr-defined]
        return error
