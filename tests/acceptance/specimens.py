"""One object of each kind, with its golden file: what the battery of all kinds is tried on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import Workspace
from extend_source.sandbox.generation_2026.batch_runs import delete_batch_run
from extend_source.sandbox.generation_2026.edit_runs import EDIT_RUNS, EDIT_TEMPLATES, FORM_DETECTION_RUNS
from extend_source.sandbox.generation_2026.evaluations import EVALUATION_SET_ITEMS, EVALUATION_SET_RUNS, EVALUATION_SETS
from extend_source.sandbox.generation_2026.verify_runs import VERIFY_RUNS
from extend_source.sandbox.generation_2026.webhooks import WEBHOOK_ENDPOINTS, WEBHOOK_SUBSCRIPTIONS
from extend_source.sandbox.given_definitions import delete_definition
from extend_source.sandbox.workflows import delete_workflow_run
from extend_source.text.json_codec import decode_json
from tests.acceptance.given_objects import (
    Payload,
    as_it_is,
    put_a_batch_run,
    put_a_definition,
    put_a_form_detection_run,
    put_a_verify_run,
    put_a_version,
    put_a_webhook_endpoint,
    put_a_webhook_subscription,
    put_a_workflow_run,
    put_an_edit_run,
    put_an_edit_template,
    put_an_evaluation_set,
    put_an_evaluation_set_run,
    put_an_item,
    put_file,
    put_parse_run,
    put_run,
    remove_the_holder,
    with_fewer_lines,
    with_one_chunk,
    with_one_file,
    with_one_sheet,
    with_one_signal,
    with_one_value,
    with_two_steps,
    without_fields,
    without_steps,
)

GOLDEN = Path(__file__).parent.parent / "golden"


@dataclass(frozen=True)
class Specimen:
    """One object of a kind.

    Attributes:
        golden: its golden file.
        put: serves it.
        remove: takes it away at the source.
        fewer: the same object with fewer rows in `shrinking`.
        shrinking: a table, and how many rows of it there are before and after; None: it replaces no rows of others.
        request: the name of the GET of one such object.
        secret: a column, and a text in it that a rule hides; None: nothing in it is anybody's.
        gone: the book that says that it is gone; empty: none does, as no list of its own would show it.
        least: the fewest rows that are compared with those typed by hand.
        again: how the second sync is made, which finds nothing new.
        is_named: no list shows it, so that syncs are told its id.
        is_listed_whole: its list has all of it: nothing asks for it alone.
        settings: of each sync.
        object_type: its kind.
        fault: the name of such requests for faults.
        new_id: its id, where that is not the one of the payload.
    """

    golden: str
    put: Callable[[Workspace, Payload], None]
    remove: Callable[[Workspace, str], None]
    fewer: Callable[[Payload], Payload]
    shrinking: tuple[str, int, int] | None
    request: str
    secret: tuple[str, str] | None
    gone: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    object_type: str = "processor_run"
    fault: str = "run"
    new_id: str | None = None
    least: int = 4
    again: Mapping[str, Any] = field(default_factory=lambda: {"reconcile": True, "max_rechecks": 0})
    is_named: bool = False
    is_listed_whole: bool = False

    @property
    def payload(self) -> Payload:
        payload: Payload = decode_json((GOLDEN / self.golden).read_bytes())["payload"]
        return payload

    @property
    def id(self) -> str:
        return self.new_id or str(self.payload["id"])


SPECIMENS = {
    "processor_run": Specimen(
        golden="processor_run.extraction.json",
        put=put_run,
        remove=Workspace.delete_run,
        fewer=with_fewer_lines,
        shrinking=("extraction_citations", 1, 0),
        request="get_run",
        secret=("processor_runs.url", "https://dashboard.test/runs/dpr_invoice"),
        gone="tombstones",
        settings={"file_contents": "embedded"},
    ),
    "file": Specimen(
        golden="file.spreadsheet.json",
        put=put_file,
        remove=Workspace.delete_file,
        fewer=with_one_sheet,
        shrinking=("file_sheets", 2, 1),
        request="get_file",
        secret=("files.name", "prices.xlsx"),
        gone="fetch_errors",
        settings={"file_contents": "fetch"},
        object_type="file",
        fault="file",
    ),
    "parse_run": Specimen(
        golden="parse_run.2026-02-09.json",
        put=put_parse_run,
        remove=Workspace.delete_parse_run,
        fewer=with_one_chunk,
        shrinking=("parse_blocks", 7, 4),
        request="get_parse_run",
        secret=("parse_chunks.content", "A chart and a code"),
        gone="tombstones",
        settings={"api_version": CURRENT_VERSION, "parse_output": "words"},
        object_type="parse_run",
    ),
}
_NEWER = {"api_version": CURRENT_VERSION}
SPECIMENS["workflow_run"] = Specimen(
    golden="workflow_run.2026-02-09.json",
    put=put_a_workflow_run,
    remove=delete_workflow_run,
    fewer=without_steps,
    shrinking=("workflow_step_checks", 6, 0),
    request="get_workflow_run",
    secret=("workflow_runs.url", "https://dashboard.test/workflows/workflow_run_packet"),
    gone="tombstones",
    settings={**_NEWER, "objects": ["runs", "workflows"]},
    object_type="workflow_run",
    fault="workflow_run",
)
SPECIMENS["workflow_run of 2025-04-21"] = replace(
    SPECIMENS["workflow_run"],
    golden="workflow_run.2025-04-21.json",
    shrinking=("workflow_step_runs", 4, 2),
    secret=("workflow_runs.url", "https://dashboard.test/workflows/workflow_1?workflowRunId=workflow_run_letter"),
    settings={"objects": ["runs", "workflows"]},
)
SPECIMENS["workflow"] = Specimen(
    golden="workflow.2026-02-09.json",
    put=put_a_definition,
    remove=delete_definition,
    fewer=as_it_is,
    shrinking=None,
    request="get_workflow",
    secret=("workflows.name", "Accounts payable"),
    gone="tombstones",
    settings={**_NEWER, "objects": ["workflows"]},
    object_type="workflow",
    fault="definition",
    least=1,
)
SPECIMENS["workflow_version"] = replace(
    SPECIMENS["workflow"],
    golden="workflow_version.2026-02-09.json",
    put=put_a_version,
    remove=remove_the_holder,
    fewer=with_two_steps,
    shrinking=("workflow_steps", 4, 2),
    request="get_workflow_version",
    secret=("workflow_versions.name", "With validation"),
    gone="",
    object_type="workflow_version",
    fault="version",
    least=4,
)
SPECIMENS["processor"] = replace(
    SPECIMENS["workflow"],
    golden="processor.2026-02-09.json",
    request="get_extractor",
    secret=("processors.name", "Invoices of the north"),
    settings={**_NEWER, "objects": ["processors"]},
    object_type="processor",
)
SPECIMENS["processor_version"] = replace(
    SPECIMENS["processor"],
    golden="processor_version.2026-02-09.json",
    put=put_a_version,
    remove=remove_the_holder,
    request="get_extractor_version",
    secret=("processor_versions.description", "Line items added"),
    gone="",
    object_type="processor_version",
    fault="version",
)
SPECIMENS["edit_run"] = replace(
    SPECIMENS["workflow_run"],
    golden="edit_run.2026-02-09.json",
    put=put_an_edit_run,
    remove=EDIT_RUNS.delete,
    fewer=with_one_value,
    shrinking=("edit_run_values", 8, 1),
    request="get_edit_run",
    secret=("edit_runs.instructions", "The tenant is Ada Reyes."),
    settings={**_NEWER, "objects": ["runs", "edits"]},
    object_type="edit_run",
    fault="edit_run",
)
SPECIMENS["form_detection_run"] = replace(
    SPECIMENS["edit_run"],
    golden="form_detection_run.2026-02-09.json",
    put=put_a_form_detection_run,
    remove=FORM_DETECTION_RUNS.delete,
    fewer=as_it_is,
    shrinking=None,
    request="get_form_detection_run",
    secret=("form_detection_runs.instructions", "Leave the signature out."),
    object_type="form_detection_run",
    fault="form",
    least=2,
)
SPECIMENS["edit_template"] = replace(
    SPECIMENS["form_detection_run"],
    golden="edit_template.2026-02-09.json",
    put=put_an_edit_template,
    remove=EDIT_TEMPLATES.delete,
    request="get_edit_template",
    secret=("edit_templates.name", "Lease of a flat"),
    settings={**_NEWER, "objects": ["edits"]},
    object_type="edit_template",
    least=1,
)
SPECIMENS["evaluation_set"] = Specimen(
    golden="evaluation_set.2025-04-21.json",
    put=put_an_evaluation_set,
    remove=EVALUATION_SETS.delete,
    fewer=as_it_is,
    shrinking=None,
    request="list_evaluation_set_items",
    secret=("evaluation_sets.name", "Letters, approved"),
    gone="tombstones",
    settings={"objects": ["evaluation"]},
    object_type="evaluation_set",
    fault="items",
    least=1,
    again={},  # a reconcile lists the items of each set, and their set with them
)
SPECIMENS["evaluation_set_item"] = replace(
    SPECIMENS["evaluation_set"],
    golden="evaluation_set_item.2026-02-09.json",
    put=put_an_item,
    remove=EVALUATION_SET_ITEMS.delete,
    fewer=with_one_file,
    shrinking=("evaluation_set_item_files", 2, 1),
    request="get_evaluation_set_item",
    secret=("evaluation_set_items.expected_output", "ACME"),
    settings={**_NEWER, "objects": ["evaluation"]},
    object_type="evaluation_set_item",
    fault="evaluation",
    least=3,
    again={"reconcile": True},
)
SPECIMENS["evaluation_set_run"] = replace(
    SPECIMENS["evaluation_set_item"],
    golden="evaluation_set_run.2026-02-09.json",
    put=put_an_evaluation_set_run,
    remove=EVALUATION_SET_RUNS.delete,
    fewer=without_fields,
    shrinking=("evaluation_set_run_metrics", 13, 7),
    request="get_evaluation_set_run",
    secret=("evaluation_set_runs.processor_name", "Invoices of the north"),
    object_type="evaluation_set_run",
    least=14,
    is_named=True,
)
SPECIMENS["evaluation_set_run of 2025-04-21"] = replace(
    SPECIMENS["evaluation_set_run"],
    golden="evaluation_set_run.2025-04-21.json",
    shrinking=("evaluation_set_run_metrics", 9, 5),
    secret=("evaluation_set_runs.processor_name", "Invoices"),
    settings={"objects": ["evaluation"]},
    least=10,
)
SPECIMENS["processor_run of 2026-02-09"] = replace(
    SPECIMENS["processor_run"],
    request="get_extract_run",
    secret=("processor_runs.url", "https://dashboard.extend.ai/runs/exr_invoice"),
    settings={"api_version": CURRENT_VERSION},
    new_id="exr_invoice",
)


SPECIMENS["verify_run"] = Specimen(
    golden="verify_run.2026-02-09.json",
    put=put_a_verify_run,
    remove=VERIFY_RUNS.delete,
    fewer=with_one_signal,
    shrinking=("verify_signals", 2, 1),
    request="get_verify_run",
    secret=("verify_runs.summary", "typed over another one"),
    gone="tombstones",
    settings={**_NEWER, "objects": ["verification"], "verify_details": True},
    object_type="verify_run",
    least=5,
)


SPECIMENS["webhook_endpoint"] = Specimen(
    golden="webhook_endpoint.2026-02-09.json",
    put=put_a_webhook_endpoint,
    remove=WEBHOOK_ENDPOINTS.delete,
    fewer=as_it_is,
    shrinking=None,
    request="get_webhook_endpoint",
    secret=("webhook_endpoints.name", "Orders"),
    gone="tombstones",
    settings={**_NEWER, "objects": ["webhooks"]},
    object_type="webhook_endpoint",
    least=1,
    is_listed_whole=True,
)
SPECIMENS["webhook_subscription"] = replace(
    SPECIMENS["webhook_endpoint"],
    golden="webhook_subscription.2026-02-09.json",
    put=put_a_webhook_subscription,
    remove=WEBHOOK_SUBSCRIPTIONS.delete,
    request="get_webhook_subscription",
    secret=("webhook_subscriptions.resource_type", "extractor"),
    object_type="webhook_subscription",
)
SPECIMENS["batch_run"] = Specimen(
    golden="batch_run.2026-02-09.json",
    put=put_a_batch_run,
    remove=delete_batch_run,
    fewer=as_it_is,
    shrinking=None,
    request="get_batch_run",
    secret=None,
    gone="tombstones",
    settings={**_NEWER, "objects": ["parsing"]},
    object_type="batch_run",
    fault="batch",
    least=1,
)
