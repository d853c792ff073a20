"""The wire as data: what each API version offers to read, and how its payloads become canonical.

The canonical payload is the one of API 2025-04-21. Everything above the wire sees only that, and never a file's
download link. Another object is another `Endpoint`, another version another entry in `GENERATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
class Endpoint:
    """How objects of one type are read in one API version.

    Attributes:
        object_type: what is read, by its canonical name.
        get_name: the name of the GET of one object in the request statistics; no two endpoints of a version share it.
        get_path: its path, with ``{id}`` for the id.
        get_key: the member of the answer that holds the object; None: the answer is the object.
        list_name: the name of the GET of a page in the request statistics; empty where nothing is listed.
        list_path: its path.
        list_key: the member of a page that holds the rows.
        filters: the fields of `RunFilters` that the list knows, and the query parameters they become.
        parameters: the query of each GET of an object.
        shared: the member of an object that many objects have alike: it is decoded only once.
        adapt: makes a full object canonical.
        adapt_summary: makes a row of the list canonical.
    """

    object_type: str
    get_name: str
    get_path: str
    get_key: str | None
    list_name: str = ""
    list_path: str = ""
    list_key: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    shared: str | None = None
    adapt: Callable[[Payload], Payload] = _as_it_is
    adapt_summary: Callable[[Payload], Payload] = _as_it_is


GENERATIONS: Mapping[str, tuple[Endpoint, ...]] = MappingProxyType(
    {
        API_VERSION: (
            Endpoint(  # docs "Get Processor Run", "List Processor Runs"
                object_type="processor_run",
                get_name="get_run",
                get_path="/processor_runs/{id}",
                get_key="processorRun",
                list_name="list_runs",
                list_path="/processor_runs",
                list_key="processorRuns",
                filters={
                    "status": "status",
                    "processor_id": "processorId",
                    "processor_type": "processorType",
                    "source_id": "sourceId",
                    "source": "source",
                    "file_name_contains": "fileNameContains",
                },
                shared="config",
                adapt=_run_without_download_links,
            ),
            Endpoint(  # docs "Get File"
                object_type="file",
                get_name="get_file",
                get_path="/files/{id}",
                get_key="file",
                # Markdown comes for PDFs, images and converted Word files, HTML for DOCX only
                parameters={"rawText": "true", "markdown": "true", "html": "true"},
                adapt=without_download_link,
            ),
        )
    }
)
"""The endpoints of each supported API version."""


def endpoints_of(api_version: str) -> tuple[Endpoint, ...]:
    """Find the endpoints of an API version.

    Args:
        api_version: for example ``2025-04-21``.

    Returns:
        The endpoints; the first one has a list.

    Raises:
        UnsupportedApiVersion: there are none; the text names the supported versions.
    """
    endpoints = GENERATIONS.get(api_version)
    if endpoints is None:
        supported = ", ".join(sorted(GENERATIONS))
        raise UnsupportedApiVersion(
            f"API version {api_version!r} is not supported", f"Set api_version to one of: {supported}"
        )
    return endpoints


def endpoint_of(api_version: str, object_type: str) -> Endpoint:
    """Find the endpoint of a type of objects.

    Args:
        api_version: for example ``2025-04-21``.
        object_type: for example ``processor_run``.

    Returns:
        The endpoint.

    Raises:
        UnsupportedApiVersion: there are no endpoints for the version.
    """
    return next(each for each in endpoints_of(api_version) if each.object_type == object_type)
