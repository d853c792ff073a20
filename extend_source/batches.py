"""One load, from ids to batches of Arrow tables: discover, fetch, flatten, fill in what is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import pyarrow as pa

from extend_source.api import ExtendClient, ExtendError, MalformedResponse, RequestBudget
from extend_source.config import ExtendSettings
from extend_source.discovery import WantedRun, checked_run_ids, wanted_by_id, wanted_by_listing
from extend_source.fetching import Fetched, fetch_all
from extend_source.landed import TERMINAL_STATUSES, LandedData, keep_known
from extend_source.progress import SyncProgress
from extend_source.tables import TABLES, FetchError, Flattener, Origin
from extend_source.tables.files import TEXT_TABLES

BATCH_SIZE = 250
"""Runs per batch: enough to fill Arrow columns, few enough to keep memory flat with payloads of megabytes."""

Tables = dict[str, pa.Table]


class Load:
    """Fetches and flattens the runs of one load."""

    def __init__(
        self,
        settings: ExtendSettings,
        landed: LandedData,
        progress: SyncProgress,
        load_id: str | None,
        tables: frozenset[str] = frozenset(TABLES),
    ) -> None:
        """Prepare a load.

        Args:
            settings: the settings of the source.
            landed: what the destination holds.
            progress: where to count.
            load_id: dlt's id of the load, for ``_dlt_load_id``.
            tables: the tables that will be loaded.
        """
        self._tables = tables
        self._settings = settings
        self._landed = landed
        self._progress = progress
        self._load_id = load_id
        self._flattener = Flattener(
            with_contents=settings.file_contents != "none",
            trust_empty_contents=settings.file_contents == "embedded",
            landed_drift=landed.drift_keys(),
        )
        self._files_asked_for: set[str] = set()

    async def batches(self, run_ids: Iterable[str] | None) -> AsyncIterator[Tables]:
        """Fetch what is wanted and yield it as tables.

        Args:
            run_ids: the runs to load; None to find them by listing.

        Yields:
            Every table by name, a batch of runs at a time; at least one batch, so that every table exists after the
            first load.

        Raises:
            ExtendError: one that every request would meet, such as a refused key.
        """
        settings = self._settings
        self._landed.refuse_unfit_destination()
        async with self._client() as client:
            if run_ids is None:
                wanted = await wanted_by_listing(client, settings, self._landed, self._progress, self._tables)
            else:
                ids = checked_run_ids(run_ids)
                wanted = wanted_by_id(ids, self._landed, self._progress, self._tables, refresh=settings.refresh)
            self._progress.listing_done = True
            if self._fetches_contents:
                async for tables in self._contents(client, self._landed.files_without_contents(), final=True):
                    yield tables
            async for answers in fetch_all(
                wanted,
                partial(self._get_run, client),
                workers=settings.max_concurrency,
                batch_size=BATCH_SIZE,
                should_stop=self._should_stop,
            ):
                self._add_runs(answers)
                if self._fetches_contents:
                    for final in (True, False):
                        async for tables in self._contents(client, _file_ids(answers, final=final), final=final):
                            yield tables
                yield self._take()
            yield self._take()

    @property
    def _fetches_contents(self) -> bool:
        return self._settings.file_contents == "fetch" and bool(self._tables & TEXT_TABLES)

    def _should_stop(self) -> bool:
        return self._progress.stop_requested

    def _client(self) -> ExtendClient:
        settings = self._settings
        return ExtendClient(
            api_key=settings.api_key,
            base_url=settings.base_url,
            api_version=settings.api_version,
            workspace_id=settings.workspace_id,
            budget=RequestBudget(settings.requests_per_second, settings.max_concurrency),
            statistics=self._progress.requests,
        )

    async def _get_run(self, client: ExtendClient, run: WantedRun) -> dict[str, Any]:
        try:
            return await client.get_run(run.id)
        finally:
            self._progress.runs_done += 1

    async def _get_file(self, client: ExtendClient, file_id: str) -> dict[str, Any]:
        try:
            return await client.get_file(file_id, raw_text=True, markdown=True, html=True)
        finally:
            self._progress.files_done += 1

    def _add_runs(self, answers: Sequence[Fetched]) -> None:
        settings = self._settings
        failures: dict[str, Fetched] = {}
        chosen = None if self._tables >= TABLES.keys() else ",".join(sorted(self._tables))
        for answer in answers:
            wanted: WantedRun = answer.wanted
            if answer.payload is None:
                failures[wanted.id] = answer
                continue
            origin = Origin(settings.api_version, settings.workspace_id, answer.fetched_at, wanted.summary, chosen)
            try:
                self._flattener.add_run(answer.payload, origin)
                self._progress.fetched += 1
            except Exception as defect:  # one odd payload must not end the sync
                failures[wanted.id] = replace(answer, payload=None, error=_unreadable(defect))
        self._progress.failed += self._add_errors("processor_run", failures)

    async def _contents(self, client: ExtendClient, file_ids: Sequence[str], *, final: bool) -> AsyncIterator[Tables]:
        """Fetch the text of files that have not landed with any, each at most once a load."""
        fresh = [file_id for file_id in dict.fromkeys(file_ids) if file_id not in self._files_asked_for]
        self._files_asked_for.update(fresh)
        if not self._settings.refresh:
            landed = self._landed.files_with_contents(fresh)
            fresh = [file_id for file_id in fresh if file_id not in landed]
        self._progress.files_wanted += len(fresh)
        async for answers in fetch_all(
            fresh,
            partial(self._get_file, client),
            workers=self._settings.max_concurrency,
            batch_size=BATCH_SIZE,
            should_stop=self._should_stop,
        ):
            failures: dict[str, Fetched] = {}
            for answer in answers:
                if answer.payload is None:
                    failures[answer.wanted] = answer
                else:
                    self._flattener.add_file(answer.payload, answer.fetched_at, final=final)
                    self._progress.files_fetched += 1
            self._progress.files_failed += self._add_errors("file", failures)
            yield self._take()

    def _add_errors(self, resource_type: str, failures: dict[str, Fetched]) -> int:
        """Add dead letters, carrying on the count of earlier ones; return how many."""
        earlier = self._landed.errors(failures)
        for object_id, failure in failures.items():
            before = earlier.get(object_id)
            error = failure.error
            assert error is not None
            self._progress.note_error(object_id, str(error))
            self._flattener.add_error(
                FetchError(
                    id=object_id,
                    resource_type=resource_type,
                    attempts=1 + (before.attempts if before else 0),
                    status_code=error.status_code,
                    code=error.code or type(error).__name__,
                    message=str(error),
                    first_seen_at=before.first_seen_at if before else failure.fetched_at,
                    last_seen_at=failure.fetched_at,
                )
            )
        return len(failures)

    def _take(self) -> Tables:
        tables = self._flattener.take(self._load_id, datetime.now(timezone.utc))
        return {name: keep_known(table, TABLES[name], self._landed) for name, table in tables.items()}


def _unreadable(defect: Exception) -> ExtendError:
    # the text of the exception can quote the document, so only its kind is told
    kind = type(defect).__name__
    return MalformedResponse(f"The payload could not be turned into tables ({kind})", "Please report it", code=kind)


def _file_ids(answers: Sequence[Fetched], *, final: bool) -> list[str]:
    """The ids of the files of runs that have ended (or, not `final`, of those that have not), in order."""
    ids: list[str] = []
    for answer in answers:
        run = answer.payload or {}
        if (run.get("status") in TERMINAL_STATUSES) is not final:
            continue
        files = run.get("files")
        for file in files if isinstance(files, list) else []:
            file_id = file.get("id") if isinstance(file, dict) else None
            if isinstance(file_id, str):
                ids.append(file_id)
    return ids
