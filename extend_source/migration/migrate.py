"""Taking a dataset from API 2025-04-21 to 2026-02-09."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import dlt

from extend_source.api import CURRENT_VERSION, RequestStatistics, lists_of
from extend_source.config.settings import API_VERSION, SECTION, ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import AnotherWorkspace, UsageError, Withdrawn
from extend_source.ingest.client import run_to_end
from extend_source.ingest.id_map import IdMap, read_id_map
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.migration.comparison import Comparison, compare
from extend_source.migration.staging import carry, delete_staging_folder, staged_pipeline
from extend_source.operations.sync import SyncResult, sync
from extend_source.pipeline.dataset_switch import Switch, refuse_unswitchable, switch
from extend_source.pipeline.generations import generations_of
from extend_source.pipeline.held_database import held_database
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.lock import exclusive
from extend_source.pipeline.overrides import refuse_refresh
from extend_source.pipeline.pending import settle
from extend_source.pipeline.read_only import location, viewed, viewed_data
from extend_source.pipeline.sibling_datasets import BACKUP, STAGED, dataset_name_of, datasets_there, tables_in
from extend_source.reports.models import MODELS
from extend_source.tables.schemas import PROCESSOR_RUNS
from extend_source.tables.typed.identifiers import CURRENT_SUFFIX

if TYPE_CHECKING:
    from typing_extensions import Unpack

State = Literal["nothing_to_do", "planned", "stopped", "incomplete", "done"]

_MAX_NAMED = 5


@dataclass(frozen=True)
class MigrateResult:
    """What a migration would do, or did.

    Attributes:
        state: nothing_to_do; planned: nothing was written; stopped: at a limit, the next call goes on; incomplete: runs
            could not be loaded, so that nothing was switched; done.
        runs: runs in the dataset, of API 2025-04-21.
        listed: the runs that API 2026-02-09 lists, by type.
        matched_by: how ids were matched: suffix or attributes; None: not looked at.
        matched: runs whose new ids are known and listed.
        unmatched: the other runs, by reason: not_listed, which stay in the backup alone, ambiguous or files_differ.
        gone: of these, runs that the dataset knows to be gone at Extend.
        processors: processors whose new ids are known.
        keeps_file_ids: files have the same ids in both versions; None: no run told.
        erasures: objects that were erased, and will be kept out under their new ids as well.
        unknown_erasures: what was erased and would come back, as nothing tells their new ids; with the reason.
        requests: of a plan, what the migration will send from here on, those for parse runs aside; else what was sent.
        minutes: of a plan, how long that takes within the request budget; None: there is no budget, or nothing to do.
        loaded: of the runs matched, those that are loaded already.
        missing: of the runs matched, the first that could not be loaded.
        sync: what the sync into the second dataset did; None: there was none.
        comparison: the figures of both datasets before the switch; None: it has not come to that.
        kept: tables and views of others, which stayed in the dataset.
        on_old_rows: views of others that read the backup now, as they do not fit the new tables.
        destination: where the rows are, without any password.
        dataset: the dataset.
        staged_dataset: the dataset that the new version is loaded into before the switch.
        backup_dataset: the dataset that the old rows are in after it.
    """

    state: State
    destination: str
    dataset: str
    staged_dataset: str
    backup_dataset: str
    runs: int = 0
    listed: dict[str, int] = field(default_factory=dict)
    matched_by: str | None = None
    matched: int = 0
    unmatched: dict[str, int] = field(default_factory=dict)
    gone: int = 0
    processors: int = 0
    keeps_file_ids: bool | None = None
    erasures: int = 0
    unknown_erasures: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    minutes: float | None = None
    loaded: int = 0
    missing: list[str] = field(default_factory=list)
    sync: SyncResult | None = None
    comparison: Comparison | None = None
    kept: list[str] = field(default_factory=list)
    on_old_rows: list[str] = field(default_factory=list)


def migrate(
    pipeline: dlt.Pipeline,
    *,
    dry_run: bool = True,
    load_unknown_erasures: bool = False,
    leave_missing: bool = False,
    progress: SyncProgress | None = None,
    **arguments: Unpack[Arguments],
) -> MigrateResult:
    """Take a dataset from API 2025-04-21 to 2026-02-09, under the same name; the old rows stay in a backup.

    The new version is loaded beside the old one, into a second dataset, by a sync; what was erased is kept out of it
    from before its first load. Then the two change places in one transaction. A kill at any moment loses nothing: the
    next call goes on from there.

    Args:
        pipeline: the pipeline of the dataset.
        dry_run: only say what would be done; nothing is written, the lists of both versions are read.
        load_unknown_erasures: go on although what was erased comes back that way, as nothing tells its new id.
        leave_missing: switch although runs that were matched could not be loaded; they stay in the backup alone.
        progress: filled while the new version is loaded; set its `stop_requested` to stop, the next call goes on.
        **arguments: as for `extend_source`, and what the syncs of the dataset will be given from then on.

    Returns:
        What was done, or would be.

    Raises:
        UsageError: the destination cannot switch datasets, one of the names is taken, what was erased would come back,
            processors are named by their old ids, the dataset holds several workspaces, or `details` is False.
        InvalidSetting: the pipeline was made with `refresh`, a setting cannot work, or no run that has landed is
            listed.
        SyncUnderWay: the pipeline is being synced.
        SyncError: the datasets could not be switched; nothing has changed.
        ApiError: the API refused everything, or cannot be reached.
        TooManyErrors: a greater share of runs failed than `max_error_share` allows.
        RowsRefused: the destination refused rows, and dlt was told to go on.
        PipelineStepFailed: loading failed.
        ConfigurationValueError: a setting has a value that it does not take.
    """
    if arguments.get("api_version") not in (None, CURRENT_VERSION):
        raise UsageError(
            f"migrate leads to API {CURRENT_VERSION}", "Leave out api_version", error_code=ErrorCode.BAD_SETTING
        )
    arguments["api_version"] = CURRENT_VERSION
    settings = resolved_settings(**arguments)
    if not settings.details:
        raise UsageError(
            "migrate takes runs over in full, and details is false",
            "Set details = true (details=True)",
            error_code=ErrorCode.BAD_SETTING,
        )
    work = _Migration(pipeline, settings, arguments, progress or SyncProgress())
    refuse_refresh(pipeline, "migrate")
    refuse_unswitchable(pipeline)
    return work.planned() if dry_run else work.done(load_unknown_erasures, leave_missing)


class _Migration:
    """One call of `migrate`."""

    def __init__(
        self, pipeline: dlt.Pipeline, settings: ExtendSettings, arguments: Arguments, progress: SyncProgress
    ) -> None:
        self._pipeline, self._settings, self._progress = pipeline, settings, progress
        self._arguments: Any = arguments
        self._sent = RequestStatistics()
        self._facts: dict[str, Any] = {}
        self._staged, self._backup = (dataset_name_of(pipeline, suffix) for suffix in (STAGED, BACKUP))

    def planned(self) -> MigrateResult:
        with viewed(self._pipeline) as view:
            landed = viewed_data(view)
            landed.probe()
            if not self._is_to_do(landed):
                return self._result("nothing_to_do")
            self._refuse_taken_names(view)
            id_map = self._read_map(landed)
            if id_map is None:
                return self._result("stopped")
            self._facts["loaded"] = _count_in(view, self._staged)
        return self._plan(id_map)

    def done(self, load_unknown_erasures: bool, leave_missing: bool) -> MigrateResult:
        pipeline, attempts = self._pipeline, self._settings.package_attempts
        with exclusive(pipeline):
            settle(pipeline, attempts)
            landed = LandedData(pipeline, SECTION)
            landed.probe()
            if not self._is_to_do(landed):
                delete_staging_folder(pipeline)
                return self._result("nothing_to_do")
            self._refuse_taken_names(pipeline)
            with held_database(pipeline):
                id_map = self._read_map(landed)
            if id_map is None:
                return self._result("stopped")
            if id_map.unknown_erasures and not load_unknown_erasures:
                raise _unknown_erasures(id_map.unknown_erasures)
            staged = staged_pipeline(pipeline)
            try:
                carry(staged, id_map, landed, attempts)
                state = self._load(staged, id_map, leave_missing)
                if state is not None:
                    return self._result(state)
                self._facts["comparison"] = compare(pipeline, staged)
                left: Switch = switch(pipeline, staged, self._backup)
            finally:
                pipeline.activate()
            self._facts.update(kept=[name for name in left.kept if not _is_ours(name)], on_old_rows=left.on_old_rows)
            delete_staging_folder(pipeline)
        return self._result("done")

    def _is_to_do(self, landed: LandedData) -> bool:
        found = generations_of(landed)
        if API_VERSION in found and CURRENT_VERSION in found:
            raise UsageError(
                "The dataset holds runs of both versions of the API",
                "Load each version into a dataset of its own",
                error_code=ErrorCode.CANNOT_MIGRATE,
            )
        if API_VERSION not in found:
            return False
        self._refuse_several_workspaces(landed)
        return True

    def _refuse_several_workspaces(self, landed: LandedData) -> None:
        named = {row[0] for row in landed.rows(PROCESSOR_RUNS, ("workspace_id",), distinct=True) if row[0]}
        wanted = self._settings.workspace_id
        if len(named) > 1 or (wanted and named - {wanted}):
            raise UsageError(
                f"The dataset holds runs of the workspaces {', '.join(sorted(named))}, and migrate loads those of "
                f"{wanted or 'one'} alone",
                f"Load API {CURRENT_VERSION} of each into a new dataset instead",
                error_code=ErrorCode.CANNOT_MIGRATE,
            )

    def _refuse_taken_names(self, pipeline: dlt.Pipeline) -> None:
        if datasets_there(pipeline, self._backup):
            raise UsageError(
                f"There is a dataset {self._backup} already, the name for the old rows",
                "Rename it, or drop it",
                error_code=ErrorCode.CANNOT_MIGRATE,
            )

    def _read_map(self, landed: LandedData) -> IdMap | None:
        """Find the new ids of what has landed; None: stopped."""
        progress = self._progress
        reading = read_id_map(self._settings, landed, self._sent, lambda: not progress.stop_requested)
        try:
            id_map = run_to_end(reading)
        except Withdrawn:
            return None
        if not id_map.runs and set(id_map.reasons.values()) == {"not_listed"}:
            raise AnotherWorkspace(
                f"None of the {len(id_map.reasons):,} runs that have landed is listed in API {CURRENT_VERSION}: the "
                "key seems to be of another workspace, or base_url of another deployment",
                "Check both, and workspace_id",
            )
        self._refuse_old_processors(landed, id_map)
        gone = landed.all_tombstones()
        self._facts.update(
            runs=len(id_map.runs) + len(id_map.reasons),
            listed=dict(sorted(id_map.listed.items())),
            matched_by=id_map.matched_by,
            matched=len(id_map.runs),
            unmatched=dict(Counter(id_map.reasons.values())),
            gone=sum(run_id in gone for run_id in id_map.reasons),
            processors=sum(kind == "processor" and new is not None for (kind, _), new in id_map.processors.items()),
            keeps_file_ids=id_map.keeps_file_ids,
            erasures=len(id_map.erased),
            unknown_erasures=dict(id_map.unknown_erasures),
        )
        return id_map

    def _refuse_old_processors(self, landed: LandedData, id_map: IdMap) -> None:
        old = {row[0] for row in landed.rows(PROCESSOR_RUNS, ("processor_id",), distinct=True)}
        named = [each for each in self._settings.processor_ids or () if each in old]
        if named:
            known = ", ".join(
                f"{each} is {id_map.processors.get(('processor', each)) or 'not known'}" for each in named
            )
            raise UsageError(
                f"processor_ids has ids of API {API_VERSION}; in {CURRENT_VERSION}: {known}",
                "Set processor_ids to the new ids, for migrate and the syncs after it",
                error_code=ErrorCode.BAD_SETTING,
            )

    def _plan(self, id_map: IdMap) -> MigrateResult:
        listed = sum(id_map.listed.values()) - id_map.kept_out
        # the map is read anew, then a sync reads the lists, that of parse runs too, of which nothing tells the length
        lists = sum(
            self._sent.requests_by_endpoint[runs.list_name] for runs in lists_of(CURRENT_VERSION, "processor_run")
        )
        requests = self._sent.requests + lists + 1 + max(0, listed - self._facts.get("loaded", 0))
        rate = self._settings.requests_per_second
        self._facts["minutes"] = round(requests / rate / 60, 3) if rate else None
        return self._result("planned", requests=requests)

    def _load(self, staged: dlt.Pipeline, id_map: IdMap, leave_missing: bool) -> State | None:
        """Load the new version; None: all is there that can be."""
        result = sync(staged, progress=self._progress, **self._arguments)
        self._facts["sync"] = result
        missing = _missing(staged, id_map.runs)
        if missing and result.stopped_by is None:  # beyond the filters or the start date: loaded by id before, too
            result = sync(staged, run_ids=list(missing.values()), progress=self._progress, **self._arguments)
            missing = _missing(staged, missing)
        self._facts.update(loaded=len(id_map.runs) - len(missing), missing=list(missing)[:_MAX_NAMED])
        if result.stopped_by is not None:
            return "stopped"
        return "incomplete" if missing and not leave_missing else None

    def _result(self, state: State, *, requests: int | None = None) -> MigrateResult:
        pipeline = self._pipeline
        sent = self._sent.requests + self._progress.requests.requests
        return MigrateResult(
            state=state,
            destination=location(pipeline),
            dataset=pipeline.dataset_name,
            staged_dataset=self._staged,
            backup_dataset=self._backup,
            requests=sent if requests is None else requests,
            **self._facts,
        )


def _is_ours(view: str) -> bool:
    return view in MODELS or view.endswith(CURRENT_SUFFIX)


def _missing(staged: dlt.Pipeline, runs: Mapping[str, str]) -> dict[str, str]:
    """The runs that have not landed, by their old ids."""
    there = LandedData(staged, SECTION).runs(runs.values())
    return {old_id: new_id for old_id, new_id in runs.items() if new_id not in there}


def _count_in(pipeline: dlt.Pipeline, dataset: str) -> int:
    """Count the runs of another dataset of the same database; one without the table has none."""
    if PROCESSOR_RUNS.name not in tables_in(pipeline, dataset):
        return 0
    with pipeline.sql_client(SECTION) as client:
        name = f"{client.escape_column_name(dataset)}.{client.escape_column_name(PROCESSOR_RUNS.name)}"
        return int((client.execute_sql(f"SELECT count(*) FROM {name}") or [[0]])[0][0])


def _unknown_erasures(found: Mapping[str, str]) -> UsageError:
    named = ", ".join(
        f"{object_id} ({reason.replace('_', ' ')})" for object_id, reason in list(found.items())[:_MAX_NAMED]
    )
    more = f" and {len(found) - _MAX_NAMED:,} more" if len(found) > _MAX_NAMED else ""
    return UsageError(
        f"Erased objects would come back, as nothing tells their ids in API {CURRENT_VERSION}: {named}{more}",
        "Delete them at Extend, then run the same command again; or let them come back with --load-unknown-erasures "
        "(load_unknown_erasures=True), and erase them then",
        error_code=ErrorCode.ERASED_WOULD_RETURN,
    )
