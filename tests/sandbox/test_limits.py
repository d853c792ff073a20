"""The rate limit, on a clock that the test moves."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import pytest

from extend_source.sandbox import RateLimit, Workspace
from extend_source.sandbox.limits import RateLimiter, retry_after_headers

from .conftest import Connect


class Stopwatch:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def admitted(limiter: RateLimiter, requests: int) -> int:
    return sum(limiter.admit() == 0 for _ in range(requests))


@pytest.mark.parametrize("algorithm", ["fixed_window", "sliding_window", "token_bucket"])
def test_a_second_admits_the_budget_and_refuses_the_rest(algorithm: str) -> None:
    limiter = RateLimiter(RateLimit(10, algorithm), Stopwatch())
    assert admitted(limiter, 25) == 10


def test_a_fixed_window_starts_anew_at_the_full_second() -> None:
    clock = Stopwatch()
    limiter = RateLimiter(RateLimit(10, "fixed_window"), clock)
    clock.now = 1000.9
    assert admitted(limiter, 20) == 10
    assert limiter.admit() == pytest.approx(0.1)
    clock.now = 1001.0
    assert admitted(limiter, 20) == 10


def test_a_sliding_window_admits_again_one_second_after_each_request() -> None:
    clock = Stopwatch()
    limiter = RateLimiter(RateLimit(10, "sliding_window"), clock)
    clock.now = 1000.9
    assert admitted(limiter, 10) == 10
    clock.now = 1001.5
    assert admitted(limiter, 10) == 0
    assert limiter.admit() == pytest.approx(0.4)
    clock.now = 1001.9
    assert admitted(limiter, 20) == 10


def test_a_token_bucket_refills_steadily_and_holds_no_more_than_one_second() -> None:
    clock = Stopwatch()
    limiter = RateLimiter(RateLimit(10, "token_bucket"), clock)
    assert admitted(limiter, 20) == 10
    clock.now += 0.35
    assert admitted(limiter, 20) == 3
    clock.now += 60
    assert admitted(limiter, 20) == 10


def test_without_a_limit_everything_is_admitted() -> None:
    assert admitted(RateLimiter(None), 10_000) == 10_000


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RateLimit(0)


@pytest.mark.parametrize(
    ("style", "value"), [("seconds", "3"), ("zero", "0"), ("absurd", "31536000"), ("absent", None)]
)
def test_the_retry_after_header_says_what_was_chosen(style: str, value: str | None) -> None:
    assert retry_after_headers(style, 2.1).get("retry-after") == value


@pytest.mark.parametrize(("style", "least", "most"), [("date", 0, 4), ("past", -3605, -3595)])
def test_the_retry_after_header_may_be_a_date(style: str, least: int, most: int) -> None:
    moment = parsedate_to_datetime(retry_after_headers(style, 3)["retry-after"])
    assert least <= (moment - datetime.now(timezone.utc)).total_seconds() <= most


def test_the_workspaces_of_an_organization_share_one_budget(connect: Connect) -> None:
    clock = Stopwatch()
    second = Workspace(seed=8, runs=1, workspace_id="ws_second")
    client = connect(second, rate_limit=RateLimit(4), clock=clock)
    statuses = []
    for number in range(6):
        workspace_id = ("ws_sandbox", "ws_second")[number % 2]
        headers = {"Authorization": "Bearer sk_sandbox_org", "x-extend-workspace-id": workspace_id}
        statuses.append(client.get("/processor_runs", headers=headers).status_code)
    assert statuses == [200, 200, 200, 200, 429, 429]
    clock.now += 1
    assert client.get("/processor_runs").status_code == 200


def test_a_refusal_has_the_body_documented_for_429(connect: Connect) -> None:
    client = connect(rate_limit=RateLimit(1, retry_after="absent"), clock=Stopwatch())
    client.get("/files")
    response = client.get("/files")
    assert (response.status_code, response.json()) == (429, {"error": "Rate limit exceeded."})
    assert "retry-after" not in response.headers


def test_a_request_with_a_bad_key_does_not_use_the_budget(connect: Connect) -> None:
    client = connect(rate_limit=RateLimit(1), clock=Stopwatch())
    client.get("/files", headers={"Authorization": "Bearer sk_wrong"})
    assert client.get("/files").status_code == 200
