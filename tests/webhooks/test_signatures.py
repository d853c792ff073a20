"""Signatures of events, against values that openssl has computed."""

from __future__ import annotations

import pytest

from extend_source.integrations.webhooks.signatures import is_genuine, refusal_by_time

SECRET = "wss_0123456789abcdef"
SIGNED_AT = "1767225600"
BODY = b'{"eventId":"evt_1"}'
SIGNATURE = "d5ce2553b038a6c9e1f9cc61b77c0acb966691a06e393f48a3b1a821211ed875"
"""printf 'v0:1767225600:{"eventId":"evt_1"}' | openssl dgst -sha256 -hmac 'wss_0123456789abcdef'"""


def test_a_body_is_genuine_when_it_was_signed_with_any_of_the_secrets():
    assert is_genuine([SECRET], SIGNED_AT, SIGNATURE, BODY)
    assert is_genuine(["wss_another_one_of_ours", SECRET], SIGNED_AT, SIGNATURE, BODY)
    assert is_genuine([SECRET], SIGNED_AT, "37d91227877e7b067d79862657a5eb395f6ce2a69d090a7293492c8e865dd046", b"")


@pytest.mark.parametrize(
    ("secrets", "timestamp", "signature", "body"),
    [
        ([], SIGNED_AT, SIGNATURE, BODY),
        (["0123456789abcdef"], SIGNED_AT, SIGNATURE, BODY),
        ([SECRET], "1767225601", SIGNATURE, BODY),
        ([SECRET], SIGNED_AT, SIGNATURE, BODY + b" "),
        ([SECRET], SIGNED_AT, SIGNATURE.upper(), BODY),
        ([SECRET], SIGNED_AT, SIGNATURE[:-1], BODY),
        ([SECRET], SIGNED_AT, f"v0={SIGNATURE}", BODY),
        ([SECRET], SIGNED_AT, "é", BODY),
        ([SECRET], SIGNED_AT, "", BODY),
    ],
)
def test_anything_else_is_not_genuine(secrets: list[str], timestamp: str, signature: str, body: bytes):
    assert not is_genuine(secrets, timestamp, signature, body)


@pytest.mark.parametrize(
    ("now", "refusal"),
    [
        (1767225600, None),
        (1767225900, None),
        (1767225901, "stale"),
        (1767225540, None),
        (1767225539, "ahead"),
    ],
)
def test_an_event_may_be_five_minutes_old_and_a_minute_ahead(now: float, refusal: str | None):
    assert refusal_by_time(SIGNED_AT, SIGNATURE, now) == refusal


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        (None, SIGNATURE),
        ("", SIGNATURE),
        (SIGNED_AT, None),
        (SIGNED_AT, ""),
        ("-1767225600", SIGNATURE),
        ("1767225600.0", SIGNATURE),
        ("2026-01-01", SIGNATURE),
        ("\uff11" * 10, SIGNATURE),
        ("9" * 400, SIGNATURE),
    ],
)
def test_without_a_time_and_a_signature_nothing_is_signed(timestamp: str | None, signature: str | None):
    assert refusal_by_time(timestamp, signature, 1767225600) == "unsigned"
