"""Which runs of API 2026-02-09 are those of 2025-04-21: each has another id there, and no field names the old one.

Two ways to know. By suffix: what follows the prefix is the same, if one page of the runs created first, read in both
versions, agrees row by row, and no run that has landed speaks against it. Else by attributes: creation time, type and
processor's name, and where several runs share these the file; only what is the one of its kind in both lists counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from extend_source.api import CURRENT_VERSION, GENERATIONS, Endpoint, ExtendClient, RequestStatistics, lists_of
from extend_source.config.settings import API_VERSION, ExtendSettings
from extend_source.errors import EndpointRemoved, InvalidRequest, NotFound, ObjectRefused, UnsupportedApiVersion
from extend_source.ingest.client import budget_of, client_for
from extend_source.ingest.run_matching import ListedRun, MatchedFiles, MatchedProcessors, Reason, match_by_attributes
from extend_source.pipeline.landed import LandedData
from extend_source.tables.kinds import to_timestamp
from extend_source.tables.schemas import PROCESSOR_RUN_FILES, PROCESSOR_RUNS

MatchedBy = Literal["suffix", "attributes"]

_OLD_RUNS = GENERATIONS[API_VERSION][0]
"""The list of all runs; 2026-02-09 still serves it on the same path, with its own ids (SDK 1.20.0, processor_run)."""

_PREFIXES = {runs.run_type: runs.id_prefix for runs in lists_of(CURRENT_VERSION, "processor_run")}
_OLD_PREFIX = _OLD_RUNS.id_prefix
_WITH_IDS_THAT_BEGIN_ALIKE = ("evaluation_set", "evaluation_set_item")
"""Types that no request by id can tell of; their ids are taken to be the same in both versions."""
_BY_ID = [{each.object_type for each in GENERATIONS[of] if each.get_path} for of in (API_VERSION, CURRENT_VERSION)]
_READ_IN_BOTH = sorted(set.intersection(*_BY_ID) - {"processor_run"})
"""Types of which either version has a GET, but for processor runs, which the lists of both tell."""
_NO_SUCH_LIST = (EndpointRemoved, InvalidRequest, NotFound, ObjectRefused)

_LANDED = ("id", "type", "created_at", "processor_id", "processor_version_id")


class MatchedId(NamedTuple):
    """A row of ``migrated_ids`` without its time."""

    old_id: str
    resource_type: str
    new_id: str | None
    matched_by: str | None
    is_listed: bool
    reason: str | None


@dataclass
class IdMap:
    """The ids of what has landed in API 2025-04-21, and what they are in 2026-02-09.

    Attributes:
        matched_by: how runs were matched.
        runs: the new ids of runs that are listed in the new version, by the old ones.
        unlisted: the new ids of runs that are not listed there, as their suffix says.
        reasons: why a run that has landed is not in `runs`.
        processors: the new ids of processors and of their versions, by type and old id; None: their runs do not agree.
        keeps_file_ids: files have the same ids in both versions; None: no run told.
        listed: the runs that the new version lists, by type.
        erased: the ids under which what was erased must not land, by type and old id; the old one is among them.
        kept_out: runs that are listed and were erased.
        unknown_erasures: erased objects that may come back under an id that nothing tells; with the reason.
    """

    matched_by: MatchedBy
    runs: dict[str, str] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, Reason] = field(default_factory=dict)
    processors: dict[tuple[str, str], str | None] = field(default_factory=dict)
    keeps_file_ids: bool | None = None
    listed: Counter[str] = field(default_factory=Counter)
    erased: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    kept_out: int = 0
    unknown_erasures: dict[str, Reason] = field(default_factory=dict)

    def rows(self) -> Iterator[MatchedId]:
        """Yield the rows of ``migrated_ids``."""
        for old_id, new_id in self.runs.items():
            yield MatchedId(old_id, "processor_run", new_id, self.matched_by, True, None)
        for old_id, reason in self.reasons.items():
            known = self.unlisted.get(old_id)
            yield MatchedId(old_id, "processor_run", known, self.matched_by if known else None, False, reason)
        for (kind, old_id), processor in self.processors.items():
            if (kind, old_id) in self.erased:
                continue
            matched = ("runs", True, None) if processor else (None, False, "ambiguous")
            yield MatchedId(old_id, kind, processor, *matched)


async def read_id_map(
    settings: ExtendSettings, landed: LandedData, statistics: RequestStatistics, may_send: Callable[[], bool]
) -> IdMap:
    """List the runs under the new version, and find those that have landed or were erased under the old one.

    Args:
        settings: key, deployment, workspace and request budget.
        landed: what the dataset of 2025-04-21 holds.
        statistics: where requests are counted: two for the proof, one for each 1,000 runs of a type, one for each
            erased run that is not listed, one for each 1,000 processors where no run tells an erased
            one; without a proof one for each 1,000 runs more.
        may_send: asked before each request; once it says no, `Withdrawn` is raised.

    Returns:
        The map.

    Raises:
        ApiError: the API refused everything, or cannot be reached.
    """
    budget = budget_of(settings)
    older, newer = (replace(settings, api_version=version) for version in (API_VERSION, CURRENT_VERSION))
    async with (
        client_for(older, statistics, budget, may_send=may_send) as old,
        client_for(newer, statistics, budget, may_send=may_send) as new,
    ):
        id_map: IdMap | None = None
        served: ExtendClient | None = old
        try:
            if await _suffixes_agree(old, new):
                id_map = await _by_suffix(old, new, landed)
        except UnsupportedApiVersion:  # the older one is served no longer: what has landed is the proof
            id_map, served = await _by_suffix(None, new, landed), None
            if id_map is None or not id_map.runs:
                raise
        if id_map is None:
            id_map = await _by_attributes(old, new, landed)
        await _find_other_erasures(id_map, served, new, landed)
    erased = landed.erased("processor_run")
    for old_id in erased:  # where a kill has left rows of it
        id_map.runs.pop(old_id, None)
        id_map.reasons.pop(old_id, None)
    for old_id, run_type in landed.rows(PROCESSOR_RUNS, ("id", "type")):
        if old_id not in erased:
            _note_missing(id_map, old_id, run_type)
    return id_map


def _note_missing(id_map: IdMap, run_id: str, run_type: str | None) -> None:
    if run_id in id_map.runs:
        return
    id_map.reasons.setdefault(run_id, "not_listed")
    new_id = _renamed(run_id, run_type) if id_map.matched_by == "suffix" else None
    if new_id is not None:
        id_map.unlisted[run_id] = new_id


async def _suffixes_agree(old: ExtendClient, new: ExtendClient) -> bool:
    """Read the page of the runs created first, which later runs do not move, in both versions; compare it."""
    try:
        pages = [await _first_page(client) for client in (old, new)]
    except _NO_SUCH_LIST:
        return False
    return bool(pages[0]) and len(pages[0]) == len(pages[1]) and all(map(_is_same_run, *pages))


async def _first_page(client: ExtendClient) -> list[dict[str, Any]]:
    async for page in client.pages(_OLD_RUNS, sort_by="createdAt", sort_dir="asc"):
        return page.summaries
    return []


def _is_same_run(old: dict[str, Any], new: dict[str, Any]) -> bool:
    told = all(old.get(name) == new.get(name) for name in ("type", "createdAt", "processorName"))
    return told and new.get("id") is not None and new.get("id") == _renamed(str(old.get("id")), old.get("type"))


def _renamed(old_id: str, run_type: str | None) -> str | None:
    """The id in 2026-02-09, if suffixes agree; None: it is no usual id, or the type is not known."""
    prefix = _PREFIXES.get(str(run_type))
    return prefix + old_id.removeprefix(_OLD_PREFIX) if prefix and old_id.startswith(_OLD_PREFIX) else None


async def _by_suffix(old: ExtendClient | None, new: ExtendClient, landed: LandedData) -> IdMap | None:
    """Match by suffix, a page at a time; None: a run that has landed speaks against it."""
    id_map, processors, files = IdMap("suffix"), MatchedProcessors(), MatchedFiles()
    erased = landed.erased("processor_run")
    async for page in _pages_of_ids(new):
        id_map.listed.update(str(run.type) for run in page)
        by_old_id = {_OLD_PREFIX + run.id.removeprefix(_PREFIXES[str(run.type)]): run for run in page}
        for old_id in erased.intersection(by_old_id):
            id_map.erased["processor_run", old_id] = (old_id, by_old_id[old_id].id)
            id_map.kept_out += 1
        for old_id in erased.intersection(run.id for run in page):  # erased under its new id already
            id_map.erased["processor_run", old_id] = (old_id,)
            id_map.kept_out += 1
        for old_id, run_type, created_at, *of_processor in landed.lookup(PROCESSOR_RUNS, _LANDED, by_old_id):
            run = by_old_id[old_id]
            if _differ(run_type, run.type) or _differ(created_at, run.created_at):
                return None
            id_map.runs[old_id] = run.id
            processors.note(of_processor, run)
        files.compare(landed, by_old_id)
    for old_id in sorted(erased.difference(old_id for _, old_id in id_map.erased)):
        if old is not None and not await _is_gone(old, "processor_run", old_id):
            id_map.unknown_erasures[old_id] = "not_listed"  # it is there, under an id that is not the one expected
            continue
        # whatever its type was, it must not land should it be listed again
        ids = tuple(filter(None, (_renamed(old_id, run_type) for run_type in _PREFIXES)))
        id_map.erased["processor_run", old_id] = (old_id, *ids)
    id_map.processors, id_map.keeps_file_ids = processors.matched(), files.are_kept
    return id_map


async def _by_attributes(old: ExtendClient, new: ExtendClient, landed: LandedData) -> IdMap:
    """Match by what both lists say of a run, read one after the other."""
    id_map, processors, files = IdMap("attributes"), MatchedProcessors(), MatchedFiles()
    old_runs = {run.id: run async for page in _pages(old, [_OLD_RUNS]) for run in page}
    new_runs = [run async for page in _pages(new, _new_lists()) for run in page]
    id_map.listed.update(str(run.type) for run in new_runs)
    files_of: dict[str, list[str]] = defaultdict(list)
    for run_id, file_id in landed.lookup(PROCESSOR_RUN_FILES, ("run_id", "file_id"), old_runs):
        files_of[run_id].append(file_id)
    told = [run._replace(files=tuple(sorted(files_of[run.id]))) for run in old_runs.values()]
    matched, reasons = match_by_attributes(told, new_runs)
    for old_id, run_type, created_at, *of_processor in landed.lookup(PROCESSOR_RUNS, _LANDED, old_runs):
        if old_id not in matched:
            id_map.reasons[old_id] = reasons[old_id]
        elif not (_differ(run_type, matched[old_id].type) or _differ(created_at, matched[old_id].created_at)):
            id_map.runs[old_id] = matched[old_id].id
            processors.note(of_processor, matched[old_id])
    files.compare(landed, matched)
    for old_id in sorted(landed.erased("processor_run")):
        if old_id in matched:
            id_map.erased["processor_run", old_id] = (old_id, matched[old_id].id)
            id_map.kept_out += 1
        elif old_id not in old_runs and await _is_gone(old, "processor_run", old_id):
            id_map.erased["processor_run", old_id] = (old_id,)
        else:
            id_map.unknown_erasures[old_id] = reasons.get(old_id, "not_listed")
    id_map.processors, id_map.keeps_file_ids = processors.matched(), files.are_kept
    return id_map


async def _find_other_erasures(id_map: IdMap, old: ExtendClient | None, new: ExtendClient, landed: LandedData) -> None:
    """Find the new ids of what was erased and is no processor run."""
    for kind in _WITH_IDS_THAT_BEGIN_ALIKE:
        id_map.erased.update(((kind, erased_id), (erased_id,)) for erased_id in landed.erased(kind))
    await _find_erased_processors(id_map, old, landed)
    for kind in _READ_IN_BOTH:
        older, newer = (_prefix_of(kind, version) for version in (API_VERSION, CURRENT_VERSION))
        for old_id in sorted(landed.erased(kind)):
            new_id = newer + old_id.removeprefix(older) if old_id.startswith(older) else old_id
            # where runs have not told: the new version has it under that id, or the old one has lost it
            is_known = (kind == "file" and id_map.keeps_file_ids) or not await _is_gone(new, kind, new_id)
            if is_known or (old is not None and await _is_gone(old, kind, old_id)):
                id_map.erased[kind, old_id] = tuple(dict.fromkeys((old_id, new_id)))
            else:
                id_map.unknown_erasures[old_id] = "not_listed"


async def _find_erased_processors(id_map: IdMap, old: ExtendClient | None, landed: LandedData) -> None:
    """Find the new ids of erased processors and versions, which runs tell alone."""
    erasures = sorted(each for each in landed.erasures() if each[1] in ("processor", "processor_version"))
    with_processor = {erased_at for _, kind, erased_at in erasures if kind == "processor"}
    unknown = set[str]()
    for old_id, kind, erased_at in erasures:
        if (known := id_map.processors.get((kind, old_id))) is not None:
            id_map.erased[kind, old_id] = (old_id, known)
        elif kind == "processor_version" and erased_at in with_processor:  # a part of it, not listed without it
            id_map.erased[kind, old_id] = (old_id,)
        else:
            id_map.unknown_erasures[old_id] = "ambiguous" if (kind, old_id) in id_map.processors else "no_run"
            unknown.update([old_id] if kind == "processor" else ())
    if unknown and old is not None:  # those that are gone at Extend cannot come back
        (processors,) = lists_of(API_VERSION, "processor")
        async for page in old.pages(processors):
            unknown.difference_update(summary.get("id") for summary in page.summaries)
        for old_id in unknown:
            del id_map.unknown_erasures[old_id]
            id_map.erased["processor", old_id] = (old_id,)


def _prefix_of(object_type: str, api_version: str) -> str:
    return next(each.id_prefix for each in GENERATIONS[api_version] if each.object_type == object_type)


async def _is_gone(client: ExtendClient, object_type: str, object_id: str) -> bool:
    try:
        await client.find(object_type, object_id)
    except (NotFound, InvalidRequest):
        return True
    return False


def _differ(one: Any, other: Any) -> bool:
    return one is not None and other is not None and bool(one != other)


def _new_lists() -> list[Endpoint]:
    return [_with_files(runs) for runs in lists_of(CURRENT_VERSION, "processor_run")]


def _with_files(runs: Endpoint) -> Endpoint:
    """The list with the ids of the runs' files, which are left to the run itself otherwise."""

    def summary(row: dict[str, Any]) -> dict[str, Any]:
        files = row.get("files") if isinstance(row.get("files"), list) else [row.get("file")]
        return {**runs.adapt_summary(row), "files": files}

    return replace(runs, adapt_summary=summary)


async def _pages_of_ids(new: ExtendClient) -> AsyncIterator[list[ListedRun]]:
    """The runs of the new version whose ids have the prefix of their type."""
    async for page in _pages(new, _new_lists()):
        yield [run for run in page if run.id.startswith(_PREFIXES[str(run.type)])]


async def _pages(client: ExtendClient, lists: Iterable[Endpoint]) -> AsyncIterator[list[ListedRun]]:
    for runs in lists:
        async for page in client.pages(runs, sort_by="createdAt", sort_dir="desc"):
            yield [_run(summary) for summary in page.summaries if isinstance(summary.get("id"), str)]


def _run(summary: Mapping[str, Any]) -> ListedRun:
    files = summary.get("files")
    return ListedRun(
        id=summary["id"],
        type=summary.get("type"),
        created_at=_time(summary.get("createdAt")),
        processor_id=summary.get("processorId"),
        processor_version_id=summary.get("processorVersionId"),
        processor_name=summary.get("processorName"),
        files=tuple(sorted(str(file["id"]) for file in files or () if isinstance(file, dict) and file.get("id"))),
    )


def _time(text: Any) -> datetime | None:
    try:
        return to_timestamp(text)
    except (ValueError, TypeError):
        return None
