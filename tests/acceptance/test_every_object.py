"""The life of one object of each kind, from its first load to its erasure: what must hold for all kinds alike.

The payloads and rows are those of ``tests/golden``. The life is lived once for each kind, and its moments are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extend_source import create_current_views, erase, rebuild
from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import SandboxServer, Workspace
from extend_source.sandbox.generation_2026.batch_runs import delete_batch_run, put_batch_run
from extend_source.sandbox.generation_2026.edit_runs import EDIT_RUNS, EDIT_TEMPLATES, FORM_DETECTION_RUNS
from extend_source.sandbox.generation_2026.evaluations import EVALUATION_SET_ITEMS, EVALUATION_SET_RUNS, EVALUATION_SETS
from extend_source.sandbox.generation_2026.verify_runs import VERIFY_RUNS
from extend_source.sandbox.generation_2026.webhooks import WEBHOOK_ENDPOINTS, WEBHOOK_SUBSCRIPTIONS
from extend_source.sandbox.given_definitions import delete_definition, put_definition
from extend_source.sandbox.workflows import delete_workflow, delete_workflow_run, put_workflow_run, workflows
from extend_source.tables import TABLES
from extend_source.tables.contract import ANY_OBJECT
from extend_source.tables.objects import OBJECT_TYPES, rows_about
from extend_source.text.json_codec import decode_json, encode_json
from tests.acceptance.scenes import OpenWarehouse
from tests.acceptance.warehouse import Row

GOLDEN = Path(__file__).parent.parent / "golden"
HOLDER = "ex_invoices"
"""What a version is of."""

NOT_TYPED = frozenset(
    {
        *("_dlt_load_id", "fetched_at", "observed_at", "created_at", "updated_at", "listed_at"),
        *("payload_sha256", "row_counts", "workspace_id", "config_id", "workflow_id", "loaded_tables"),
    }
)
"""Columns that depend on the moment, or that nobody can type."""

Rows = dict[str, list[Row]]
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


@dataclass
class Moment:
    """What there was at one moment: the rows about the object, and the requests for objects of its kind."""

    rows: Rows
    requests: int


class Life:
    """The life of a specimen."""

    def __init__(self, specimen: Specimen, server: SandboxServer, folder: Path) -> None:
        self.object_type, self.specimen = specimen.object_type, specimen
        self.server, self.warehouse = server, OpenWarehouse(server, folder)
        self.moments: dict[str, Moment] = {}
        with self.warehouse.kept_open():
            self.stages()

    def stages(self) -> None:
        specimen, workspace = self.specimen, self.server.workspace
        specimen.put(workspace, specimen.payload)
        self.sync("landed")
        self.sync("again", **specimen.again)
        self.views = create_current_views(self.warehouse.pipeline).views
        self.current = self.rows(suffix="_current")
        output = specimen.settings.get("parse_output")
        groups = specimen.settings.get("objects")
        self.rebuilt = rebuild(self.warehouse.pipeline, parse_output=output, objects=groups)
        self.note("rebuilt", 0)
        specimen.put(workspace, specimen.fewer(specimen.payload))
        self.sync("fewer", refresh=True)
        self.server.faults.set([] if specimen.is_listed_whole else [f"503:1@{specimen.fault}"])
        self.sync("failed", refresh=True, max_object_seconds=1, max_error_share=1)
        self.server.faults.clear()
        specimen.put(workspace, specimen.payload)
        self.sync("recovered", refresh=True)
        self.limited = self.sync("limited", refresh=True, max_requests=2)
        specimen.remove(workspace, str(specimen.payload["id"]))
        self.sync("gone", refresh=True, reconcile=True)
        ids = "file_ids" if self.object_type == "file" else "run_ids"
        self.erasure = erase(self.warehouse.pipeline, **{ids: [specimen.id]})
        self.note("erased", 0)
        specimen.put(workspace, specimen.payload)
        self.sync("after", refresh=True, reconcile=True)

    def sync(self, moment: str, **arguments: Any) -> Any:
        if self.specimen.is_named and moment != "again":
            arguments = {**arguments, "reconcile": False, "run_ids": [self.specimen.id]}
        result = self.warehouse.sync(keep_raw=True, **self.specimen.settings, **arguments)
        self.note(moment, result.requests.get(self.specimen.request, 0))
        return result

    def note(self, moment: str, requests: int) -> None:
        self.moments[moment] = Moment(self.rows(), requests)

    def rows(self, suffix: str = "") -> Rows:
        """The rows about the object, by table."""
        with self.warehouse.reading():
            return self._rows(suffix)

    def _rows(self, suffix: str) -> Rows:
        found: Rows = {}
        there = self.warehouse.tables() if not suffix else {name + suffix for name in self.warehouse.tables()}
        for place in rows_about(self.object_type):
            if place.table.name + suffix not in there or (suffix and place.table.name == "replacements"):
                continue
            of_kind = place.resource_type
            found[place.table.name] = in_order(
                {name: shown(value) for name, value in row.items() if value is not None and name not in NOT_TYPED}
                for row in self.warehouse.rows(place.table.name + suffix)
                if row[place.column] == self.specimen.id and (of_kind is None or row["resource_type"] == of_kind)
            )
        return found


@pytest.fixture(scope="module", params=SPECIMENS)
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with SandboxServer(runs=0) as server:
        yield Life(SPECIMENS[request.param], server, tmp_path_factory.mktemp("life"))


def test_every_kind_of_object_is_tried() -> None:
    assert {specimen.object_type for specimen in SPECIMENS.values()} == OBJECT_TYPES.keys()


def test_it_lands_in_the_rows_that_were_typed_by_hand(life: Life) -> None:
    if life.specimen.new_id is not None:
        pytest.skip("tests/golden has other files for API 2026-02-09")
    landed = life.moments["landed"].rows
    expected = json.loads((GOLDEN / life.specimen.golden).read_text("utf-8"))["rows"]
    compared = 0
    for table, rows in expected.items():
        if table not in landed or table in ("run_configs", "processor_runs", "parse_runs"):
            continue  # rows of others; the run itself has a config's sum
        about = TABLES[table].owner.about
        if about not in (life.object_type, ANY_OBJECT):
            continue  # of what came with it
        json_columns = {column.name for column in TABLES[table].columns if column.kind.name == "json"}
        json_columns |= {column.name for column in TABLES[table].columns if column.is_personal}
        typed = [
            {name: value for name, value in row.items() if name not in NOT_TYPED and name not in json_columns}
            for row in rows
            if about != ANY_OBJECT or row["resource_type"] == life.object_type
        ]
        found = [{name: value for name, value in row.items() if name not in json_columns} for row in landed[table]]
        assert in_order(found) == in_order(typed), table
        compared += len(typed)
    assert compared >= life.specimen.least


def test_names_of_people_are_dropped_unless_a_rule_keeps_them(life: Life) -> None:
    personal = {
        (table, column.name)
        for table in life.moments["landed"].rows
        for column in TABLES[table].columns
        if column.is_personal
    }
    for table, column in personal:
        assert not any(column in row for row in life.moments["landed"].rows[table])


def test_it_is_fetched_once_and_not_again(life: Life) -> None:
    once = 0 if life.specimen.is_listed_whole else 1
    assert (life.moments["landed"].requests, life.moments["again"].requests) == (once, 0)
    assert life.moments["again"].rows == life.moments["landed"].rows


def test_fewer_rows_replace_more(life: Life) -> None:
    if life.specimen.shrinking is None:
        pytest.skip("it replaces no rows of others")
    table, before, after = life.specimen.shrinking
    assert [len(life.moments[moment].rows[table]) for moment in ("landed", "fewer", "recovered")] == [
        before,
        after,
        before,
    ]


def test_its_current_view_shows_the_same_rows(life: Life) -> None:
    shown = {name: rows for name, rows in life.current.items() if rows}
    landed = {name: rows for name, rows in life.moments["again"].rows.items() if rows}
    assert shown == landed
    assert {f"{name}_current" for name in shown} <= life.views.keys()


def test_its_rows_are_rebuilt_from_its_payload_without_a_request(life: Life) -> None:
    assert (life.rebuilt.objects[life.object_type].fetched, life.rebuilt.failed) == (1, 0)
    assert without_books(life.moments["rebuilt"].rows) == without_books(life.moments["again"].rows)


def test_an_error_is_a_row_until_it_is_fetched_again_and_its_rows_stay(life: Life) -> None:
    if life.specimen.is_listed_whole:
        pytest.skip("an error of its list is none of it")
    failed, recovered = life.moments["failed"].rows, life.moments["recovered"].rows
    assert [row["status_code"] for row in failed["fetch_errors"]] == [503]
    assert without_books(failed) == without_books(life.moments["fewer"].rows)
    assert recovered["fetch_errors"] == []
    assert without_books(recovered) == without_books(life.moments["landed"].rows)


def test_a_budget_is_kept_and_loses_nothing(life: Life) -> None:
    assert sum(life.limited.requests.values()) <= 2
    assert without_books(life.moments["limited"].rows) == without_books(life.moments["landed"].rows)


def test_what_is_gone_at_the_source_is_noted_and_its_rows_stay(life: Life) -> None:
    gone = life.moments["gone"].rows
    if life.specimen.gone:
        assert len(gone[life.specimen.gone]) == 1
    assert without_books(gone) == without_books(life.moments["landed"].rows)


def test_what_is_erased_is_gone_from_all_tables_and_does_not_come_back(life: Life) -> None:
    for moment in ("erased", "after"):
        assert {name for name, rows in life.moments[moment].rows.items() if rows} == {"erasures"}
    assert life.moments["after"].requests == 0


def test_a_hidden_column_is_nowhere_in_the_dataset(life: Life, tmp_path: Path) -> None:
    if life.specimen.secret is None:
        pytest.skip("it holds figures alone")
    column, secret = life.specimen.secret
    with SandboxServer(runs=0) as server:
        life.specimen.put(server.workspace, life.specimen.payload)
        warehouse = OpenWarehouse(server, tmp_path)
        named = {"run_ids": [life.specimen.id]} if life.specimen.is_named else {}
        warehouse.sync(keep_raw=True, privacy={"columns": {column: "mask"}}, **named, **life.specimen.settings)
    table, _, name = column.partition(".")
    hidden = [value for value in warehouse.column(table, name) if value is not None]
    assert hidden
    assert all("***" in value for value in hidden)  # of JSON the keys stay
    assert [cell for cell in warehouse.cells() if secret in str(cell)] == []


def without_books(rows: Rows) -> Rows:
    return {name: of_table for name, of_table in rows.items() if not TABLES[name].is_book}


def shown(value: Any) -> Any:
    """A value as one types it: credits, times and dates as text."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: sorted((name, str(value)) for name, value in row.items()))
