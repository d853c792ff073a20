"""What is read of each version: lists, a few of their objects, and the types that these should have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION


@dataclass(frozen=True)
class Kind:
    """Objects of one kind.

    Attributes:
        path: where they are listed; with an id behind it, one of them is read.
        list_key: the member of a page that holds the rows; empty: there is no list.
        list_type: the type of a page, see `extend_source.api.shapes`.
        row_type: the type of a row.
        get_type: the type of the body with one of them; empty: none is read.
        get_key: the member of that body that holds the object; None: the body is the object.
        objects: most objects that are read one by one.
        is_sortable: the list takes an order.
        page_size: rows asked for.
        parameters: the query when one is read.
    """

    path: str
    list_key: str
    list_type: str
    row_type: str
    get_type: str = ""
    get_key: str | None = None
    objects: int = 2
    is_sortable: bool = True
    page_size: int = 1000
    parameters: Mapping[str, str] = field(default_factory=dict)


NEWER_RUNS = ("/extract_runs", "/classify_runs", "/split_runs")
"""The lists that have the runs of API 2026-02-09."""

_FEW = 100
_TEXT = {"rawText": "true", "markdown": "true", "html": "true"}


def _newer(name: str, title: str, **more: int | bool) -> Kind:
    return Kind(f"/{name}s", "data", f"{title}sListResponse", f"{title}Summary", title, **more)  # type: ignore[arg-type]


KINDS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        API_VERSION: (
            Kind(
                "/processor_runs",
                "processorRuns",
                "ProcessorRunListResponse",
                "ProcessorRunSummary",
                "ProcessorRunGetResponse",
                "processorRun",
                objects=5,
            ),
            Kind(
                "/files",
                "files",
                "FileListResponse",
                "File",
                "FileGetResponse",
                "file",
                objects=1,
                is_sortable=False,
                page_size=_FEW,
                parameters=_TEXT,
            ),
            Kind("/parser_runs", "", "", "", "ParserRunGetResponse", "parserRun", objects=1, is_sortable=False),
            Kind("/processors", "processors", "ListProcessorsResponse", "ListProcessorsProcessor", objects=0),
            Kind(
                "/workflow_runs",
                "workflowRuns",
                "WorkflowRunListResponse",
                "WorkflowRunSummary",
                "WorkflowRunGetResponse",
                "workflowRun",
                objects=1,
                page_size=_FEW,
            ),
        ),
        CURRENT_VERSION: (
            _newer("extract_run", "ExtractRun"),
            _newer("classify_run", "ClassifyRun"),
            _newer("split_run", "SplitRun"),
            _newer("parse_run", "ParseRun", is_sortable=False),
            Kind(
                "/files",
                "data",
                "FilesListResponse",
                "FileSummary",
                "File",
                objects=1,
                is_sortable=False,
                page_size=_FEW,
                parameters=_TEXT,
            ),
            _newer("workflow_run", "WorkflowRun", objects=1, page_size=_FEW),
            Kind(
                "/processor_runs",
                "processorRuns",
                "ProcessorRunListResponse",
                "LegacyProcessorRunSummary",
                objects=0,
                page_size=_FEW,
            ),
        ),
    }
)
"""The kinds by version. With what the open questions need more, about 30 requests."""
