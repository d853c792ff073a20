"""What a webhook of Extend has told: which event, about what, and the runs that it names. Nothing of its payload."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class WebhookEvent:
    """An event, without its payload: what it is about is fetched, as the payload may be stale.

    Attributes:
        event_id: Extend's id of the event; the same in every delivery of it.
        event_type: for example ``extract_run.processed``.
        object: Extend's name for the type of object that it is about; None: the event does not say.
        object_id: the id of that; None: the event does not say.
        resource_type: what the object lands as, a key of ``OBJECT_TYPES``; None: it does not land.
        run_ids: the runs, parse runs and workflow runs to load.
        received_at: when it first arrived, UTC.
    """

    event_id: str
    event_type: str
    object: str | None
    object_id: str | None
    resource_type: str | None
    run_ids: tuple[str, ...]
    received_at: datetime


def newest_by_run(events: Iterable[WebhookEvent]) -> dict[str, datetime]:
    """Say of each run when an event last told of it."""
    newest: dict[str, datetime] = {}
    for event in events:
        for run_id in event.run_ids:
            newest[run_id] = max(event.received_at, newest.get(run_id, event.received_at))
    return newest


def rows_of(events: Iterable[WebhookEvent], erased: Collection[str]) -> Iterator[dict[str, Any]]:
    """Write the rows of ``webhook_events``.

    Args:
        events: the events.
        erased: ids of objects that were erased on request: nothing is written of these.

    Yields:
        The values by column name.
    """
    for event in events:
        if event.object_id not in erased:
            yield {
                "event_id": event.event_id,
                "event_type": event.event_type,
                "object": event.object,
                "object_id": event.object_id,
                "resource_type": event.resource_type,
                "run_count": len(event.run_ids),
                "received_at": event.received_at,
            }
