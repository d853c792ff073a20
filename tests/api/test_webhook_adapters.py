"""Webhook endpoints as they land: no secret of theirs is left, whatever their address looks like."""

from __future__ import annotations

from typing import Any

import pytest

from extend_source.api.webhook_adapters import webhook_endpoint


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://hooks.test/extend", "https://hooks.test/extend"),
        ("https://hooks.test/extend?token=secret", "https://hooks.test/extend"),
        ("https://hooks.test/extend#secret", "https://hooks.test/extend"),
        ("https://user:secret@hooks.test:8443/extend", "https://hooks.test:8443/extend"),
        ("https://secret@hooks.test", "https://hooks.test"),
        ("https://a@b:secret@hooks.test/x", "https://hooks.test/x"),
        ("https://hooks.test/@team/x", "https://hooks.test/@team/x"),
        ("https://hooks.test?to=https://other.test/secret", "https://hooks.test"),
        ("user:secret@hooks.test/x", "hooks.test/x"),
        ("//user:secret@hooks.test/x", "//hooks.test/x"),
        ("https:/user:secret@hooks.test/x", "https:/hooks.test/x"),
        ("https:///user:secret@hooks.test/x", "https:///hooks.test/x"),
        ("https:\\\\user:secret@hooks.test\\x", "https:\\\\hooks.test\\x"),
        ("https://[bad?secret", "https://[bad"),
        ("", ""),
    ],
)
def test_an_address_lands_without_query_fragment_user_and_password(sent: str, kept: str) -> None:
    assert webhook_endpoint({"id": "wh_1", "url": sent}) == {"id": "wh_1", "url": kept}


@pytest.mark.parametrize("odd", [{"href": "https://hooks.test?secret"}, ["https://secret@hooks.test"], 7])
def test_an_address_of_another_type_is_told_and_not_kept(odd: Any) -> None:
    assert webhook_endpoint({"id": "wh_1", "url": odd}) == {"id": "wh_1", "hasOddUrl": True}


def test_headers_and_the_signing_secret_are_left_out_wherever_headers_stand() -> None:
    options = {"headers": {"Authorization": "secret"}, "payload": {"format": "url", "Headers": ["secret"]}}
    sent = {"id": "wh_1", "signingSecret": "wss_secret", "advancedOptions": options, "createdBy": {"type": "user"}}

    assert webhook_endpoint(sent) == {
        "id": "wh_1",
        "advancedOptions": {"payload": {"format": "url"}},
        "createdBy": {"type": "user"},
    }
