"""Proxies and certificates that the environment names, checked before anything is sent.

httpx reads these variables as well, but fails on some values that other tools take, and says neither which variable it
was nor what is wrong with it. All of a client's requests go to one host, so what holds for it is found once.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from importlib.util import find_spec
from pathlib import Path
from urllib.request import getproxies

import httpx

from extend_source.api.settings import HOST
from extend_source.error_codes import ErrorCode
from extend_source.errors import InvalidSetting

_SCHEMES = ("http", "https", "socks5", "socks5h")
_HIGHEST_PORT = 65_535
_WITH_PORT = re.compile(r"(?P<host>\[[^]]*\]|[^:]*):(?P<port>[0-9]{1,5})")


def proxy_for(base_url: str) -> httpx.Proxy | None:
    """Find the proxy that the environment names for an address.

    Args:
        base_url: the address of the API.

    Returns:
        The proxy; None: there is none, or ``NO_PROXY`` excepts the host.

    Raises:
        InvalidSetting: the variable has no proxy's address; its value, which can hold a password, is not shown.
    """
    url = httpx.URL(base_url)
    proxies = getproxies()
    kind = next((kind for kind in (url.scheme, "all") if proxies.get(kind, "").strip()), None)
    if kind is None or is_excepted(url, proxies.get("no", "")):
        return None
    name = proxy_variable(base_url)
    try:
        value = proxies[kind].strip()
        address = httpx.URL(value if "://" in value else f"http://{value}")
        is_one = address.scheme in _SCHEMES and HOST.fullmatch(address.host) and address.path in ("", "/")
        if not is_one or (address.port or 0) > _HIGHEST_PORT:
            raise ValueError("no proxy")
        proxy = httpx.Proxy(address)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise InvalidSetting(
            f"{name} in the environment is not the address of a proxy",
            f"Set it like http://proxy.example:3128, or unset {name}",
            error_code=ErrorCode.NETWORK_SETTING,
        ) from None
    if address.scheme.startswith("socks") and find_spec("socksio") is None:
        raise InvalidSetting(
            f"{name} in the environment names a SOCKS proxy",
            "Run: pip install socksio",
            error_code=ErrorCode.MISSING_PACKAGE,
        )
    return proxy


def proxy_variable(base_url: str) -> str | None:
    """Name the environment variable that the proxy of an address comes from; None: there is no proxy."""
    url = httpx.URL(base_url)
    proxies = getproxies()
    for kind in (url.scheme, "all"):
        if proxies.get(kind, "").strip():
            if is_excepted(url, proxies.get("no", "")):
                return None
            names = (f"{kind}_proxy", f"{kind.upper()}_PROXY")
            return next((name for name in names if os.environ.get(name)), f"the system's {kind} proxy")
    return None


def is_excepted(url: httpx.URL, exceptions: str) -> bool:
    """Tell whether ``NO_PROXY`` excepts a host.

    Args:
        url: an address on the host.
        exceptions: names of hosts or of domains, with or without a dot or ``*.`` before them, addresses and networks
            such as ``10.0.0.0/8`` or ``fd00::/8``, each with a port or without, with commas between; ``*``: every host.

    Returns:
        True where one of them fits; what is none of these fits nothing.
    """
    host = url.host.lower().rstrip(".")
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return any(_fits(entry.strip().lower(), host, port) for entry in exceptions.split(","))


def _fits(entry: str, host: str, port: int | None) -> bool:
    if "://" in entry:
        entry = entry.partition("://")[2]
    if not entry or entry == "*":
        return bool(entry)
    parted = _WITH_PORT.fullmatch(entry)
    if parted is not None:
        entry = parted["host"]
        if int(parted["port"]) != port:
            return False
    network = _network(entry)
    if network is not None:
        try:
            return ipaddress.ip_address(host) in network
        except ValueError:
            return False
    domain = entry.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None


def certificates(*, trust_env: bool) -> ssl.SSLContext:
    """Load the certificates that servers are checked against.

    Args:
        trust_env: use those that ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` name, if any.

    Raises:
        InvalidSetting: there are none where the variable points.
    """
    if trust_env:
        _check_certificate_variables()
    try:
        return httpx.create_ssl_context(trust_env=trust_env)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or type(error).__name__
    name = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE") if os.environ.get(name)), None)
    raise InvalidSetting(
        f"The certificates cannot be loaded: {reason}" + (f" ({name} in the environment)" if name else ""),
        f"Let {name} name what there is, or unset it" if name else "Install certifi anew",
        error_code=ErrorCode.NETWORK_SETTING,
    )


def certificate_variable() -> str | None:
    """Name the environment variable that certificates come from; None: they are the usual ones."""
    return next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)


def _check_certificate_variables() -> None:
    name = certificate_variable()
    if name is None:
        return
    value = os.environ[name]
    # OpenSSL says nothing of a folder that does not exist, and then trusts nobody
    places = [Path(value)] if name == "SSL_CERT_FILE" else [Path(each) for each in value.split(os.pathsep) if each]
    is_there = Path.is_file if name == "SSL_CERT_FILE" else Path.is_dir
    if not any(is_there(place) for place in places):
        what = "file" if name == "SSL_CERT_FILE" else "folder"
        raise InvalidSetting(
            f"{name} in the environment names no {what} that exists: {value!r}",
            f"Let it name a {what} of certificates, or unset {name}",
            error_code=ErrorCode.NETWORK_SETTING,
        )
