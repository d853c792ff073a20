"""The endpoints of processors and workflows, and of their versions."""

from __future__ import annotations

from extend_source.api.definition_adapters import ProcessorAdapter, processor, workflow, workflow_version
from extend_source.api.endpoint import Endpoint


def _processors(run_type: str, name: str) -> tuple[Endpoint, Endpoint]:
    """The processors of one type in 2026-02-09, and their versions (SDK 1.20.0, extractors, extractor_versions)."""
    adapter = ProcessorAdapter(run_type, name)
    definitions = Endpoint(
        object_type="processor",
        group="processors",
        is_definition=True,
        get_name=f"get_{name}",
        get_path=f"/{name}s/{{id}}",
        get_key=None,
        list_name=f"list_{name}s",
        list_path=f"/{name}s",
        list_key="data",
        run_type=run_type,
        adapt=adapter.definition,
        adapt_summary=adapter.row,
    )
    versions = Endpoint(
        object_type="processor_version",
        group="processors",
        get_name=f"get_{name}_version",
        get_path=f"/{name}s/{{parent}}/versions/{{id}}",
        get_key=None,
        list_name=f"list_{name}_versions",
        list_path=f"/{name}s/{{parent}}/versions",
        list_key="data",
        sorts=("sortDir",),
        parent_key="processorId",
        run_type=run_type,
        adapt=adapter.version,
        adapt_summary=adapter.version,
    )
    return definitions, versions


OLDER = (
    Endpoint(  # docs "List Processors"; there is no GET of one
        object_type="processor",
        group="processors",
        is_definition=True,
        get_name="get_processor",
        get_path="",
        get_key=None,
        list_name="list_processors",
        list_path="/processors",
        list_key="processors",
        adapt_summary=processor,
    ),
    Endpoint(  # docs "List Processor Versions": with their configs
        object_type="processor_version",
        group="processors",
        get_name="get_processor_version",
        get_path="",
        get_key=None,
        list_name="list_processor_versions",
        list_path="/processors/{parent}/versions",
        list_key="versions",
        sorts=(),
        is_paged=False,
        parent_key="processorId",
    ),
)
"""Those of API 2025-04-21."""

NEWER = (
    *_processors("EXTRACT", "extractor"),
    *_processors("CLASSIFY", "classifier"),
    *_processors("SPLITTER", "splitter"),
    Endpoint(  # SDK 1.20.0, workflows
        object_type="workflow",
        group="workflows",
        is_definition=True,
        get_name="get_workflow",
        get_path="/workflows/{id}",
        get_key=None,
        list_name="list_workflows",
        list_path="/workflows",
        list_key="data",
        adapt=workflow,
    ),
    Endpoint(  # SDK 1.20.0, workflow_versions
        object_type="workflow_version",
        group="workflows",
        get_name="get_workflow_version",
        get_path="/workflows/{parent}/versions/{id}",
        get_key=None,
        list_name="list_workflow_versions",
        list_path="/workflows/{parent}/versions",
        list_key="data",
        sorts=("sortDir",),
        parent_key="workflowId",
        adapt=workflow_version,
    ),
)
"""Those of API 2026-02-09."""
