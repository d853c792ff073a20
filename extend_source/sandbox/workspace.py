"""The state of the stand-in: one workspace with its runs, files and processors, and a clock."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from extend_source.sandbox.clock import Clock
from extend_source.sandbox.credits import CreditAccount, account_for
from extend_source.sandbox.documents import make_file
from extend_source.sandbox.factory import Outcome, RunFactory, RunOrder, UnfinishedOutput, check_file_count
from extend_source.sandbox.lifecycle import apply_transition, settle
from extend_source.sandbox.population import populate
from extend_source.sandbox.queries import RunQuery, SortBy, SortDir, file_sort_key, run_sort_key, summary_of
from extend_source.sandbox.records import (
    STATUSES,
    FileRecord,
    GivenParseRun,
    Json,
    KeptObject,
    Processor,
    ProcessorVersion,
    RunRecord,
    embedded_files,
    exact_number,
)
from extend_source.sandbox.rendering import Renderer
from extend_source.sandbox.reviews import propose_changes, review
from extend_source.sandbox.seeding import make_id, rng_for


class NotFoundError(LookupError):
    """There is no such object in this workspace (any more, or yet)."""


class ConflictError(ValueError):
    """The object is not in a state that allows what was asked."""


class Workspace:
    """A workspace full of sample runs, deterministic from its seed, that tests can change while it is served.

    Every method takes a lock, so a test may change the state from its own thread. Times come from the
    workspace's clock, which stands still until ``advance`` is called.

    Args:
        seed: Same seed, same number of runs, same moment: the same bytes.
        runs: How many runs to start with.
        workspace_id: The id clients name in ``x-extend-workspace-id``.
        now: Where the clock starts; None: at the present minute. The runs are dated from there.
        embed_contents: Whether files inside a run carry their text.
        unfinished_output: What ``output`` is while a run has none: ``{}``, null or no key.

    Attributes:
        lock: Held while the state is read or changed; take it to see several things at one instant.
        processors: The processors, by short name.
        files: The files, by id.
        runs: The runs, by id, in order of creation.
        totals_since: Under 2026-02-09, ``usage`` of runs created before this moment has no ``totalCredits`` and no
            ``breakdown``; None: all have. The service began on 2026-05-14.
        given_parse_runs: Parse runs that were put there, by id; all others follow from the files.
        deleted_parse_runs: Ids of parse runs that are gone.
        objects: Other objects by the path of their list and their id; a type is there once it was asked for.
        books: What the modules beside this one know of it, by the name of what they keep.
        charges_since: Likewise for the ``charges`` in a breakdown, which began on 2026-06-10.
        same_id_suffixes: Whether ids of runs have the same text behind their prefix in both versions of the API.
    """

    def __init__(
        self,
        seed: int = 7,
        runs: int = 500,
        *,
        workspace_id: str = "ws_sandbox",
        now: datetime | None = None,
        embed_contents: bool = False,
        unfinished_output: UnfinishedOutput = "empty",
    ) -> None:
        self.id = workspace_id
        self.seed = seed
        self.clock = Clock(now)
        self.lock = threading.RLock()
        self._factory = RunFactory(seed, unfinished_output)
        population = populate(seed, runs, self.clock.now, self._factory)
        self.processors: dict[str, Processor] = population.processors
        self.files: dict[str, FileRecord] = population.files
        self.runs: dict[str, RunRecord] = population.runs
        self.totals_since: datetime | None = None
        self.charges_since: datetime | None = None
        self.same_id_suffixes = True
        self.given_parse_runs: dict[str, GivenParseRun] = {}
        self.deleted_parse_runs: set[str] = set()
        self.objects: dict[str, dict[str, KeptObject]] = {}
        self.books: dict[str, Any] = {}
        self._deleted: dict[str, RunRecord] = {}
        self._serial = runs
        self._renderer = Renderer(self.files, embed_contents=embed_contents)

    # ---- time

    @property
    def now(self) -> datetime:
        """The present instant of the workspace."""
        return self.clock.now

    def advance(self, seconds: float) -> datetime:
        """Move the clock; runs in flight progress and planned reviews happen.

        Args:
            seconds: How far.

        Returns:
            The new instant.
        """
        with self.lock:
            now = self.clock.advance(seconds)
            for run in self.runs.values():
                if settle(run, self.files, now):
                    self._renderer.forget()
            return now

    # ---- changes

    def add_run(
        self,
        *,
        processor: str = "invoices",
        status: str = "PENDING",
        file_id: str | None = None,
        file_name: str | None = None,
        metadata: Json | None = None,
        created_at: datetime | None = None,
        updated_at: datetime | None = None,
        visible_at: datetime | None = None,
        outcome: Outcome = "PROCESSED",
        inline: bool = False,
        files: int = 1,
    ) -> str:
        """Create a run and return its id.

        Args:
            processor: Short name or id of a processor; its newest version is used.
            status: PENDING and PROCESSING runs go on as the clock moves; the others have ended.
            file_id: An existing file to read; a new one is made without it.
            file_name: Name of the new file.
            metadata: The caller's metadata; ``{}`` when not given.
            created_at: Now when not given.
            updated_at: When the last status was reached when not given, but never after now.
            visible_at: Neither listed nor found before this moment.
            outcome: How a PENDING or PROCESSING run will end.
            inline: Whether it was given its configuration instead of a processor (seen under 2026-02-09 only).
            files: How many files it reads, all new ones when more than one: 2 to 50 for an extraction with a schema.
        """
        if status not in STATUSES:
            raise ValueError(f"{status!r} is not one of {', '.join(STATUSES)}")
        with self.lock:
            created = created_at or self.now
            chosen = self.processor(processor)
            check_file_count(files, chosen, file_id)
            file = self._file(file_id) if file_id else self._new_file(chosen, file_name, created)
            read = [file, *(self._new_file(chosen, file_name, created, number) for number in range(1, files))]
            ending: Outcome = status if status in ("FAILED", "CANCELLED") else outcome  # type: ignore[assignment]
            self._serial += 1
            order = RunOrder(self._serial, chosen, chosen.versions[-1], read, created, ending, None, metadata or {})
            run = self._factory.make(order)
            run.inline = inline
            for each in read:
                each.read_by(run)
            while run.plan and run.status != status:
                step = run.plan.pop(0)
                reached = max(created, min(step.at, self.now))
                apply_transition(run, self.files, replace(step, at=reached))
            run.updated_at = updated_at or run.updated_at
            run.visible_at = visible_at
            self.runs[run.id] = run
            self._renderer.forget()
            return run.id

    def edit_run(
        self, run_id: str, changes: Mapping[str, Any] | None = None, *, touch_updated_at: bool = True
    ) -> dict[str, Any]:
        """Review a processed run and correct it, as a person would in the dashboard.

        Args:
            run_id: The run.
            changes: New values by path (``vendor.name``, ``line_items[0].quantity``; the name of a legacy
                field; ``type`` of a classification; ``splits[0].identifier``). One to three corrections are
                made up when not given; an empty mapping approves the run without edits.
            touch_updated_at: False for a silent edit: the listing does not show that anything happened.

        Returns:
            The changes made.

        Raises:
            NotFoundError: No such run.
            ConflictError: The run is not PROCESSED.
            KeyError: A path does not exist in the run's output.
        """
        with self.lock:
            run = self._run(run_id)
            if run.status != "PROCESSED" or run.raw is not None:
                raise ConflictError(f"run {run_id} is {run.status}: only generated, processed runs can be reviewed")
            rng = rng_for(self.seed, "edit", run_id, len(run.payload["edits"]), run.payload["reviewed"])
            made = dict(propose_changes(run.payload, rng) if changes is None else changes)
            run.payload.update(review(run.payload, made, rng))
            run.plan.clear()
            self._touched(run, touch_updated_at)
            return made

    def cancel_run(self, run_id: str) -> None:
        """Cancel a run, which is possible only while it is PROCESSING."""
        with self.lock:
            run = self._run(run_id)
            if run.status != "PROCESSING" or run.raw is not None:
                raise ConflictError(f"Only a run that is PROCESSING can be cancelled; this one is {run.status}.")
            run.payload["status"] = "CANCELLED"
            run.plan.clear()
            self._touched(run, True)

    def delete_run(self, run_id: str) -> None:
        """Remove a run: from then on it is not listed and GET answers 404."""
        with self.lock:
            self._run(run_id)
            self._deleted[run_id] = self.runs.pop(run_id)
            self._renderer.forget(run_id)

    def restore_run(self, run_id: str) -> None:
        """Bring a deleted run back as it was."""
        with self.lock:
            if run_id not in self._deleted:
                raise NotFoundError(run_id)
            self.runs[run_id] = self._deleted.pop(run_id)

    def delete_file(self, file_id: str) -> None:
        """Remove a file: GET answers 404 and runs no longer embed it."""
        with self.lock:
            self._file(file_id)
            del self.files[file_id]
            self._renderer.forget()

    def put_run(
        self,
        payload: Mapping[str, Any] | bytes,
        *,
        created_at: datetime | None = None,
        updated_at: datetime | None = None,
    ) -> str:
        """Serve a run exactly as given, in place of any run with the same id.

        Args:
            payload: A ProcessorRun object, or its JSON text to be served byte for byte.
            created_at: For the listing; now when not given.
            updated_at: For the listing; ``created_at`` when not given.

        Returns:
            The run's id.
        """
        raw = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
        with self.lock:
            created = created_at or self.now
            parsed = json.loads(raw)
            run = RunRecord(parsed, created, updated_at or created, raw=raw)
            self.runs[run.id] = run
            for embedded in embedded_files(parsed):
                if embedded.get("id") in self.files:
                    self.files[embedded["id"]].read_by(run)
            return run.id

    def put_file(self, payload: Mapping[str, Any]) -> str:
        """Serve a file exactly as given, in place of any file with the same id, and return its id."""
        with self.lock:
            file = FileRecord(copy.deepcopy(dict(payload)), verbatim=True)
            if file.id in self.files:
                file.parsed, file.first_reader = self.files[file.id].parsed, self.files[file.id].first_reader
            self.files[file.id] = file
            self._renderer.forget()
            return file.id

    def put_parse_run(
        self, payload: Mapping[str, Any], *, created_at: datetime | None = None, updated_at: datetime | None = None
    ) -> str:
        """Serve a parse run exactly as given, in place of any with the same id.

        Args:
            payload: A ParseRun object of 2026-02-09.
            created_at: For the listing; now when not given.
            updated_at: For the listing; ``created_at`` when not given.

        Returns:
            The parse run's id.
        """
        with self.lock:
            created = created_at or self.now
            parse_run = GivenParseRun(copy.deepcopy(dict(payload)), created, updated_at or created)
            parse_run_id = str(payload["id"])
            self.given_parse_runs[parse_run_id] = parse_run
            self.deleted_parse_runs.discard(parse_run_id)
            return parse_run_id

    def delete_parse_run(self, parse_run_id: str) -> None:
        """Remove a parse run: from then on it is not listed and GET answers 404; runs still name it."""
        with self.lock:
            self.given_parse_runs.pop(parse_run_id, None)
            self.deleted_parse_runs.add(parse_run_id)

    def set_processor_name(self, processor: str, name: str, *, rename_past_runs: bool = True) -> None:
        """Rename a processor without touching ``updatedAt`` of its runs.

        Args:
            processor: Short name or id.
            name: The new name.
            rename_past_runs: Whether runs made before show the new name as well (not documented either way).
        """
        with self.lock:
            chosen = self.processor(processor)
            chosen.name, chosen.renamed_at = name, self.now
            for run in self.runs.values() if rename_past_runs else ():
                if run.payload.get("processorId") == chosen.id and run.raw is None:
                    run.payload["processorName"] = name
            self._renderer.forget()

    def publish_version(self, processor: str, config: Json, *, credits_per_page: str = "3") -> str:
        """Publish a new version of a processor, which runs added from now on use.

        Args:
            processor: Short name or id.
            config: The configuration, of the processor's own type; for an extraction with ``schema`` or ``fields``.
            credits_per_page: What its runs cost.

        Returns:
            The id of the version.
        """
        with self.lock:
            chosen = self.processor(processor)
            if config.get("type") != chosen.type:
                raise ValueError(f"{processor} needs a configuration of type {chosen.type}")
            number = len(chosen.versions) + 1
            version_id = make_id("dpv", rng_for(self.seed, "version", chosen.id, number))
            rate = Decimal(credits_per_page)
            version = ProcessorVersion(version_id, f"{number}.0", copy.deepcopy(config), rate, self.now)
            chosen.versions.append(version)
            return version_id

    def settle_credits(self, run_id: str, credits: Decimal | float | str, *, touch_updated_at: bool = False) -> None:
        """Set what a run that has ended cost, as a bill that is settled late; nothing else of the run changes.

        Args:
            run_id: The run.
            credits: The credits, with or without any reported before.
            touch_updated_at: True to move ``updatedAt``, too.

        Raises:
            NotFoundError: No such run.
            ConflictError: The run has not ended, or is served exactly as given.
            ValueError: Not a number that JSON carries exactly.
        """
        number = exact_number(credits)
        with self.lock:
            run = self._run(run_id)
            if not run.is_terminal or run.raw is not None:
                raise ConflictError(f"run {run_id} is {run.status}: only generated runs that have ended can be settled")
            run.payload["usage"] = {**run.payload.get("usage", {}), "credits": number}
            self._touched(run, touch_updated_at)

    def touch_run(self, run_id: str) -> None:
        """Move a run's ``updatedAt`` without changing anything else."""
        with self.lock:
            self._touched(self._run(run_id), True)

    # ---- the truth

    def processor(self, name_or_id: str) -> Processor:
        """Return a processor by its short name or id."""
        for processor in self.processors.values():
            if name_or_id in (processor.key, processor.id):
                return processor
        raise NotFoundError(name_or_id)

    def shows(self, run: RunRecord) -> bool:
        """Whether a run can be seen now."""
        return run.visible_at is None or run.visible_at <= self.now

    def run_ids(self) -> list[str]:
        """Return the ids of all runs that can be seen now, in order of creation here."""
        with self.lock:
            return [run.id for run in self.runs.values() if self.shows(run)]

    def run_payload(self, run_id: str) -> Json:
        """Return a run's payload as GET would serve it."""
        payload: Json = json.loads(self.run_body(run_id))
        return payload

    def file_payload(self, file_id: str, *, raw_text: bool = False, markdown: bool = False, html: bool = False) -> Json:
        """Return a file's payload as GET would serve it with these flags."""
        flags = {"raw_text": raw_text, "markdown": markdown, "html": html}
        payload: Json = json.loads(self.file_body(file_id, flags))
        return payload

    def summary(self, run_id: str) -> Json:
        """Return a run's summary as the listing shows it."""
        with self.lock:
            run = self._run(run_id)
            return copy.deepcopy(summary_of(run))

    def credit_account(self) -> CreditAccount:
        """Return what all visible runs and the distinct files in them cost, exactly."""
        with self.lock:
            return account_for(self.run_payload(run_id) for run_id in self.run_ids())

    # ---- what the server reads

    def run_body(self, run_id: str) -> bytes:
        """Return the JSON text of a run."""
        with self.lock:
            return self._renderer.run_body(self._run(run_id))

    def file_body(self, file_id: str, flags: Mapping[str, bool]) -> bytes:
        """Return the JSON text of a file with the content parts asked for."""
        with self.lock:
            return self._renderer.file_body(self._file(file_id), flags)

    def signed_body(self, payload: Json) -> bytes:
        """Return the JSON text of anything, with fresh signatures on the links in it."""
        with self.lock:
            return self._renderer.signed_body(payload)

    def list_runs(self, query: RunQuery, sort_by: SortBy, sort_dir: SortDir) -> list[RunRecord]:
        """Return all visible runs that pass the filters, in order."""
        with self.lock:
            found = [
                run
                for run in self.runs.values()
                if self.shows(run) and query.matches(run) and self._has_name(run, query.file_name_contains)
            ]
            found.sort(key=lambda run: run_sort_key(run, sort_by), reverse=sort_dir == "desc")
            return found

    def list_files(self, name_contains: str | None, sort_dir: SortDir) -> list[FileRecord]:
        """Return all files whose name contains a text, in order of creation."""
        with self.lock:
            part = (name_contains or "").lower()
            found = [file for file in self.files.values() if part in str(file.payload.get("name")).lower()]
            return sorted(found, key=file_sort_key, reverse=sort_dir == "desc")

    # ---- inside

    def _run(self, run_id: str) -> RunRecord:
        run = self.runs.get(run_id)
        if run is None or not self.shows(run):
            raise NotFoundError(run_id)
        return run

    def _file(self, file_id: str) -> FileRecord:
        if file_id not in self.files:
            raise NotFoundError(file_id)
        return self.files[file_id]

    def _has_name(self, run: RunRecord, part: str | None) -> bool:
        return part is None or any(part.lower() in name.lower() for name in self._file_names(run))

    def _file_names(self, run: RunRecord) -> list[str]:
        if run.raw is not None:
            return [str(file.get("name")) for file in embedded_files(run.payload)]
        return [str(self.files[file_id].payload["name"]) for file_id in run.file_ids if file_id in self.files]

    def _new_file(self, processor: Processor, name: str | None, created: datetime, number: int = 0) -> FileRecord:
        rng = rng_for(self.seed, "added file", self._serial, *([number] if number else ()))
        pages = 8 if processor.type == "SPLITTER" else 2
        file = make_file(rng, processor.topic, processor.file_types[0], created - timedelta(seconds=5), pages)
        if name is not None:
            file.payload["name"] = name
        self.files[file.id] = file
        return file

    def _touched(self, run: RunRecord, touch_updated_at: bool) -> None:
        if touch_updated_at:
            # two changes at one instant of a clock that stands still must still be two values of updatedAt
            run.updated_at = max(self.now, run.updated_at + timedelta(milliseconds=1))
        self._renderer.forget(run.id)
