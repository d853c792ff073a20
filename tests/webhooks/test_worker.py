"""The worker: what events name is loaded, whatever order they come in, and none is lost whatever goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from extend_source import erase
from extend_source.cli.errors import explain
from extend_source.ingest.webhook_events import WebhookEvent
from extend_source.integrations.webhooks import EventQueue, worker
from extend_source.integrations.webhooks.payloads import read_event
from extend_source.integrations.webhooks.worker import LOCKED_SECONDS, MAX_BATCH, MIN_BATCH, Worker
from extend_source.pipeline.lock import only_sync
from extend_source.sandbox import run_event, workflow_bodies
from extend_source.sandbox.generation_2026 import workflow_bodies as newer_bodies
from extend_source.sandbox.rendering import encode
from extend_source.sandbox.workflows import add_workflow_run, workflow_runs
from extend_source.sandbox.workspace import Workspace
from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.slow


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[EventQueue]:
    with closing(EventQueue(tmp_path / "events.sqlite")) as queue:
        yield queue


class Desk:
    """A worker with what it says, in front of a warehouse."""

    def __init__(self, warehouse: Warehouse, queue: EventQueue, sync_seconds: float | None = None, **settings: Any):
        self.warehouse, self.queue, self.lines, self.stopped = warehouse, queue, [], threading.Event()
        self.worker = Worker(
            warehouse.pipeline,
            queue,
            warehouse.settings(**settings),
            self.stopped,
            say=self.lines.append,
            explain=lambda failure: explain(failure)[1],
            sync_seconds=sync_seconds,
        )

    def waiting(self) -> list[str]:
        return [event.event_id for event in self.queue.pending(10_000)]

    def asked(self) -> list[str]:
        """The ids of the runs that were asked for since the last call, in their order."""
        requests = self.warehouse.server.requests
        ids = [each.path.rpartition("/")[2] for each in requests.of("get_run")]
        requests.reset()
        return sorted(ids)


def told(workspace: Workspace, run_id: str, version: str = "2025-04-21", **arguments: Any) -> WebhookEvent:
    return read_event(encode(run_event(workspace, run_id, version, **arguments)), datetime.now(timezone.utc))


def about(run_ids: tuple[str, ...], event_type: str = "workflow_run.completed", number: int = 1) -> WebhookEvent:
    now = datetime.now(timezone.utc)
    return WebhookEvent(f"evt_{number}", event_type, "workflow_run", f"workflow_run_{number}", None, run_ids, now)


def test_runs_that_events_name_are_loaded_and_no_others(warehouse: Warehouse, queue: EventQueue):
    workspace, desk = warehouse.server.workspace, Desk(warehouse, queue)
    one, other = workspace.add_run(status="PROCESSED"), workspace.add_run(status="FAILED")
    first, second = told(workspace, one), told(workspace, other, by_link=True)
    queue.put([second, first])

    assert desk.worker.step() == 0.0

    assert sorted(warehouse.column("processor_runs", "id")) == sorted([one, other])
    rows = {row["event_id"]: row for row in warehouse.rows("webhook_events")}
    assert rows.keys() == {first.event_id, second.event_id}
    row = rows[first.event_id]
    assert row["_dlt_load_id"] == warehouse.column("sync_log", "load_id")[0]
    assert {name: row[name] for name in row if name not in ("event_id", "received_at", "_dlt_load_id")} == {
        "event_type": "processor_run.processed",
        "object": "document_processor_run",
        "object_id": one,
        "resource_type": "processor_run",
        "run_count": 1,
    }
    assert rows[second.event_id]["object"] is None
    assert rows[second.event_id]["event_type"] == "processor_run.failed"
    assert desk.waiting() == []
    assert desk.lines[0].startswith("2 events: 2 runs fetched, 0 known, 0 failed in ")
    assert desk.lines[0].endswith(" s, 0 events waiting")

    # a workflow's end may have changed what its runs were before; what has landed since an event is not fetched again
    desk.asked()
    queue.put([about((one, other))])
    late = replace(about((one,), number=2), received_at=datetime.now(timezone.utc) - timedelta(hours=1))
    desk.worker.step()
    assert desk.asked() == sorted([one, other])
    queue.put([late])
    desk.worker.step()
    assert desk.asked() == []
    assert desk.lines[-1].startswith("1 event: 0 runs fetched, 1 known, 0 failed in ")
    assert warehouse.count("webhook_events") == 4

    # a scheduled sync finds the rest, and loses nothing of this
    assert warehouse.sync().failed == 0
    assert set(warehouse.column("processor_runs", "id")) == set(workspace.run_ids())
    assert warehouse.count("webhook_events") == 4


@pytest.mark.parametrize(("version", "bodies"), [("2025-04-21", workflow_bodies), ("2026-02-09", newer_bodies)])
@pytest.mark.parametrize("by_link", [False, True])
def test_a_workflow_run_lands_with_its_runs_by_one_request(
    warehouse: Warehouse, queue: EventQueue, version: str, bodies: ModuleType, by_link: bool
):
    workspace = warehouse.server.workspace
    desk = Desk(warehouse, queue, api_version=version, objects=["runs", "workflows", "parsing"])
    workflow_run_id = add_workflow_run(workspace, processors=("invoices", "classifier"), status="PROCESSED")
    run = next(each for each in workflow_runs(workspace) if each.id == workflow_run_id)
    payload = {"object": "signed_data_url", "data": "https://bucket.example/payload", "id": run.id}
    payload = payload if by_link else bodies.full_workflow_run(workspace, run)
    body = encode({"eventId": "evt_1", "eventType": "workflow_run.completed", "payload": payload})
    queue.put([read_event(body, datetime.now(timezone.utc))])

    desk.worker.step()

    assert dict(warehouse.server.requests.counts) == {"get_workflow_run": 1}
    assert warehouse.column("workflow_runs", "id") == [run.id]
    assert len(warehouse.column("processor_runs", "id")) == 2
    assert warehouse.count("fetch_errors") == 0
    [row] = warehouse.rows("webhook_events")
    named = 1 if by_link else 3 if version == "2025-04-21" else 3 + warehouse.count("parse_runs")
    assert (row["resource_type"], row["object_id"], row["run_count"]) == ("workflow_run", run.id, named)
    assert desk.waiting() == []


def test_events_of_the_newer_version_load_its_runs_and_parse_runs(warehouse: Warehouse, queue: EventQueue):
    version, workspace = "2026-02-09", warehouse.server.workspace
    desk = Desk(warehouse, queue, api_version=version)
    names = {"invoices": "extract_run", "classifier": "classify_run"}
    events = [told(workspace, workspace.add_run(processor=name, status="PROCESSED"), version) for name in names]
    assert [event.event_type for event in events] == ["extract_run.processed", "classify_run.processed"]
    older = told(workspace, workspace.add_run(status="PROCESSED"))
    batch = about((), "batch_processor_run.processed")
    queue.put([*events, older, batch])

    desk.worker.step()

    assert {event.object_id for event in events} <= set(warehouse.column("processor_runs", "id"))
    assert warehouse.count("parse_runs") > 0
    assert warehouse.count("webhook_events") == 4
    assert desk.waiting() == []

    # payloads of this version have the run's times, so that a sync by listing has no need to fetch it again
    assert len(workspace.run_ids()) == 15
    assert warehouse.sync(api_version=version).fetched == 13, "all but the two that events have brought"


def test_events_of_the_newer_version_are_kept_beside_a_dataset_of_the_older_one(
    warehouse: Warehouse, queue: EventQueue
):
    workspace, desk = warehouse.server.workspace, Desk(warehouse, queue)
    newer = told(workspace, workspace.add_run(status="PROCESSED"), "2026-02-09")
    queue.put([newer])
    desk.worker.step()
    queue.put([replace(newer, event_id="evt_2")])
    desk.worker.step()

    assert warehouse.count("processor_runs") == 0
    assert warehouse.count("fetch_errors") == 0
    assert warehouse.column("webhook_events", "object_id") == [newer.object_id] * 2
    assert [line for line in desk.lines if "EXT-120" in line] == [
        "EXT-120: events name 1 run of the other version of the API than api_version: kept as events, not loaded. "
        "Make the endpoint in the version of the dataset."
    ]


@pytest.mark.parametrize("version", ["2025-04-21", "2026-02-09"])
@pytest.mark.parametrize("by_link", [False, True])
def test_a_workflow_run_that_has_ended_lands_with_its_runs_by_one_request(
    warehouse: Warehouse, queue: EventQueue, version: str, by_link: bool
):
    workspace, groups = warehouse.server.workspace, ["runs", "workflows"]
    desk = Desk(warehouse, queue, api_version=version, parse_output="none", objects=groups)
    run_id = add_workflow_run(workspace, processors=("invoices", "classifier"))
    run = next(each for each in workflow_runs(workspace) if each.id == run_id)
    member = "outputs" if version == "2025-04-21" else "stepRuns"
    names = {"outputs": [{"id": each.id} for each in run.runs], "stepRuns": []}
    payload: dict[str, Any] = {"object": "workflow_run", "id": run.id, member: names[member]}
    if by_link:
        payload = {"object": "signed_data_url", "data": "https://files.example/a", "id": run.id}
    event = {"eventId": "evt_1", "eventType": "workflow_run.completed", "payload": payload}
    queue.put([read_event(encode(event), datetime.now(timezone.utc))])
    warehouse.server.requests.reset()

    desk.worker.step()

    assert [each.path for each in warehouse.server.requests.entries] == [f"/workflow_runs/{run.id}"]
    assert warehouse.column("workflow_runs", "id") == [run.id]
    landed = {each.partition("_")[2] for each in warehouse.column("processor_runs", "id")}
    assert landed == {each.id.removeprefix("dpr_") for each in run.runs}
    assert desk.lines[-1].startswith("1 event: 3 runs fetched, 0 known, 0 failed in ")
    assert warehouse.column("webhook_events", "resource_type") == ["workflow_run"]
    assert desk.waiting() == []

    erase(warehouse.pipeline, run_ids=[run.id])
    assert warehouse.count("workflow_runs") == warehouse.count("webhook_events") == 0


@pytest.mark.parametrize("version", ["2025-04-21", "2026-02-09"])
def test_runs_that_the_filters_leave_out_do_not_land(warehouse: Warehouse, queue: EventQueue, version: str):
    workspace = warehouse.server.workspace
    names = ("invoices", "contracts", "classifier")
    events = [told(workspace, workspace.add_run(processor=name, status="PROCESSED"), version) for name in names]
    failed = told(workspace, workspace.add_run(processor="invoices", status="FAILED"), version)
    workflow_run = about(("workflow_run_1", "parser_run_1" if version == "2025-04-21" else "pr_1"))
    prefix = {"2025-04-21": "dp_", "2026-02-09": "ex_"}[version]
    invoices = workspace.summary(workspace.run_ids()[-1])["processorId"].replace("dp_", prefix, 1)
    filters = {"processor_ids": [invoices], "statuses": ["PROCESSED"], "processor_types": ["EXTRACT"]}
    desk = Desk(warehouse, queue, api_version=version, parse_output="none", **filters)
    queue.put([*events, failed, workflow_run])

    desk.worker.step()

    assert warehouse.column("processor_runs", "id") == [events[0].object_id]
    assert warehouse.column("processor_runs", "processor_id") == [invoices]
    assert desk.lines[-1].startswith("5 events: 1 run fetched, 0 known, 5 left out by filters, 0 failed in ")
    assert (desk.waiting(), warehouse.count("fetch_errors"), warehouse.count("webhook_events")) == ([], 0, 5)


def test_filters_of_which_only_lists_know_are_refused(warehouse: Warehouse, queue: EventQueue):
    desk = Desk(warehouse, queue, run_sources=["API"], api_version="2026-02-09")
    queue.put([told(warehouse.server.workspace, warehouse.server.workspace.add_run(status="PROCESSED"), "2026-02-09")])
    assert desk.worker.step() == 1.0
    assert desk.lines == [
        "EXT-101: run_sources: whether a run that a webhook tells of is chosen, only a list says. Leave it out, or load "
        "by syncs alone. Trying again in 1 s; the events wait."
    ]


def test_runs_of_a_group_that_is_not_loaded_are_not_asked_for(warehouse: Warehouse, queue: EventQueue):
    workspace, desk = warehouse.server.workspace, Desk(warehouse, queue, objects=["processors"])
    queue.put([told(workspace, workspace.add_run(status="PROCESSED")), about(("workflow_run_1",))])
    desk.worker.step()
    assert desk.asked() == []
    assert desk.lines[-1].startswith("2 events: 0 runs fetched, 0 known, 0 failed in ")
    assert (desk.waiting(), warehouse.count("webhook_events"), warehouse.count("fetch_errors")) == ([], 2, 0)


def test_while_another_sync_runs_the_events_wait(warehouse: Warehouse, queue: EventQueue):
    workspace, desk = warehouse.server.workspace, Desk(warehouse, queue)
    event = told(workspace, workspace.add_run(status="PROCESSED"))
    queue.put([event])
    with only_sync(warehouse.pipeline):
        assert desk.worker.step() == LOCKED_SECONDS
        assert desk.worker.step() == LOCKED_SECONDS
    assert desk.waiting() == [event.event_id]
    assert desk.lines == []
    assert desk.worker.step() == 0.0
    assert warehouse.column("processor_runs", "id") == [event.object_id]
    assert desk.waiting() == []


def test_what_the_api_refuses_as_a_whole_waits_and_one_run_that_fails_does_not(warehouse: Warehouse, queue: EventQueue):
    workspace, desk = warehouse.server.workspace, Desk(warehouse, queue, api_key="sk_wrong")
    event = told(workspace, workspace.add_run(status="PROCESSED"))
    queue.put([event])
    assert [desk.worker.step() for _ in range(8)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert desk.waiting() == [event.event_id]
    assert desk.lines[0].startswith("EXT-209: ")
    assert desk.lines[0].endswith("Trying again in 1 s; the events wait.")
    assert "sk_wrong" not in "".join(desk.lines)
    assert warehouse.count("webhook_events") == 0

    desk = Desk(warehouse, queue)
    queue.put([about(("dpr_nowhere",), "processor_run.processed")])
    assert desk.worker.step() == 0.0
    assert desk.waiting() == []
    assert warehouse.column("processor_runs", "id") == [event.object_id]
    assert [(row["id"], row["status_code"]) for row in warehouse.rows("fetch_errors")] == [("dpr_nowhere", 404)]


def test_a_load_that_fails_leaves_the_events_in_the_queue(
    warehouse: Warehouse, queue: EventQueue, monkeypatch: pytest.MonkeyPatch
):
    workspace, desk = warehouse.server.workspace, Desk(warehouse, queue)
    event = told(workspace, workspace.add_run(status="PROCESSED"))
    queue.put([event])

    def broken(*arguments: Any, **others: Any) -> Any:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(warehouse.pipeline), "load", broken)
        assert desk.worker.step() == 1.0
    assert desk.waiting() == [event.event_id]
    assert desk.worker.step() == 0.0
    assert desk.waiting() == []
    assert warehouse.column("processor_runs", "id") == [event.object_id]
    assert warehouse.column("webhook_events", "event_id") == [event.event_id]


def test_a_stop_in_the_middle_of_a_batch_leaves_its_events(warehouse: Warehouse, queue: EventQueue):
    workspace, desk = warehouse.server.workspace, Desk(warehouse, queue, max_concurrency=1)
    events = [told(workspace, workspace.add_run(status="PROCESSED")) for _ in range(6)]
    queue.put(events)
    seen: list[object] = []

    def stop_after_two(request: object) -> None:
        seen.append(request)
        if len(seen) == 2:
            desk.stopped.set()
            desk.worker.stop()

    warehouse.server.before_each_request = stop_after_two
    desk.worker.step()
    warehouse.server.before_each_request = None

    landed = warehouse.count("processor_runs")
    assert 1 <= landed < 6
    assert len(desk.waiting()) == 6
    assert warehouse.count("webhook_events") == 0
    desk.asked()
    again = Desk(warehouse, queue)
    again.worker.step()
    assert len(again.asked()) == 6 - landed, "what had landed is not fetched again"
    assert warehouse.count("processor_runs") == warehouse.count("webhook_events") == 6


def test_an_erased_run_does_not_come_back_by_an_event(warehouse: Warehouse, queue: EventQueue):
    workspace, desk = warehouse.server.workspace, Desk(warehouse, queue)
    event = told(workspace, workspace.add_run(status="PROCESSED"))
    queue.put([event])
    desk.worker.step()
    erase(warehouse.pipeline, run_ids=[str(event.object_id)])
    assert warehouse.count("webhook_events") == warehouse.count("processor_runs") == 0

    queue.put([replace(event, event_id="evt_again", received_at=datetime.now(timezone.utc))])
    desk.worker.step()
    assert warehouse.count("processor_runs") == warehouse.count("webhook_events") == 0
    assert desk.waiting() == []


def test_batches_grow_with_the_backlog_and_are_small_again_without_one(warehouse: Warehouse, queue: EventQueue):
    desk = Desk(warehouse, queue)
    queue.put([about((), "workflow.created", number) for number in range(2 * MIN_BATCH + 51)])
    sizes = []
    while waiting := len(desk.waiting()):
        desk.worker.step()
        sizes.append(waiting - len(desk.waiting()))
    assert sizes == [MIN_BATCH, 2 * MIN_BATCH, 1]
    assert MAX_BATCH == 2_000


def test_a_long_listing_sync_is_made_in_parts_with_events_in_between(
    warehouse: Warehouse, queue: EventQueue, monkeypatch: pytest.MonkeyPatch
):
    assert worker.SYNC_SECONDS == 600
    desk = Desk(warehouse, queue, sync_seconds=3600, max_concurrency=1)
    warehouse.server.before_each_request = lambda request: time.sleep(0.3 if request.route == "get_run" else 0)
    with monkeypatch.context() as patch:
        patch.setattr(worker, "SYNC_SECONDS", 1.0)
        desk.worker.step()
    assert warehouse.count("processor_runs") < 12
    event = told(warehouse.server.workspace, warehouse.server.workspace.add_run(status="PROCESSED"))
    queue.put([event])
    desk.worker.step()
    assert event.object_id in warehouse.column("processor_runs", "id")
    warehouse.server.before_each_request = None
    desk.worker.step()
    assert warehouse.count("processor_runs") == 13


def test_a_listing_that_fails_does_not_keep_events_waiting_nor_events_the_listing(
    warehouse: Warehouse, queue: EventQueue
):
    workspace, desk = warehouse.server.workspace, Desk(warehouse, queue, sync_seconds=1)
    warehouse.server.faults.set(["unauthorized@list"])
    assert desk.worker.step() == 0.0
    assert desk.lines[-1].startswith("EXT-209: ")
    assert desk.lines[-1].endswith("Syncing again in 60 s.")
    first, second = (told(workspace, workspace.add_run(status="PROCESSED")) for _ in range(2))
    queue.put([first])
    assert desk.worker.step() == 0.0
    assert warehouse.column("processor_runs", "id") == [first.object_id]

    warehouse.server.faults.set([])
    queue.put([second])
    desk.worker._sync_due = time.monotonic() - 2  # a minute later, and twice as late as it may be
    desk.worker.step()
    assert desk.waiting() == [second.event_id]
    assert warehouse.count("processor_runs") == 14


def test_a_listing_sync_is_made_when_it_is_due(warehouse: Warehouse, queue: EventQueue):
    desk = Desk(warehouse, queue, sync_seconds=3600)
    event = told(warehouse.server.workspace, warehouse.server.workspace.add_run(status="PROCESSED"))
    queue.put([event])
    desk.worker.step()
    assert warehouse.count("processor_runs") == 1, "events first"
    desk.worker.step()
    assert warehouse.count("processor_runs") == 13
    before = warehouse.count("sync_log")
    desk.worker.step()
    assert warehouse.count("sync_log") == before
    # in API 2025-04-21 only the listing has the times of a run, so that this one is fetched once more
    assert desk.lines[-1].startswith("sync: 13 runs fetched, 0 failed in ")
