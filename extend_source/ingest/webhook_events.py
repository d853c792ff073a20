"""What a webhook of Extend has told: which event, about what, and the runs that it names. Nothing of its payload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class WebhookEvent:
    """An event, without its payload: what it is about is fetched, as the payload may be stale.

    Attributes:
        event_id: Extend's id of the event; the same in every delivery of it.
        event_type: for example ``extract_run.processed``.
        object: Extend's name for the type of object that it is about; None: the event does not say.
        object_id: the id of that; None: the event does not say.
        resource_type: what the object lands as, a key of ``OBJECT_TYPES``; None: it does not land by its id.
        run_ids: the runs and parse runs to load.
        received_at: when it first arrived, UTC.
    """

    event_id: str
    event_type: str
    object: str | None
    object_id: str | None
    resource_type: str | None
    run_ids: tuple[str, ...]
    received_at: datetime
