"""The wire as data: what each API version offers to read, and how its payloads become canonical.

The canonical payload is the one of API 2025-04-21. Everything above the wire sees only that, and never a file's
download link. Another object is another `Endpoint` with its group, another version another entry in `GENERATIONS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from extend_source.api import definition_endpoints, evaluation_endpoints, other_endpoints
from extend_source.api.adapters import (
    RunAdapter,
    file_summary,
    file_without_download_link,
    parse_config,
    parse_run,
    parser_run,
    run_without_download_links,
    with_id_of_file,
    without_link_to_file,
)
from extend_source.api.edit_adapters import edit_run_2025, edit_run_2026
from extend_source.api.endpoint import Endpoint, LinkedMember
from extend_source.api.workflow_adapters import summary_2025, summary_2026, workflow_run_2025, workflow_run_2026
from extend_source.config.groups import GROUPS
from extend_source.config.settings import API_VERSION
from extend_source.errors import UnsupportedApiVersion

CURRENT_VERSION = "2026-02-09"
"""The newest supported version; `API_VERSION` is the default."""


def _runs(run_type: str, name: str, processor: str, id_prefix: str, processor_prefix: str) -> Endpoint:
    """The runs of one type in 2026-02-09 (SDK 1.20.0, extract_runs, classify_runs, split_runs)."""
    adapter = RunAdapter(run_type, processor)
    return Endpoint(
        object_type="processor_run",
        group="runs",
        get_name=f"get_{name}_run",
        get_path=f"/{name}_runs/{{id}}",
        get_key=None,
        list_name=f"list_{name}_runs",
        list_path=f"/{name}_runs",
        list_key="data",
        filters={
            "status": "status",
            "processor_id": f"{processor}Id",
            "source_id": "sourceId",
            "source": "source",
            "file_name_contains": "fileNameContains",
        },
        run_type=run_type,
        id_prefix=id_prefix,
        processor_prefix=processor_prefix,
        shared="config",
        adapt=adapter.run,
        adapt_shared=adapter.config,
        adapt_summary=adapter.summary,
    )


_DAY = re.compile(r"\d{4}-\d\d-\d\d")
# Markdown comes for PDFs, images and converted Word files, HTML for DOCX only
_ALL_TEXT = {"rawText": "true", "markdown": "true", "html": "true"}


GENERATIONS: Mapping[str, tuple[Endpoint, ...]] = MappingProxyType(
    {
        API_VERSION: (
            Endpoint(  # docs "Get Processor Run", "List Processor Runs"
                object_type="processor_run",
                group="runs",
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
                id_prefix="dpr_",
                shared="config",
                adapt=run_without_download_links,
            ),
            Endpoint(  # docs "Get File"
                object_type="file",
                group="files",
                get_name="get_file",
                get_path="/files/{id}",
                get_key="file",
                list_name="list_files",
                list_path="/files",
                list_key="files",
                sorts=("sortDir",),
                parameters=_ALL_TEXT,
                adapt=file_without_download_link,
                adapt_summary=file_summary,
            ),
            Endpoint(  # docs "Get Parser Run"; there is no list
                object_type="parse_run",
                group="parsing",
                get_name="get_parser_run",
                get_path="/parser_runs/{id}",
                get_key="parserRun",
                id_prefix="parser_run_",
                shared="config",
                adapt=parser_run,
                adapt_shared=parse_config,
            ),
            Endpoint(  # SDK 0.2.0, workflow_run
                object_type="workflow_run",
                group="workflows",
                get_name="get_workflow_run",
                get_path="/workflow_runs/{id}",
                get_key="workflowRun",
                list_name="list_workflow_runs",
                list_path="/workflow_runs",
                list_key="workflowRuns",
                id_prefix="workflow_run_",
                adapt=workflow_run_2025,
                adapt_summary=summary_2025,
            ),
            *definition_endpoints.OLDER,
            Endpoint(  # SDK 0.2.0, edit; there is no list
                object_type="edit_run",
                group="edits",
                get_name="get_edit_run",
                get_path="/edit_runs/{id}",
                get_key="editRun",
                id_prefix="edit_run_",
                adapt=edit_run_2025,
            ),
            *evaluation_endpoints.OLDER,
            *other_endpoints.OLDER,
        ),
        CURRENT_VERSION: (
            _runs("EXTRACT", "extract", "extractor", "exr_", "ex_"),
            _runs("CLASSIFY", "classify", "classifier", "clr_", "cl_"),
            _runs("SPLITTER", "split", "splitter", "splr_", "spl_"),
            Endpoint(  # SDK 1.20.0, processor_run: deprecated, but ids of before may be known here alone
                object_type="processor_run",
                group="runs",
                get_name="get_processor_run",
                get_path="/processor_runs/{id}",
                get_key="processorRun",
                id_prefix="dpr_",
                shared="config",
                adapt=run_without_download_links,
            ),
            Endpoint(  # SDK 1.20.0, parse_runs
                object_type="parse_run",
                group="parsing",
                get_name="get_parse_run",
                get_path="/parse_runs/{id}",
                get_key=None,
                list_name="list_parse_runs",
                list_path="/parse_runs",
                list_key="data",
                sorts=(),
                filters={"source": "source", "source_id": "sourceId"},
                linked=LinkedMember("output", "outputUrl", {"responseType": "url"}, has="chunks"),
                id_prefix="pr_",
                shared="config",
                adapt=parse_run,
                adapt_shared=parse_config,
                adapt_summary=with_id_of_file,
            ),
            Endpoint(  # SDK 1.20.0, files
                object_type="file",
                group="files",
                get_name="get_file",
                get_path="/files/{id}",
                get_key=None,
                list_name="list_files",
                list_path="/files",
                list_key="data",
                sorts=("sortDir",),
                parameters=_ALL_TEXT,
                adapt=file_without_download_link,
                adapt_summary=file_summary,
            ),
            Endpoint(  # SDK 1.20.0, workflow_runs
                object_type="workflow_run",
                group="workflows",
                get_name="get_workflow_run",
                get_path="/workflow_runs/{id}",
                get_key=None,
                list_name="list_workflow_runs",
                list_path="/workflow_runs",
                list_key="data",
                id_prefix="workflow_run_",
                adapt=workflow_run_2026,
                adapt_summary=summary_2026,
            ),
            *definition_endpoints.NEWER,
            Endpoint(  # SDK 1.20.0, edit_runs
                object_type="edit_run",
                group="edits",
                get_name="get_edit_run",
                get_path="/edit_runs/{id}",
                get_key=None,
                list_name="list_edit_runs",
                list_path="/edit_runs",
                list_key="data",
                id_prefix="edr_",
                adapt=edit_run_2026,
                adapt_summary=with_id_of_file,
            ),
            Endpoint(  # SDK 1.20.0, edit_templates
                object_type="edit_template",
                group="edits",
                is_definition=True,
                get_name="get_edit_template",
                get_path="/edit_templates/{id}",
                get_key=None,
                list_name="list_edit_templates",
                list_path="/edit_templates",
                list_key="data",
                adapt=without_link_to_file,
            ),
            Endpoint(  # SDK 1.20.0, form_detection_runs; there is no list
                object_type="form_detection_run",
                group="edits",
                get_name="get_form_detection_run",
                get_path="/form_detection_runs/{id}",
                get_key=None,
                id_prefix="sgr_",
                adapt=without_link_to_file,
            ),
            *evaluation_endpoints.NEWER,
            *other_endpoints.NEWER,
        ),
    }
)
"""The endpoints of each supported API version."""

_ALL = [each for version in sorted(GENERATIONS, reverse=True) for each in GENERATIONS[version]]

GROUP_OF: Mapping[str, str] = {each.object_type: group for group in GROUPS for each in _ALL if each.group == group}
"""The groups of the types of objects, in the order of `GROUPS`; what is in none comes with any."""

OF_ANY_GROUP: tuple[str, ...] = tuple(dict.fromkeys(each.object_type for each in _ALL if not each.group))
"""The types of objects that come with any group: others name them, and where none does they cost nothing."""

DEFINITIONS: tuple[str, ...] = tuple(
    name for name in GROUP_OF if any(each.is_definition for each in _ALL if each.object_type == name)
)
"""The types of objects of which there are few, which seldom change: their lists are read now and then."""


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
        is_day = _DAY.fullmatch(str(api_version))  # else it may be a secret
        which = f"API version {api_version!r}" if is_day else "This API version"
        raise UnsupportedApiVersion(f"{which} is not supported", f"Set api_version to one of: {supported}")
    return endpoints


def lists_of(api_version: str, object_type: str) -> tuple[Endpoint, ...]:
    """Find the lists that have the objects of a type between them.

    Args:
        api_version: for example ``2025-04-21``.
        object_type: for example ``processor_run``.

    Returns:
        The endpoints.

    Raises:
        UnsupportedApiVersion: there are no endpoints for the version.
    """
    return tuple(each for each in endpoints_of(api_version) if each.object_type == object_type and each.list_path)


def endpoints_for(api_version: str, object_type: str, object_id: str, run_type: str | None = None) -> list[Endpoint]:
    """Find where an object may be read: what its id begins with says where to ask first, and nothing more.

    Args:
        api_version: for example ``2025-04-21``.
        object_type: for example ``processor_run``.
        object_id: the object's id.
        run_type: the type of a run, where that is known: only one endpoint has it then.

    Returns:
        The endpoints, in the order in which to ask them.

    Raises:
        UnsupportedApiVersion: there are no endpoints for the version.
    """
    candidates = [each for each in endpoints_of(api_version) if each.object_type == object_type]
    known = [each for each in candidates if run_type and each.run_type == run_type]
    return known or sorted(candidates, key=lambda each: bool(each.id_prefix) and not each.may_have(object_id))


def object_types_of(api_version: str, object_id: str) -> tuple[str, ...]:
    """Say what an object may be, going by what its id begins with, which is a guess.

    Args:
        api_version: for example ``2025-04-21``.
        object_id: the object's id.

    Returns:
        The types of objects, in the order in which to ask; none where nothing fits.

    Raises:
        UnsupportedApiVersion: there are no endpoints for the version.
    """
    fitting = (each for each in endpoints_of(api_version) if each.may_have(object_id))
    return tuple(dict.fromkeys(each.object_type for each in fitting))
