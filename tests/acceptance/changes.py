"""What can happen to the runs of the stand-in while it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from extend_source.sandbox import Workspace

Kind = Literal[
    "create",
    "create many",
    "create late",
    "create long ago",
    "let time pass",
    "cancel",
    "edit",
    "touch",
    "delete",
    "restore",
    "edit silently",
    "settle credits silently",
]

KINDS: tuple[Kind, ...] = get_args(Kind)

LATE = timedelta(minutes=5)
"""So much later than its `updatedAt` a run may become visible."""

LONG_AGO = timedelta(days=10)
"""So long ago, far below the scan of an ordinary sync, a run was created that is in flight until time passes."""

_PROCESSORS = ("invoices", "classifier", "splitter")
_STATUSES = ("PENDING", "PROCESSING", "PROCESSED", "FAILED")
_SECONDS = (1, 20, 60, 301, 5000)


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        kind: what happens.
        number: to which run, or how much of it, modulo what there is; a change that nothing is there for is none.
    """

    kind: Kind
    number: int = 0


class Changer:
    """Changes a workspace and knows what of it the listing does not show.

    Attributes:
        deleted: ids of the runs that are gone now, the first one gone first.
        unseen: ids of the runs of which a listing of what is new need not show the last change.
        silent: ids of those of which no listing shows it.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.deleted: list[str] = []
        self.unseen: set[str] = set()
        self.silent: set[str] = set()

    def settle(self) -> None:
        """Note that everything has been compared and rechecked."""
        self.unseen.clear()
        self.silent.clear()

    def apply(self, change: Change) -> None:
        """Make a change."""
        with self._workspace.lock:
            self._apply(change.kind, change.number)

    def _apply(self, kind: Kind, number: int) -> None:
        workspace, now = self._workspace, self._workspace.now
        if kind == "create":
            self._create(number)
        elif kind == "create many":
            for each in range(2 + number % 8):
                self._create(2 + each)
        elif kind == "create late":
            updated = now - timedelta(seconds=number % 60)
            workspace.add_run(status="PROCESSED", created_at=updated, updated_at=updated, visible_at=updated + LATE)
        elif kind == "create long ago":
            self.unseen.add(workspace.add_run(processor="classifier", created_at=now - LONG_AGO))
        elif kind == "let time pass":
            workspace.advance(_SECONDS[number % len(_SECONDS)])
        elif kind == "restore":
            if self.deleted:
                run_id = self.deleted.pop(number % len(self.deleted))
                workspace.restore_run(run_id)
                self.unseen.add(run_id)
        else:
            self._change_run(kind, number)

    def _create(self, number: int) -> None:
        processor = _PROCESSORS[number % len(_PROCESSORS)]
        self._workspace.add_run(processor=processor, status=_STATUSES[number % len(_STATUSES)])

    def _change_run(self, kind: Kind, number: int) -> None:
        workspace = self._workspace
        statuses = {
            "cancel": {"PROCESSING"},
            "touch": {"PROCESSING", "PROCESSED", "FAILED", "CANCELLED"},  # what ends long ago must not move back
            "edit": {"PROCESSED"},
            "edit silently": {"PROCESSED"},
            "settle credits silently": {"PROCESSED", "FAILED", "CANCELLED"},
        }.get(kind)
        run_ids = [each for each in workspace.run_ids() if not statuses or workspace.runs[each].status in statuses]
        if not run_ids:
            return
        run_id = run_ids[number % len(run_ids)]
        if kind == "delete":
            workspace.delete_run(run_id)
            self.deleted.append(run_id)
        elif kind == "settle credits silently":
            workspace.settle_credits(run_id, number)
            self.unseen.add(run_id)
        elif kind == "edit silently":
            workspace.edit_run(run_id, touch_updated_at=False)
            self.unseen.add(run_id)
            self.silent.add(run_id)
        else:
            self._change_openly(kind, run_id)

    def _change_openly(self, kind: Kind, run_id: str) -> None:
        """Change a run so that its `updatedAt` moves: the listing shows that, and whatever happened before."""
        if kind == "cancel":
            self._workspace.cancel_run(run_id)
        elif kind == "touch":
            self._workspace.touch_run(run_id)
        else:
            self._workspace.edit_run(run_id)
        self.unseen.discard(run_id)
        self.silent.discard(run_id)
