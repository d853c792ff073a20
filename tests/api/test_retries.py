from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.api import RetryPolicy, parse_retry_after
from extend_source.api.retries import requested_wait

NOON = 1_750_000_000.0  # Sun, 15 Jun 2025 15:06:40 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        ("1.5", 1.5),
        (" 2 ", 2.0),
        ("0", 0.0),
        ("-3", 0.0),
        ("86400", 86400.0),
        ("Sun, 15 Jun 2025 15:06:50 GMT", 10.0),
        ("Sun, 15 Jun 2025 15:06:50 -0000", 10.0),
        ("Sun, 15 Jun 2025 17:06:50 +0200", 10.0),
        ("Sun, 15 Jun 2025 15:06:30 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_seconds_and_dates_are_understood_and_the_past_is_zero(header, seconds):
    assert parse_retry_after(header, NOON) == seconds


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "  ",
        "soon",
        "nan",
        "inf",
        "-inf",
        "1e3",
        "1_0",
        "0x10",
        "٣",
        "5 seconds",
        "9" * 400,
        "32 Foo 2025",
        "86401",
        "31536000",
        "Mon, 15 Jun 2026 15:06:40 GMT",
    ],
)
def test_absent_unreadable_and_absurd_headers_ask_for_nothing(header):
    assert parse_retry_after(header, NOON) is None


@given(st.text())
def test_no_header_whatever_breaks_the_parser(header):
    seconds = parse_retry_after(header, NOON)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After-Ms": "250", "Retry-After": "3"}, 0.25),
        ({"retry-after-ms": "junk", "Retry-After": "3"}, 3.0),
        ({"X-RateLimit-Reset": "1750000007"}, 7.0),
        ({"X-RateLimit-Reset": "1749999990"}, 0.0),
        ({"X-RateLimit-Reset": "30"}, None),
        ({"X-RateLimit-Reset": "1750000007000"}, None),
        ({"Retry-After-Ms": "99999999999", "Retry-After": "3"}, 3.0),
        ({"Retry-After": "junk", "X-RateLimit-Reset": "1750000007"}, 7.0),
    ],
)
def test_all_three_headers_are_read_in_the_order_of_the_vendors_sdks(headers, seconds):
    assert requested_wait(httpx.Headers(headers), NOON) == seconds


def test_dates_are_measured_by_the_servers_clock_when_it_tells_it():
    headers = httpx.Headers({"Date": "Sun, 15 Jun 2025 15:06:40 GMT", "Retry-After": "Sun, 15 Jun 2025 15:06:44 GMT"})
    an_hour_off = NOON + 3600
    assert requested_wait(headers, an_hour_off) == 4.0


def test_waits_double_up_to_the_cap():
    steady = RetryPolicy(base=0.5, floor=0.25, cap=60, jitter=0)
    assert [steady.wait(attempt) for attempt in range(1, 10)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.25), (3.0, 3.0), (1e12, 60.0)])
def test_what_the_server_asks_is_kept_between_floor_and_cap(asked, waited):
    assert RetryPolicy(jitter=0).wait(1, asked) == waited


@given(st.integers(1, 10_000), st.none() | st.floats(0, 1e300))
def test_jitter_never_brings_one_back_earlier_than_asked_unless_capped(attempt, asked):
    wait = RetryPolicy().wait(attempt, asked)
    assert min(60.0, max(0.25, asked or 0.0)) <= wait <= 60.0


def test_jitter_spreads_waits():
    assert len({RetryPolicy().wait(1) for _ in range(20)}) > 10


@pytest.mark.parametrize("wrong", [{"max_attempts": 0}, {"floor": 9.0, "cap": 1.0}, {"base": -1.0}])
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="max_attempts must be"):
        RetryPolicy(**wrong)
