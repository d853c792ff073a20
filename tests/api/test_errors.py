from __future__ import annotations

import pickle

import pytest
from dlt.common.exceptions import TerminalException, TransientException

from extend_source.errors import (
    AccessRefused,
    ApiUnreachable,
    EndpointRemoved,
    ExtendError,
    ExtendTerminalError,
    InvalidRequest,
    InvalidSetting,
    MalformedResponse,
    NoAnswer,
    NotFound,
    RateLimited,
    ServerError,
    UnsupportedApiVersion,
    WorkspaceRefused,
)

from .scripted import CANARY_KEY, Answer, failure_of, get_run

ENDS_THE_SYNC = {
    AccessRefused,
    ApiUnreachable,
    EndpointRemoved,
    InvalidSetting,
    UnsupportedApiVersion,
    WorkspaceRefused,
}
ONE_OBJECT = {InvalidRequest, MalformedResponse, NoAnswer, NotFound, RateLimited, ServerError}

old = {"success": False, "error": "Something is wrong"}
new = {"code": "SOME_CODE", "message": "Something is wrong", "retryable": False, "requestId": "req_7"}


def failure(status, body=b"", **settings):
    error, server = failure_of(get_run, Answer(body, status), **settings)
    assert isinstance(error, ExtendError)
    return error, server


@pytest.mark.parametrize("kind", sorted(ENDS_THE_SYNC | ONE_OBJECT, key=lambda kind: kind.__name__))
def test_every_error_is_one_line_of_what_and_advice_and_survives_pickling(kind):
    error = kind("It broke", status_code=418, code="TEAPOT", request_id="r", attempts=3, retry_after=2.0)
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert str(error).startswith("It broke (3 attempts). ")
    assert str(error).endswith(f"{error.advice}.")
    assert "\n" not in str(error)
    assert vars(copy) == vars(error)
    assert kind.refuses_everything is (kind in ENDS_THE_SYNC)
    assert issubclass(kind, TerminalException if issubclass(kind, ExtendTerminalError) else TransientException)


REFUSED = ["/processor_runs/dpr_1", "/processor_runs"]


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        (400, old, None, "Something is wrong"),
        (400, {**old, "code": "CORRUPT_FILE"}, "CORRUPT_FILE", "Something is wrong"),
        (422, new, "SOME_CODE", "Something is wrong"),
        (400, {"success": False, "error": new}, "SOME_CODE", "Something is wrong"),
        (400, {"error": "Something\n  is wrong"}, None, "Something is wrong"),
        (400, b"", None, "answered 400"),
        (400, b"[]", None, "not as the API does"),
    ],
)
def test_all_shapes_of_error_bodies_are_understood(status, body, code, says):
    error, server = failure(status, body)
    assert type(error) is InvalidRequest
    assert (error.status_code, error.code, error.attempts) == (status, code, 1)
    assert says in error.what
    assert error.what.startswith("GET /processor_runs/dpr_1: ")
    assert len(server.requests) == 1


def test_the_request_id_for_support_is_kept():
    error, _ = failure(400, {"error": new})
    assert error.request_id == "req_7"


@pytest.mark.parametrize(
    ("status", "body", "kind", "advice"),
    [
        (401, {"success": False, "error": "Invalid API key"}, AccessRefused, "wrong, expired, revoked"),
        (403, new, AccessRefused, "lacks permission"),
        (401, {"error": "The API key has insufficient permission."}, AccessRefused, "lacks permission"),
        (402, {"code": "USAGE_BLOCKED", "message": "Out of credits"}, AccessRefused, "credits are used up"),
        (403, {"code": "USAGE_BLOCKED", "message": "Out of credits"}, AccessRefused, "credits are used up"),
        (400, {"error": "x-extend-workspace-id header is required"}, WorkspaceRefused, "Set workspace_id"),
        (401, {"error": "Workspace ID missing"}, WorkspaceRefused, "Set workspace_id"),
        (403, {"error": {"code": "WORKSPACE_FORBIDDEN"}}, WorkspaceRefused, "Set workspace_id"),
        (404, {"error": "Workspace ws_1 not found"}, WorkspaceRefused, "Set workspace_id"),
        (404, {"error": "Run not found in this workspace"}, NotFound, "another workspace"),
        (404, {"success": False, "error": "Not found"}, NotFound, "deleted, or belongs to another workspace"),
        (404, b"", NotFound, "deleted"),
        (404, b"<html>404</html>", EndpointRemoved, "Check base_url"),
        (410, {"error": "Gone"}, EndpointRemoved, "Upgrade"),
        (400, {"code": "ENDPOINT_REMOVED", "message": "Use /extract_runs"}, EndpointRemoved, "Upgrade"),
        (404, {"code": "ENDPOINT_REMOVED", "message": "Use /extract_runs"}, EndpointRemoved, "Upgrade"),
        (400, {"error": "Unsupported API version: 1999-01-01"}, UnsupportedApiVersion, "Set api_version"),
        (400, {"error": "x-extend-api-version is required"}, UnsupportedApiVersion, "Set api_version"),
        (400, {"error": "Processor version is invalid"}, InvalidRequest, "Check the id"),
        (422, new, InvalidRequest, "Check the id"),
    ],
)
def test_each_refusal_says_what_to_do_and_is_not_repeated(status, body, kind, advice):
    error, server = failure(status, body)
    assert type(error) is kind
    assert advice in error.advice
    # what would end the sync is believed once the listing is refused as well
    assert [request.path for request in server.requests] == REFUSED[: 1 + error.refuses_everything]


def test_an_unknown_workspace_is_named():
    error, server = failure(403, {"error": "Unknown workspace"}, workspace_id="ws_mine")
    assert type(error) is WorkspaceRefused
    assert "'ws_mine'" in str(error)
    assert server.requests[0].headers["x-extend-workspace-id"] == "ws_mine"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (408, b"", ServerError),
        (409, old, ServerError),
        (425, b"", ServerError),
        (500, {"code": "INTERNAL_ERROR", "message": "Oops"}, ServerError),
        (502, b"<html><h1>Bad gateway</h1></html>", ServerError),
        (503, b"", ServerError),
        (599, b"\xff\xfe", ServerError),
        (429, {"error": "Too many requests"}, RateLimited),
        (400, {"code": "BUSY", "message": "Busy", "retryable": True}, InvalidRequest),
    ],
)
def test_what_may_pass_is_tried_as_often_as_allowed(status, body, kind):
    error, server = failure(status, body)
    assert type(error) is kind
    assert error.status_code == status
    assert error.attempts == len(server.requests) == 3
    assert "(3 attempts)" in str(error)


def test_the_apis_own_word_that_a_retry_is_useless_is_believed():
    error, server = failure(500, {"code": "INTERNAL_ERROR", "message": "Broken for good", "retryable": False})
    assert type(error) is ServerError
    assert len(server.requests) == 1


def test_pages_of_a_proxy_are_not_quoted():
    error, _ = failure(502, b"<html>internal host 10.1.2.3</html>")
    assert error.what == "GET /processor_runs/dpr_1: the server answered 502, not as the API does"


@pytest.mark.case("S5")
def test_what_a_terminal_would_obey_is_in_no_part_of_an_error():
    hostile = "\x1b]0;owned\x07 \u202eecilA \u200b\x9b31m\r\nfake"
    error, _ = failure(422, {"code": hostile, "message": hostile, "requestId": hostile})
    shown = "�]0;owned� �ecilA ��31m fake"
    assert (error.code, error.request_id) == (shown, shown)
    assert str(error).startswith(f"GET /processor_runs/dpr_1: the Extend API answered 422: {shown}. ")
    assert str(InvalidRequest(f"GET /processor_runs/{hostile}")).startswith(f"GET /processor_runs/{shown}. ")


def test_long_texts_are_cut():
    error, _ = failure(400, {"error": "x" * 5000})
    assert len(str(error)) < 500


def test_what_the_server_repeats_of_the_key_and_of_signed_urls_is_redacted():
    url = "https://bucket.example/f.pdf?X-Amz-Signature=abc123"
    text = "x" * 290 + f" {CANARY_KEY} {url}"
    for body in ({"error": text}, {"code": CANARY_KEY, "message": f"Key {CANARY_KEY}, file {url}"}):
        error, _ = failure(401, body)
        assert CANARY_KEY[:10] not in repr(vars(error))
        assert "abc123" not in repr(vars(error))


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304])
def test_redirects_are_not_followed_and_name_the_setting(status):
    location = {"location": "https://elsewhere.example/a?X-Amz-Signature=abc"}
    error, server = failure_of(get_run, Answer(b"", status, location))
    assert type(error) is InvalidSetting
    assert "set base_url" in str(error)
    assert "abc" not in str(error)
    assert "redirected to https://elsewhere.example)" in str(error)
    assert [request.path for request in server.requests] == REFUSED
