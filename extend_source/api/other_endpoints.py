"""The endpoints of verify runs, of webhook endpoints and subscriptions, and of batches of runs."""

from __future__ import annotations

from extend_source.api.adapters import Payload, without_link_to_file
from extend_source.api.endpoint import Endpoint
from extend_source.api.verify_adapters import verify_run_summary
from extend_source.api.webhook_adapters import webhook_endpoint


def _is_batch(batch: Payload) -> bool:
    """Tell whether a batch of API 2025-04-21 is no run of an evaluation set, which has the same path."""
    return batch.get("source") != "EVAL_SET"


OLDER = (
    Endpoint(  # docs "Get Batch Processor Run"; there is no list
        object_type="batch_run",
        group="",
        get_name="get_batch_processor_run",
        get_path="/batch_processor_runs/{id}",
        get_key="batchProcessorRun",
        id_prefix="bpr_",
        second_prefix="batch_processor_run_",
        holds=_is_batch,
    ),
)
"""Those of API 2025-04-21."""

NEWER = (
    Endpoint(  # SDK 1.20.0, verify_runs: a GET has the result of zero retention deleted soon after
        object_type="verify_run",
        group="verification",
        get_name="get_verify_run",
        get_path="/verify_runs/{id}",
        get_key=None,
        list_name="list_verify_runs",
        list_path="/verify_runs",
        list_key="data",
        changes_what_it_reads=True,
        id_prefix="vr_",
        adapt=without_link_to_file,
        adapt_summary=verify_run_summary,
    ),
    Endpoint(  # SDK 1.20.0, webhook_endpoints: the list has all that the GET of one has
        object_type="webhook_endpoint",
        group="webhooks",
        is_definition=True,
        get_name="get_webhook_endpoint",
        get_path="",
        get_key=None,
        list_name="list_webhook_endpoints",
        list_path="/webhook_endpoints",
        list_key="data",
        sorts=("sortDir",),
        adapt=webhook_endpoint,
        adapt_summary=webhook_endpoint,
    ),
    Endpoint(  # SDK 1.20.0, webhook_subscriptions: so has this one
        object_type="webhook_subscription",
        group="webhooks",
        is_definition=True,
        get_name="get_webhook_subscription",
        get_path="",
        get_key=None,
        list_name="list_webhook_subscriptions",
        list_path="/webhook_subscriptions",
        list_key="data",
        sorts=("sortDir",),
    ),
    Endpoint(  # SDK 1.20.0, batch_runs; there is no list
        object_type="batch_run",
        group="",
        get_name="get_batch_run",
        get_path="/batch_runs/{id}",
        get_key=None,
        id_prefix="bpr_",
        second_prefix="bpar_",
    ),
)
"""Those of API 2026-02-09."""
