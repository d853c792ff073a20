"""One adapter per API version: payload in, canonical payload out.

The canonical payload is the one of API 2025-04-21. Everything above the wire sees only that, and never a file's
download link. Another version is another entry in `ADAPTERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from extend_source.config import API_VERSION
from extend_source.errors import UnsupportedApiVersion
from extend_source.redaction import without_download_link

Payload = dict[str, Any]


def _as_it_is(payload: Payload) -> Payload:
    return payload


def _run_without_download_links(run: Payload) -> Payload:
    # only these few objects are touched: walking a payload of 80 KB to its end would cost more than decoding it
    files = run.get("files")
    if not isinstance(files, list):
        return run
    return {**run, "files": [without_download_link(file) for file in files]}


@dataclass(frozen=True)
class Adapter:
    """How the payloads of one API version become canonical.

    Attributes:
        run: adapts a full processor run.
        summary: adapts an element of the listing.
        file: adapts a file.
    """

    run: Callable[[Payload], Payload] = _run_without_download_links
    summary: Callable[[Payload], Payload] = _as_it_is
    file: Callable[[Payload], Payload] = without_download_link


ADAPTERS: Mapping[str, Adapter] = MappingProxyType({API_VERSION: Adapter()})
"""The adapter of each supported API version."""


def adapter_for(api_version: str) -> Adapter:
    """Find the adapter of an API version.

    Args:
        api_version: for example ``2025-04-21``.

    Returns:
        The adapter.

    Raises:
        UnsupportedApiVersion: there is none; the text names the supported versions.
    """
    adapter = ADAPTERS.get(api_version)
    if adapter is None:
        supported = ", ".join(sorted(ADAPTERS))
        raise UnsupportedApiVersion(
            f"API version {api_version!r} is not supported", f"Set api_version to one of: {supported}"
        )
    return adapter
