"""Checks of the connection settings before anything is sent, so that a typo gives one clear line."""

from __future__ import annotations

import ipaddress
import re

import httpx

from extend_source.error_codes import ErrorCode
from extend_source.errors import AccessRefused, InvalidSetting

HOST = re.compile(r"[\w.:-]+")
"""What a host may be made of."""

_VISIBLE_ASCII = re.compile(r"[!-~]+")
_IN_QUOTES = re.compile(r"""["'`].*|.*["'`]""", re.DOTALL)


def checked_api_key(api_key: str) -> str:
    """Check that a key can be sent in a header.

    Args:
        api_key: the API key.

    Returns:
        The same key.

    Raises:
        AccessRefused: empty, in quotes, or with spaces, line breaks or non-ASCII characters; the text shows none of it.
    """
    if not isinstance(api_key, str) or not api_key.strip():
        raise AccessRefused(
            "The API key is empty",
            "Set SOURCES__EXTEND__API_KEY, or api_key under [sources.extend] in .dlt/secrets.toml",
            error_code=ErrorCode.NO_KEY,
        )
    if not _VISIBLE_ASCII.fullmatch(api_key) or _IN_QUOTES.fullmatch(api_key):
        raise AccessRefused(
            "The API key has spaces, line breaks or characters that no key has",
            "Copy it again from the Extend dashboard, without quotes or spaces around it",
            error_code=ErrorCode.NO_KEY,
        )
    return api_key


def checked_workspace_id(workspace_id: str | None) -> str | None:
    """Check that a workspace id can be sent in a header.

    Args:
        workspace_id: the id; None or empty for the workspace of the key.

    Returns:
        The same id, or None.

    Raises:
        InvalidSetting: it has spaces, line breaks or characters beyond ASCII; the text shows none of it.
    """
    if not workspace_id:
        return None
    if not _VISIBLE_ASCII.fullmatch(workspace_id):
        raise InvalidSetting("workspace_id has spaces, line breaks or non-ASCII characters", "Set it like ws_...")
    return workspace_id


def checked_base_url(base_url: str) -> str:
    """Check the address of the API.

    Args:
        base_url: for example ``https://api.extend.ai``; a path prefix is kept, slashes at the end are not.

    Returns:
        The address without a slash at the end.

    Raises:
        InvalidSetting: no http(s) address, a user, query or fragment in it, or plain http to another machine.
    """
    try:
        url = httpx.URL(base_url.strip())
        host = url.host
    except (httpx.InvalidURL, ValueError, AttributeError, TypeError):
        url, host = httpx.URL(""), ""
    if url.scheme not in ("http", "https") or not HOST.fullmatch(host):
        raise InvalidSetting(
            "base_url is not an http or https address",
            'Set it like "https://api.extend.ai"',
            error_code=ErrorCode.BAD_BASE_URL,
        )
    if url.userinfo or url.query or url.fragment:
        # not quoted: the user part may be a password
        raise InvalidSetting(
            "base_url has a user, a query or a fragment",
            "Give scheme, host, port and path prefix only",
            error_code=ErrorCode.BAD_BASE_URL,
        )
    if url.scheme == "http" and not is_loopback(host):
        raise InvalidSetting(
            "base_url is http to another machine: the API key would travel in the clear",
            "Use https (plain http is for this machine only)",
            error_code=ErrorCode.BAD_BASE_URL,
        )
    return str(url).rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine.

    Args:
        host: a name or an address.

    Returns:
        True for ``localhost``, names below it, and loopback addresses.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
