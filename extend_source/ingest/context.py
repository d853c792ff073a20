"""What the parts of one load share, so that each is told once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from extend_source.config.settings import ExtendSettings
from extend_source.ingest.limits import Limits
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.seen_lists import SeenLists
from extend_source.ingest.state import Scope
from extend_source.pipeline.landed import LandedData


@dataclass(frozen=True)
class SyncContext:
    """What a load, or a plan of one, goes by.

    Attributes:
        settings: the settings of the source.
        landed: what the destination holds.
        progress: the counts.
        limits: when to stop.
        scope: what is synced.
        tables: the tables to load that need runs to be fetched; a run that has landed in fewer of them is fetched
            again. Empty: listing is enough.
        now: the time, UTC.
        selected: all tables to load.
        seen: what has been seen of the lists.
        began_at: when the first list was begun, monotonic seconds; None: none has been yet.
        told_at: when webhooks told of runs that are asked for by id: what was fetched before may be out of date.
    """

    settings: ExtendSettings
    landed: LandedData
    progress: SyncProgress
    limits: Limits
    scope: Scope
    tables: frozenset[str]
    now: datetime
    selected: frozenset[str] = frozenset()
    seen: SeenLists = field(default_factory=SeenLists)
    began_at: float | None = None
    told_at: Mapping[str, datetime] = field(default_factory=dict)
