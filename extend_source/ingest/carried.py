"""Objects that come whole with another one, such as the runs of a workflow run: they are not fetched again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from extend_source.api import CARRIED
from extend_source.ingest.fetching import Fetched
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.worklist import Wanted, Worklist
from extend_source.pipeline.landed import has_ended
from extend_source.tables import fetches


class CarriedObjects:
    """Takes the objects that came with others out of these, each as if it had been fetched alone."""

    def __init__(self, selected: Collection[str], erased: Collection[str], progress: SyncProgress) -> None:
        """Begin a load.

        Args:
            selected: the tables to load; objects that fill none of them are left out.
            erased: ids of what was erased on request.
            progress: where to count.
        """
        self._selected, self._erased, self._progress = selected, erased, progress

    def of(self, answer: Fetched[Wanted], worklist: Worklist) -> list[Fetched[Wanted]]:
        """Take out what came with an answer; what of it was still to be fetched is struck out of the worklist.

        Args:
            answer: the answer; its payload is left without them.
            worklist: what is left.

        Returns:
            An answer for each.
        """
        if answer.payload is None or CARRIED not in answer.payload:
            return []
        return list(self._whole(answer, answer.payload.pop(CARRIED), worklist))

    def _whole(
        self, answer: Fetched[Wanted], carried: list[tuple[str, dict[str, Any]]], worklist: Worklist
    ) -> Iterator[Fetched[Wanted]]:
        for object_type, payload in carried:
            object_id = payload["id"]
            if object_id in self._erased or not fetches(object_type, self._selected) or not _is_whole(payload):
                continue
            worklist.not_asked([object_id])
            wanted = worklist.strike(object_id)
            counts = self._progress.of[object_type]
            counts.wanted += wanted is None
            counts.done += 1
            wanted = wanted or Wanted(object_id, "carried", object_type=object_type)
            yield Fetched(wanted._replace(object_type=object_type), payload, None, answer.fetched_at)


def _is_whole(payload: dict[str, Any]) -> bool:
    """Tell whether an object is as its own GET would show it: a parse run that moves, or comes as a link, is not."""
    if payload.get("object") != "parse_run":
        return True
    return has_ended(payload.get("status")) and "hasOutputUrl" not in payload
