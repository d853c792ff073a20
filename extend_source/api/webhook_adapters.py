"""Webhook endpoints, made canonical; see `adapters` (SDK 1.20.0, webhook_endpoint).

Whoever knows their headers or secrets can send events in Extend's name, or reach what stands behind the address.
"""

from __future__ import annotations

import re

from extend_source.api.adapters import Payload
from extend_source.api.definition_adapters import without_headers

_SECRETS = ("signingSecret", "url")
_IN_ADDRESS = re.compile(r"\A(\s*(?:[a-z][a-z0-9+.-]*:(?=[/\\]))?[/\\]*)[^/\\?#]*@|[?#].*", re.IGNORECASE | re.DOTALL)
"""User and password, and what comes after the path, also in what no parser would take for an address."""


def webhook_endpoint(endpoint: Payload) -> Payload:
    """Make a webhook endpoint canonical: its address without what may hold a secret, and nothing else that is one."""
    canonical = {key: value for key, value in without_headers(endpoint).items() if key not in _SECRETS}
    url = endpoint.get("url")
    if isinstance(url, str):
        canonical["url"] = _IN_ADDRESS.sub(r"\1", url)
    elif url is not None:  # nobody knows what is in it
        canonical["hasOddUrl"] = True
    return canonical
