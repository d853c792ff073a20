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
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.deleted: list[str] = []
        self.unseen: set[str] = set()

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
            "edit": {"PROCESSED"},
            "edit silently": {"PROCESSED"},
            "settle credits silently": {"PROCESSED", "FAILED", "CANCELLED"},
        }.get(kind)
        run_ids = [each for each in workspace.run_ids() if not statuses or workspace.runs[each].status in statuses]
        if not run_ids:
            return
        run_id = run_ids[number % len(run_ids)]
        if kind == "cancel":
            workspace.cancel_run(run_id)
        elif kind == "touch":
            workspace.touch_run(run_id)
        elif kind == "delete":
            workspace.delete_run(run_id)
            self.deleted.append(run_id)
        elif kind == "settle credits silently":
            workspace.settle_credits(run_id, number)
            self.unseen.add(run_id)
        else:
            workspace.edit_run(run_id, touch_updated_at=kind == "edit")
            if kind == "edit silently":
                self.unseen.add(run_id)
