"""Workflows and their runs: the runs that a workflow has made are those whose source says so."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from extend_source.sandbox.records import IN_FLIGHT_STATUSES, Json, RunRecord
from extend_source.sandbox.seeding import chance, make_id, rng_for
from extend_source.sandbox.workspace import NotFoundError, Workspace

STATUSES = (*("PENDING", "PROCESSING", "NEEDS_REVIEW", "REJECTED", "PROCESSED", "FAILED", "CANCELLED", "CANCELLING"),)
"""The states of a workflow run."""

REVIEWER = "ana.lopez@sandbox.invalid"
SOURCE = "WORKFLOW_RUN"

_FIRST_DAY = datetime(2025, 1, 6, 8, tzinfo=timezone.utc)
_SAMPLES = (("payable", "Accounts payable"), ("mailroom", "Mailroom"))


@dataclass(frozen=True)
class WorkflowVersion:
    """A version of a workflow.

    Attributes:
        id: ``workflow_version_...``.
        version: ``"1"``, ``"2"`` or ``"draft"``.
        name: What its author calls it.
        created_at: When it was deployed.
        author: ``createdBy``.
    """

    id: str
    version: str
    name: str | None
    created_at: datetime
    author: Json | None


@dataclass
class Workflow:
    """A workflow and its versions, oldest first; the draft comes last.

    Attributes:
        key: A short name for tests, such as ``payable``.
        id: ``workflow_...``.
        name: Its name, which may change.
        versions: Its versions.
        created_at: When it was made.
        updated_at: When it was last changed.
    """

    key: str
    id: str
    name: str
    versions: list[WorkflowVersion]
    created_at: datetime
    updated_at: datetime

    @property
    def deployed(self) -> WorkflowVersion:
        """The version that runs are made with: the newest that is no draft."""
        return next(version for version in reversed(self.versions) if version.version != "draft")

    @property
    def draft(self) -> WorkflowVersion:
        """The version that is being worked on."""
        return self.versions[-1]


@dataclass
class Remark:
    """What a test has said of a workflow run beside what follows from its runs.

    Attributes:
        status: Its state; None: that of its runs.
        rejection_note: Why it was rejected.
        reviewed_at: When it was reviewed; None: it was not.
        touched_at: When it was last changed, beside its runs.
        batch_id: The batch it belongs to.
        payload: The WorkflowRun object of 2026-02-09, to be served exactly so.
    """

    status: str | None = None
    rejection_note: str | None = None
    reviewed_at: datetime | None = None
    touched_at: datetime | None = None
    batch_id: str | None = None
    payload: Json | None = None


@dataclass
class WorkflowRun:
    """A workflow run as it is now.

    Attributes:
        id: ``workflow_run_...``.
        workflow: Its workflow.
        version: The version it was made with.
        runs: The runs it has made, in order.
        remark: What else is known of it.
        created_at: When it was created.
        updated_at: When it, or one of its runs, was last changed.
    """

    id: str
    workflow: Workflow
    version: WorkflowVersion
    runs: list[RunRecord]
    remark: Remark
    created_at: datetime
    updated_at: datetime

    @property
    def status(self) -> str:
        """Its state: what was said of it, or what follows from its runs."""
        if self.remark.payload is not None:
            return str(self.remark.payload.get("status"))
        if self.remark.status is not None:
            return self.remark.status
        states = {run.status for run in self.runs}
        if states & set(IN_FLIGHT_STATUSES):
            return "PROCESSING"
        return "FAILED" if "FAILED" in states else "CANCELLED" if states == {"CANCELLED"} else "PROCESSED"

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it moves by itself."""
        return self.status not in (*IN_FLIGHT_STATUSES, "CANCELLING")


@dataclass
class _Book:
    """What a workspace knows of workflows."""

    workflows: dict[str, Workflow]
    remarks: dict[str, Remark] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)


_BOOK = "workflows"


def _book(workspace: Workspace) -> _Book:
    """Return the book of a workspace, which is begun when it is first asked for."""
    if _BOOK not in workspace.books:
        workspace.books[_BOOK] = _Book({key: _sample(workspace.seed, key, name) for key, name in _SAMPLES})
    book: _Book = workspace.books[_BOOK]
    return book


def _sample(seed: int, key: str, name: str) -> Workflow:
    rng = rng_for(seed, "workflow", key)
    created = _FIRST_DAY + timedelta(hours=rng.randrange(100))
    authors: Sequence[Json | None] = ({"type": "user", "email": REVIEWER}, {"type": "api_key", "name": "deploy"}, None)
    numbers = ("1", "2", "draft") if key == "payable" else ("1", "draft")
    versions = [
        WorkflowVersion(
            make_id("workflow_version", rng),
            number,
            "With validation" if number == "2" else None,
            created + timedelta(days=10 * place),
            rng.choice(authors),
        )
        for place, number in enumerate(numbers)
    ]
    return Workflow(key, make_id("workflow", rng), name, versions, created, versions[-1].created_at)


def workflows(workspace: Workspace) -> list[Workflow]:
    """Return the workflows of a workspace."""
    with workspace.lock:
        return list(_book(workspace).workflows.values())


def workflow(workspace: Workspace, key_or_id: str) -> Workflow:
    """Return a workflow by its short name or id.

    Raises:
        NotFoundError: There is none.
    """
    for each in workflows(workspace):
        if key_or_id in (each.key, each.id):
            return each
    raise NotFoundError(key_or_id)


def deploy(workspace: Workspace, key: str, name: str | None = None) -> str:
    """Deploy a new version of a workflow, which runs added from now on use; return its id."""
    with workspace.lock:
        chosen = workflow(workspace, key)
        number = str(len(chosen.versions))
        version_id = make_id("workflow_version", rng_for(workspace.seed, "deployed", chosen.id, number))
        chosen.versions.insert(-1, WorkflowVersion(version_id, number, name, workspace.now, None))
        chosen.updated_at = max(workspace.now, chosen.updated_at + timedelta(milliseconds=1))
        return version_id


def delete_workflow(workspace: Workspace, key: str) -> None:
    """Remove a workflow: it is not listed, and GET answers 404; its runs stay."""
    with workspace.lock:
        del _book(workspace).workflows[workflow(workspace, key).key]


def delete_processor(workspace: Workspace, key: str) -> None:
    """Remove a processor: it is not listed, and GET answers 404; its runs stay."""
    with workspace.lock:
        del workspace.processors[workspace.processor(key).key]


def add_workflow_run(
    workspace: Workspace,
    *,
    processors: Sequence[str] = ("invoices",),
    status: str | None = None,
    rejection_note: str | None = None,
    batch_id: str | None = None,
    **run: Any,
) -> str:
    """Add a workflow run.

    Args:
        workspace: Where.
        processors: The processors of its runs, which all read the first one's file where they can.
        status: Its state; that of its runs when not given.
        rejection_note: Why it was rejected.
        batch_id: The batch it belongs to.
        **run: As for `Workspace.add_run`, of each run; they have ended unless told otherwise.

    Returns:
        Its id.
    """
    with workspace.lock:
        arguments = {"status": "PROCESSED", **run}
        made = [workspace.add_run(processor=each, **arguments) for each in processors]
        run_id = make_id("workflow_run", rng_for(workspace.seed, "workflow run", made[0]))
        for each in made:
            workspace.runs[each].source, workspace.runs[each].source_id = SOURCE, run_id
        reviewed = status in ("REJECTED",) or rejection_note is not None
        _book(workspace).remarks[run_id] = Remark(
            status, rejection_note, workspace.now if reviewed else None, batch_id=batch_id
        )
        return run_id


def review_workflow_run(workspace: Workspace, run_id: str, status: str, note: str | None = None) -> None:
    """Have a person review a workflow run, which ends as they say: PROCESSED or REJECTED."""
    with workspace.lock:
        known = workflow_run(workspace, run_id)
        moment = max(workspace.now, known.updated_at + timedelta(milliseconds=1))
        remark = _book(workspace).remarks.setdefault(run_id, Remark())
        remark.status, remark.rejection_note = status, note
        remark.reviewed_at = remark.touched_at = moment


def put_workflow_run(workspace: Workspace, payload: Mapping[str, Any]) -> str:
    """Serve a workflow run of 2026-02-09 exactly as given, in place of any with the same id; return its id."""
    with workspace.lock:
        run_id, book = str(payload["id"]), _book(workspace)
        before = book.remarks.get(run_id)
        moved = workspace.now if before is None or before.touched_at is None else before.touched_at
        moved += timedelta(milliseconds=1)
        book.remarks[run_id] = Remark(payload=copy.deepcopy(dict(payload)), touched_at=moved)
        book.deleted.discard(run_id)
        return run_id


def delete_workflow_run(workspace: Workspace, run_id: str) -> None:
    """Remove a workflow run: it is not listed, and GET answers 404; its runs stay."""
    with workspace.lock:
        book = _book(workspace)
        book.remarks.pop(run_id, None)
        book.deleted.add(run_id)


def workflow_runs(workspace: Workspace) -> Iterator[WorkflowRun]:
    """Yield all workflow runs that can be seen now: those that were put there first."""
    book = _book(workspace)
    for run_id, runs in _made(workspace, book).items():
        yield _seen(workspace, book, run_id, runs)


def _made(workspace: Workspace, book: _Book) -> dict[str, list[RunRecord]]:
    """Return the runs of each workflow run that can be seen now."""
    made: dict[str, list[RunRecord]] = {run_id: [] for run_id, each in book.remarks.items() if each.payload is not None}
    for run in workspace.runs.values():
        if run.source == SOURCE and run.source_id is not None and workspace.shows(run):
            made.setdefault(run.source_id, []).append(run)
    return {run_id: runs for run_id, runs in made.items() if run_id not in book.deleted}


def workflow_run(workspace: Workspace, run_id: str) -> WorkflowRun:
    """Return a workflow run.

    Raises:
        NotFoundError: There is none.
    """
    book = _book(workspace)
    made = _made(workspace, book)
    if run_id not in made:
        raise NotFoundError(run_id)
    return _seen(workspace, book, run_id, made[run_id])


def _seen(workspace: Workspace, book: _Book, run_id: str, runs: list[RunRecord]) -> WorkflowRun:
    remark = book.remarks.get(run_id) or Remark()
    rng = rng_for(workspace.seed, "of workflow", run_id)
    known = list(book.workflows.values()) or [_sample(workspace.seed, *_SAMPLES[0])]
    chosen = known[0] if len(known) == 1 or chance(rng, 0.6) else known[-1]
    created = min((run.created_at for run in runs), default=remark.touched_at or workspace.now)
    moments = [run.updated_at for run in runs] + ([remark.touched_at] if remark.touched_at else [])
    # runs made before a version was deployed keep the first one
    version = next((each for each in reversed(chosen.versions[:-1]) if each.created_at <= created), chosen.versions[0])
    return WorkflowRun(run_id, chosen, version, runs, remark, created, max(moments, default=created))
