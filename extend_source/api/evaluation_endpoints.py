"""The endpoints of evaluation sets, their items and runs."""

from __future__ import annotations

from extend_source.api.endpoint import Endpoint
from extend_source.api.evaluation_adapters import (
    evaluation_batch,
    evaluation_set,
    evaluation_set_item,
    evaluation_set_run,
    is_evaluation,
)


def _sets(list_key: str) -> Endpoint:
    """Evaluation sets, of which the list has all that the GET of one has."""
    return Endpoint(
        object_type="evaluation_set",
        group="evaluation",
        is_definition=True,
        get_name="get_evaluation_set",
        get_path="",
        get_key=None,
        list_name="list_evaluation_sets",
        list_path="/evaluation_sets",
        list_key=list_key,
        adapt=evaluation_set,
        adapt_summary=evaluation_set,
    )


OLDER = (
    _sets("evaluationSets"),  # docs "List Evaluation Sets"
    Endpoint(  # docs "List Evaluation Set Items": with what is expected
        object_type="evaluation_set_item",
        group="evaluation",
        get_name="get_evaluation_set_item",
        get_path="",
        get_key=None,
        list_name="list_evaluation_set_items",
        list_path="/evaluation_sets/{parent}/items",
        list_key="evaluationSetItems",
        parent_key="evaluationSetId",
        adapt=evaluation_set_item,
        adapt_summary=evaluation_set_item,
    ),
    Endpoint(  # docs "Get Batch Processor Run": those of evaluation sets; there is no list
        object_type="evaluation_set_run",
        group="evaluation",
        get_name="get_evaluation_set_run",
        get_path="/batch_processor_runs/{id}",
        get_key="batchProcessorRun",
        id_prefix="bpr_",
        second_prefix="batch_processor_run_",
        holds=is_evaluation,
        adapt=evaluation_batch,
    ),
)
"""Those of API 2025-04-21."""

NEWER = (
    _sets("data"),  # SDK 1.20.0, evaluation_sets
    Endpoint(  # SDK 1.20.0, evaluation_set_items: the list does not say what is expected
        object_type="evaluation_set_item",
        group="evaluation",
        get_name="get_evaluation_set_item",
        get_path="/evaluation_sets/{parent}/items/{id}",
        get_key=None,
        list_name="list_evaluation_set_items",
        list_path="/evaluation_sets/{parent}/items",
        list_key="data",
        parent_key="evaluationSetId",
        adapt=evaluation_set_item,
    ),
    Endpoint(  # SDK 1.20.0, evaluation_set_runs; there is no list
        object_type="evaluation_set_run",
        group="evaluation",
        get_name="get_evaluation_set_run",
        get_path="/evaluation_set_runs/{id}",
        get_key=None,
        id_prefix="bpr_",
        adapt=evaluation_set_run,
    ),
)
"""Those of API 2026-02-09."""
