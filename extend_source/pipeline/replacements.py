"""Saying which runs and files a load is about to replace, before it touches the first of their tables.

Each table is replaced in a transaction of its own. Where a load is killed between two of them, the rows that are there
do not say so: a table in which a run now has no row looks as if it had never had any. These notes do.
"""

from __future__ import annotations

from datetime import datetime, timezone

from extend_source.pipeline.conditions import of_ended_loads
from extend_source.pipeline.landed import LandedData
from extend_source.tables import Tables
from extend_source.tables.bookkeeping import REPLACEMENTS
from extend_source.tables.objects import OBJECT_TYPES


class Announcement:
    """The runs and files of one load."""

    def __init__(self, landed: LandedData, load_id: str | None) -> None:
        """Begin with none.

        Args:
            landed: what the destination holds.
            load_id: dlt's id of the load; None outside of a pipeline: nothing is written then.
        """
        self._landed, self._load_id = landed, load_id
        self._ids: dict[str, dict[str, None]] = {kind: {} for kind in OBJECT_TYPES}

    def note(self, tables: Tables) -> Tables:
        """Note the runs and files of a batch; return the batch."""
        for kind, ids in self._ids.items():
            ids.update(dict.fromkeys(tables[OBJECT_TYPES[kind].table.name].column("id").to_pylist()))
        return tables

    def make(self) -> None:
        """Write down which of them have landed before. If any have, the notes of loads that have ended are deleted.

        Where rows are superseded there is nothing to say: those of a load that has not ended do not count.
        """
        if self._load_id is None or not self._landed.can_replace(REPLACEMENTS):
            return
        now = datetime.now(timezone.utc)
        with self._landed.connected():
            rows = [
                (object_id, kind, now, self._load_id)
                for kind, ids in self._ids.items()
                for object_id in dict.fromkeys(
                    self._landed.known(OBJECT_TYPES[kind].table, ids) + self._landed.noted(kind, ids)
                )
            ]
            if rows:
                self._landed.replace(REPLACEMENTS, rows, drop=of_ended_loads())
