"""What the loads of one sync share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from extend_source.api import PagesAhead, RequestBudget
from extend_source.errors import ExtendError
from extend_source.ingest.limits import StoppedBy
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.seen_lists import SeenLists
from extend_source.ingest.sync_log import Failure
from extend_source.ingest.webhook_events import WebhookEvent, newest_by_run
from extend_source.ingest.worklist import Worklist
from extend_source.pipeline.held_database import HeldDatabase
from extend_source.privacy import RuleUsage


@dataclass
class SyncSession:
    """One sync, which is one load or several.

    Attributes:
        progress: the counts.
        bounded: the sync is made of several loads, each of limited size.
        reconcile: compare the whole listing, and recheck.
        compare_all: compare the whole listing, whatever the watermark says.
        sync_id: the id of the first load.
        worklist: what is left to fetch; None before it is found.
        has_backlog: files that had landed without text were added to the worklist.
        stopped_by: why the sync ends early.
        error: what ends it: what was fetched before is loaded, then it is raised.
        failure: what has ended it, where nothing could be loaded: a row in the log is all that is left to load.
        raises: the one who runs the loads raises `error` after them; else the source sees to it.
        budget: the request rate; it knows what it has learned of the limit, and of a pause that was asked for.
        database: the DuckDB file that the sync keeps open.
        rule_usage: what the privacy rules have met so far.
        ahead: the pages of lists that were read to see whether anything has changed.
        seen: what has been seen of the lists.
        events: what webhooks have told; their rows come with the last load, if it has all that they name.
        left_out: the runs of these that the filters of the settings leave out.
        erased: the ids that had been erased on request when the first load began; None: none has begun, or the
            destination was found not to be readable.
    """

    progress: SyncProgress = field(default_factory=SyncProgress)
    bounded: bool = False
    reconcile: bool = False
    compare_all: bool = False
    sync_id: str | None = None
    worklist: Worklist | None = None
    has_backlog: bool = False
    stopped_by: StoppedBy | None = None
    error: ExtendError | None = None
    failure: Failure | None = None
    raises: bool = False
    budget: RequestBudget | None = None
    database: HeldDatabase = field(default_factory=HeldDatabase)
    rule_usage: RuleUsage = field(default_factory=RuleUsage)
    ahead: PagesAhead = field(default_factory=PagesAhead)
    seen: SeenLists = field(default_factory=SeenLists)
    events: tuple[WebhookEvent, ...] = ()
    left_out: int = 0
    erased: frozenset[str] | None = None

    @property
    def told_at(self) -> dict[str, datetime]:
        """When webhooks last told of each run."""
        return newest_by_run(self.events)

    @property
    def logged_failure(self) -> Failure | None:
        """What ``sync_log`` says that the sync failed with, in the load that is being written; None: nothing yet."""
        error = self.final_error if self.is_over else None
        return self.failure or (Failure(error.error_code, str(error)) if error is not None else None)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left to do, or it must stop."""
        if self.stopped_by is not None or self.error is not None:
            return True
        return self.worklist is not None and not len(self.worklist)

    @property
    def final_error(self) -> ExtendError | None:
        """What to raise once all that could be fetched is loaded."""
        return self.error or (self.worklist.listing_error if self.worklist is not None else None)

    @property
    def has_compared_all(self) -> bool:
        """Tell whether the whole listing was compared, and all that differed is loaded."""
        worklist = self.worklist
        return worklist is not None and worklist.mode != "by_id" and worklist.complete and not worklist.runs_left
