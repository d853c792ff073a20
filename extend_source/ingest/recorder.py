"""Turning answers into rows: payloads, what failed, and what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from extend_source.config.settings import ExtendSettings, resolved_privacy
from extend_source.error_codes import ErrorCode
from extend_source.errors import ExtendError, ExtendTransientError, MalformedResponse, NotFound
from extend_source.ingest.fetching import Fetched
from extend_source.ingest.history import History
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.webhook_events import WebhookEvent, rows_of
from extend_source.ingest.worklist import Wanted, Worklist
from extend_source.pipeline.idle_rows import without_landed_configs
from extend_source.pipeline.known_values import keep_known
from extend_source.pipeline.landed import LandedData
from extend_source.privacy import RuleUsage, privacy_rules
from extend_source.tables import (
    FILLED_TABLES,
    TABLES,
    TYPED_TABLES,
    FetchError,
    Flattener,
    Origin,
    Tables,
    selection_text,
)
from extend_source.tables.objects import OBJECT_TYPES, SUMMED_TYPES
from extend_source.tables.row_counts import RowCounts
from extend_source.tables.schemas import FILES
from extend_source.tables.verify_runs import VERIFY_RUNS, has_lost_its_result

NOT_FOUND, NOT_LISTED = "not_found", "not_listed"

_SHOWN = ("listed", "referenced", "backlog")
"""The reasons of what the API has shown: in a list, or in a run."""


class Recorder:
    """Records the answers of one load in its tables.

    Attributes:
        erased_files: ids of files that were erased on request: their text is neither fetched nor written.
        erased: ids of all that was erased on request.
    """

    def __init__(
        self,
        settings: ExtendSettings,
        landed: LandedData,
        progress: SyncProgress,
        load_id: str | None,
        tables: frozenset[str],
    ) -> None:
        """Start a load.

        Args:
            settings: the settings of the source.
            landed: what the destination holds.
            progress: where to count.
            load_id: dlt's id of the load, for ``_dlt_load_id``.
            tables: the tables that will be loaded.
        """
        self._settings, self._landed, self._progress, self._load_id = settings, landed, progress, load_id
        self._selections = {name: selection_text(tables, filled) for name, filled in FILLED_TABLES.items()}
        self._row_counts = RowCounts(tables, typed=TYPED_TABLES in tables)
        self._added: list[tuple[Wanted, str, bool]] = []
        self._failures: list[Fetched[Wanted]] = []
        self._all_configs = settings.refresh
        self._privacy = privacy_rules(settings)
        self._history = History(landed, load_id, self._privacy) if settings.history else None
        self.erased_files = landed.erased("file")
        self.erased = frozenset(erasure[0] for erasure in landed.erasures())
        self._flattener = Flattener(
            with_contents=settings.file_contents != "none",
            trust_empty_contents=settings.file_contents == "embedded",
            parse_output=settings.parse_output,
            keep_raw=settings.keep_raw,
            details=settings.details,
            landed_drift=frozenset(landed.drift()),
            erased_files=self.erased_files,
            erased=self.erased,
            names=landed.typed_names() if settings.typed_tables and TYPED_TABLES in tables else None,
            privacy=self._privacy,
            cut_documents=resolved_privacy(settings.privacy).document_signatures == "cut",
        )

    @property
    def waiting(self) -> int:
        """The answers added since the last `settle`."""
        return len(self._added) + len(self._failures)

    @property
    def rule_usage(self) -> RuleUsage:
        """What the rules for fields have met in this load."""
        return self._privacy.usage

    @property
    def flattener(self) -> Flattener:
        """Where rows that need no more thought are added."""
        return self._flattener

    def add(self, answer: Fetched[Wanted], worklist: Worklist, kept: Origin | None = None) -> None:
        """Record an answer and strike it out of the worklist; `settle` completes the batch.

        Args:
            answer: the object's payload, or why there is none.
            worklist: what is left.
            kept: where the payload came from, if it was kept in the destination; None: it was fetched just now.
        """
        wanted = answer.wanted
        worklist.done(wanted)
        if answer.payload is None:
            self._failures.append(answer)
            return
        if (landed_sum := self._landed_result(wanted, answer.payload)) is not None:
            self._flattener.confirm(wanted.id)
            self._added.append((wanted, landed_sum, True))
            return
        origin = kept or Origin(
            self._settings.api_version,
            self._settings.workspace_id,
            answer.fetched_at,
            wanted.created_at,
            wanted.updated_at,
            self._selections[wanted.object_type],
        )
        try:
            payload_sum = self._flattener.add(wanted.object_type, answer.payload, origin, final=wanted.is_final)
            self._added.append((wanted, payload_sum, kept is None))
        except Exception as defect:  # one odd payload must not end the sync
            self._failures.append(replace(answer, payload=None, error=_unreadable(defect)))

    def _landed_result(self, wanted: Wanted, payload: dict[str, Any]) -> str | None:
        """Find the sum of a verify run that has landed, whose result Extend has deleted since; None: it has not."""
        if wanted.object_type != "verify_run" or not has_lost_its_result(payload):
            return None
        columns = ("payload_sha256", "risk_level")
        rows = self._landed.lookup(VERIFY_RUNS, ("id", *columns), [wanted.id], complete=True)
        return next((landed_sum for _, landed_sum, risk_level in rows if risk_level is not None), None)

    def settle(self, worklist: Worklist) -> None:
        """Compare what was added since the last call with what has landed, and record what failed."""
        added, failures = self._added, self._failures
        self._added, self._failures = [], []
        # runs are fetched again to bring configs back, some of them by a later load, to which nothing may tell it
        worklist.lacks_rows |= any(self._landed.incomplete(kind) for kind in OBJECT_TYPES)
        self._all_configs |= worklist.lacks_rows
        sums: dict[str, str | None] = {}
        for object_type in SUMMED_TYPES:
            ids = [one.id for one, _, _ in added if one.object_type == object_type]
            sums.update(self._landed.payload_sums(ids, object_type))
        for wanted, payload_sum, was_fetched in added:
            changed = sums.get(wanted.id) != payload_sum
            counts = self._progress.of[wanted.object_type]
            counts.fetched += was_fetched
            counts.restored += wanted.reason == "incomplete"
            counts.changed += changed
            if wanted.reason == "recheck":
                counts.rechecked += 1
                counts.drifted += changed
        gone = self._add_tombstones([failure for failure in failures if isinstance(failure.error, NotFound)])
        failures = [failure for failure in failures if failure.wanted.id not in gone]
        self._add_errors(failures)
        for failure in failures:
            if isinstance(failure.error, ExtendTransientError):
                worklist.hold_back(failure.wanted)

    def add_events(self, events: Sequence[WebhookEvent]) -> None:
        """Record what webhooks have told, but of objects that were erased on request."""
        erased = {row[0] for row in self._landed.erasures()} if events else ()
        for row in rows_of(events, erased):
            self._flattener.add_webhook_event(row)

    def _add_tombstones(self, missing: Sequence[Fetched[Wanted]]) -> set[str]:
        """Record objects that the API no longer has; one that it never showed is none of them."""
        all_gone: set[str] = set()
        for object_type in SUMMED_TYPES:
            answers = [answer for answer in missing if answer.wanted.object_type == object_type]
            ids = [answer.wanted.id for answer in answers]
            shown = {answer.wanted.id for answer in answers if answer.wanted.reason in _SHOWN}
            landed, listed = self._landed.payload_sums(ids, object_type), self._landed.listed_times(ids, object_type)
            gone = shown.union(landed, listed)
            known = self._landed.tombstones(gone)
            for answer in answers:
                if (object_id := answer.wanted.id) in gone:
                    since = known.get(object_id, answer.fetched_at)
                    workspace_id = self._settings.workspace_id
                    self._flattener.add_tombstone(object_type, object_id, workspace_id, since, NOT_FOUND)
            self._progress.of[object_type].gone += len(gone)
            all_gone |= gone
        return all_gone

    def _add_errors(self, failures: Sequence[Fetched[Wanted]]) -> None:
        """Record dead letters, carrying on the count of earlier ones."""
        earlier = self._landed.errors(failure.wanted.id for failure in failures)
        for failure in failures:
            object_id, object_type = failure.wanted.id, failure.wanted.object_type
            before = earlier.get(object_id)
            error = failure.error
            assert error is not None
            counts = self._progress.of[object_type]
            counts.failed += 1
            counts.failed_again += before is not None
            self._progress.note_error(object_id, f"{error.error_code}: {error}")
            self._flattener.add_error(
                FetchError(
                    id=object_id,
                    workspace_id=self._settings.workspace_id,
                    resource_type=object_type,
                    attempts=1 + (before.attempts if before else 0),
                    status_code=error.status_code,
                    code=error.code or type(error).__name__,
                    message=str(error),
                    error_code=error.error_code,
                    first_seen_at=before.first_seen_at if before else failure.fetched_at,
                    last_seen_at=failure.fetched_at,
                )
            )

    def take(self, *, all_configs: bool = False) -> Tables:
        """Return what was recorded since the last call, filled in with what is known.

        Args:
            all_configs: the rows of configs that have landed as well, so that damaged ones are written anew.
        """
        created = self._landed.creation_times(self._flattener.undated_runs)
        tables = self._flattener.take(self._load_id, datetime.now(timezone.utc), created)
        for name, schema in TABLES.items():
            tables[name] = keep_known(tables[name], schema, self._landed)
        self._privacy.clean_tables(tables)
        if self._history is not None:
            self._history.add(tables)
        known = self._landed.file_row_counts(tables[FILES.name]["id"].to_pylist())
        self._row_counts.fill(tables, self._flattener.take_drifted_runs(), known)
        if not (all_configs or self._all_configs):
            without_landed_configs(tables, self._landed)
        return tables


def _unreadable(defect: Exception) -> ExtendError:
    # the text of the exception can quote the document, so only its kind is told
    kind = type(defect).__name__
    return MalformedResponse(
        f"The payload could not be turned into tables ({kind})",
        "Please report it",
        code=kind,
        error_code=ErrorCode.UNREADABLE,
    )
