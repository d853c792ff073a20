"""The certificates that servers are checked against take long to load, and each client loads them: here once."""

from __future__ import annotations

import functools
import os
import ssl

import httpx

_load = httpx.create_ssl_context


def remember_certificates() -> None:
    """Have clients share what they load, as long as the environment names the same places."""
    httpx.create_ssl_context = _loaded  # type: ignore[assignment]


def _loaded(*, trust_env: bool) -> ssl.SSLContext:
    return _known(trust_env, *map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")))


@functools.cache
def _known(trust_env: bool, *_places: str | None) -> ssl.SSLContext:
    return _load(trust_env=trust_env)
