"""Objects of tests that a stand-in is given, each with what it needs to be found, and smaller ones in their place."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from extend_source.sandbox import Workspace
from extend_source.sandbox.generation_2026.batch_runs import put_batch_run
from extend_source.sandbox.generation_2026.edit_runs import EDIT_RUNS, EDIT_TEMPLATES, FORM_DETECTION_RUNS
from extend_source.sandbox.generation_2026.evaluations import EVALUATION_SET_ITEMS, EVALUATION_SET_RUNS, EVALUATION_SETS
from extend_source.sandbox.generation_2026.verify_runs import VERIFY_RUNS
from extend_source.sandbox.generation_2026.webhooks import WEBHOOK_ENDPOINTS, WEBHOOK_SUBSCRIPTIONS
from extend_source.sandbox.given_definitions import delete_definition, put_definition
from extend_source.sandbox.workflows import delete_workflow, put_workflow_run, workflows
from extend_source.text.json_codec import encode_json

HOLDER = "ex_invoices"
"""What a version is of."""

Payload = dict[str, Any]


def put_run(workspace: Workspace, run: Payload) -> None:
    workspace.put_run(encode_json(run).encode())


def put_file(workspace: Workspace, file: Payload) -> None:
    """Serve a file, and a run that names it."""
    workspace.put_file(json.loads(encode_json(file)))
    named = {name: value for name, value in json.loads(encode_json(file)).items() if name != "contents"}
    holder = {"id": "dpr_holder", "type": "EXTRACT", "status": "PROCESSED", "processorId": "dp_1", "files": [named]}
    workspace.put_run({"object": "document_processor_run", **holder})


def put_parse_run(workspace: Workspace, parse_run: Payload) -> None:
    workspace.put_parse_run(json.loads(encode_json(parse_run)))


def put_a_workflow_run(workspace: Workspace, run: Payload) -> None:
    put_workflow_run(workspace, json.loads(encode_json(run)))
    put_a_holder(workspace)


def put_an_edit_run(workspace: Workspace, run: Payload) -> None:
    EDIT_RUNS.put(workspace, json.loads(encode_json(run)))
    put_a_holder(workspace)


def put_a_form_detection_run(workspace: Workspace, run: Payload) -> None:
    """Serve a form detection run, and an edit run that has started it: nothing lists it."""
    FORM_DETECTION_RUNS.put(workspace, json.loads(encode_json(run)))
    line = {"object": "form_detection_run", "id": run["id"], "credits": 3.5}
    usage = {"credits": 0, "totalCredits": 3.5, "breakdown": [line]}
    put_an_edit_run(workspace, {"object": "edit_run", "id": "edr_holder", "status": "PROCESSED", "usage": usage})


def put_an_edit_template(workspace: Workspace, template: Payload) -> None:
    EDIT_TEMPLATES.put(
        workspace, json.loads(encode_json(template)), updated_at=datetime.fromisoformat("2026-02-11T10:00:00.250+00:00")
    )


def put_a_holder(workspace: Workspace) -> None:
    """Serve a processor run of nothing else, as a listing without any run is taken for another workspace's."""
    holder = {"id": "dpr_holder", "type": "EXTRACT", "status": "PROCESSED", "processorId": "dp_1", "files": []}
    workspace.put_run({"object": "document_processor_run", **holder})


def put_a_definition(workspace: Workspace, definition: Payload) -> None:
    """Serve a processor or a workflow, and no other."""
    empty(workspace)
    put_definition(workspace, json.loads(encode_json(definition)))


def put_a_version(workspace: Workspace, version: Payload) -> None:
    """Serve a version, and what it is a version of, and nothing else."""
    empty(workspace)
    times = {"createdAt": "2026-02-20T08:00:00Z", "updatedAt": "2026-02-28T10:30:00Z"}
    holder = {"object": version["object"].removesuffix("_version"), "id": HOLDER, "name": "Holder", **times}
    put_definition(workspace, holder, [json.loads(encode_json(version))])


def remove_the_holder(workspace: Workspace, version_id: str) -> None:
    delete_definition(workspace, HOLDER)


def empty(workspace: Workspace) -> None:
    workspace.processors.clear()
    for each in workflows(workspace):
        delete_workflow(workspace, each.key)


def put_an_evaluation_set(workspace: Workspace, payload: Payload) -> None:
    """Serve an evaluation set without items, and no other."""
    EVALUATION_SETS.objects(workspace).clear()
    EVALUATION_SET_ITEMS.objects(workspace).clear()
    EVALUATION_SETS.put(workspace, json.loads(encode_json(payload)))


def put_an_item(workspace: Workspace, item: Payload) -> None:
    """Serve an item, and the set that it belongs to, and nothing else."""
    set_id = item["evaluationSetId"]
    times = {"createdAt": "2026-02-20T08:00:00Z", "updatedAt": "2026-02-28T10:30:00Z"}
    put_an_evaluation_set(workspace, {"object": "evaluation_set", "id": set_id, "processorId": "dp_1", **times})
    EVALUATION_SET_ITEMS.put(workspace, json.loads(encode_json(item)), parent=set_id)


def put_an_evaluation_set_run(workspace: Workspace, run: Payload) -> None:
    EVALUATION_SET_RUNS.put(workspace, json.loads(encode_json(run)))


def without_fields(run: Payload) -> Payload:
    return {**run, "metrics": {**run["metrics"], "fieldMetrics": {}}}


def with_one_file(item: Payload) -> Payload:
    return {**item, "files": item["files"][:1]}


def without_steps(run: Payload) -> Payload:
    return {**run, "stepRuns": run["stepRuns"][:1]}


def with_one_value(run: Payload) -> Payload:
    return {**run, "output": {**run["output"], "filledValues": {"tenant": "Ada Reyes"}}}


def with_two_steps(version: Payload) -> Payload:
    return {**version, "steps": version["steps"][:2]}


def as_it_is(payload: Payload) -> Payload:
    return payload


def with_one_chunk(parse_run: Payload) -> Payload:
    return {**parse_run, "output": {**parse_run["output"], "chunks": parse_run["output"]["chunks"][:1]}}


def with_fewer_lines(run: Payload) -> Payload:
    value = {**run["output"]["value"], "lines": []}
    return {**run, "output": {"value": value, "metadata": {}}}


def with_one_sheet(file: Payload) -> Payload:
    return {**file, "contents": {**file["contents"], "sheets": file["contents"]["sheets"][:1]}}


def put_a_verify_run(workspace: Workspace, run: Payload) -> None:
    """Serve a verify run, and no other."""
    VERIFY_RUNS.objects(workspace).clear()
    VERIFY_RUNS.put(workspace, json.loads(encode_json(run)))


def with_one_signal(run: Payload) -> Payload:
    return {**run, "output": {**run["output"], "signals": run["output"]["signals"][:1]}}


def put_a_webhook_endpoint(workspace: Workspace, endpoint: Payload) -> None:
    """Serve a webhook endpoint, and no other."""
    WEBHOOK_ENDPOINTS.objects(workspace).clear()
    WEBHOOK_ENDPOINTS.put(workspace, json.loads(encode_json(endpoint)))


def put_a_webhook_subscription(workspace: Workspace, subscription: Payload) -> None:
    """Serve a webhook subscription, and no other."""
    WEBHOOK_SUBSCRIPTIONS.objects(workspace).clear()
    WEBHOOK_SUBSCRIPTIONS.put(workspace, json.loads(encode_json(subscription)))


def put_a_batch_run(workspace: Workspace, batch: Payload) -> None:
    """Serve a batch, and a parse run that names it: nothing lists it."""
    put_batch_run(workspace, json.loads(encode_json(batch)))
    holder = {"object": "parse_run", "id": "pr_holder", "status": "PROCESSED", "file": None, "config": {}}
    workspace.put_parse_run({**holder, "batchId": batch["id"], "output": {"chunks": []}})
