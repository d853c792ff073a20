"""Runs of one version of the API matched with those of another: what they have alike, and what they tell of others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from extend_source.pipeline.landed import LandedData
from extend_source.tables.schemas import PROCESSOR_RUN_FILES

Reason = Literal["not_listed", "ambiguous", "files_differ", "no_run"]


class ListedRun(NamedTuple):
    """What a list says of a run; `files` is empty where it does not say them."""

    id: str
    type: str | None
    created_at: datetime | None
    processor_id: str | None
    processor_version_id: str | None
    processor_name: str | None
    files: tuple[str, ...]

    @property
    def attributes(self) -> tuple[Any, ...]:
        """What is the same in both versions."""
        return self.created_at, self.type, self.processor_name


def match_by_attributes(
    old_runs: Iterable[ListedRun], new_runs: Iterable[ListedRun]
) -> tuple[dict[str, ListedRun], dict[str, Reason]]:
    """Match runs of two lists by creation time, type and processor's name; of several alike by their files.

    Args:
        old_runs: the runs of one list; without files: they are not known.
        new_runs: the runs of the other list.

    Returns:
        The other run by the id of the one, and why there is none.
    """
    groups: dict[tuple[Any, ...], tuple[list[ListedRun], list[ListedRun]]] = defaultdict(lambda: ([], []))
    for place, runs in enumerate((old_runs, new_runs)):
        for run in runs:
            groups[run.attributes][place].append(run)
    matched: dict[str, ListedRun] = {}
    reasons: dict[str, Reason] = {}
    for attributes, (olds, news) in groups.items():
        counts = [Counter(run.files for run in runs) for runs in (olds, news)]
        for run in olds:
            alike = news if len(olds) == len(news) == 1 else [each for each in news if each.files == run.files]
            is_one = len(olds) == len(news) == 1 or (run.files and counts[0][run.files] == len(alike) == 1)
            if None in attributes[:2] or not is_one:
                reasons[run.id] = "ambiguous" if news else "not_listed"
            elif run.files and alike[0].files and run.files != alike[0].files:
                reasons[run.id] = "files_differ"
            else:
                matched[run.id] = alike[0]
    return matched, reasons


class MatchedProcessors:
    """The processors, and their versions, of runs that were matched."""

    def __init__(self) -> None:
        self._pairs: set[tuple[str, str, str]] = set()

    def note(self, old: Iterable[str | None], run: ListedRun) -> None:
        """Note a run that was matched: the old ids of its processor and of the version, and the run that is listed."""
        new = (run.processor_id, run.processor_version_id)
        for kind, old_id, new_id in zip(("processor", "processor_version"), old, new, strict=True):
            if old_id and new_id:
                self._pairs.add((kind, old_id, new_id))

    def matched(self) -> dict[tuple[str, str], str | None]:
        """The new ids; None where one id stands beside several."""
        olds = Counter((kind, old_id) for kind, old_id, _ in self._pairs)
        news = Counter((kind, new_id) for kind, _, new_id in self._pairs)
        return {
            (kind, old_id): new_id if olds[kind, old_id] == news[kind, new_id] == 1 else None
            for kind, old_id, new_id in sorted(self._pairs)
        }


class MatchedFiles:
    """Whether the files of runs that were matched have the same ids."""

    def __init__(self) -> None:
        self._verdicts: set[bool] = set()

    def compare(self, landed: LandedData, runs: Mapping[str, ListedRun]) -> None:
        """Compare the files that have landed with those that are listed, of runs by their old ids."""
        known: dict[str, list[str]] = defaultdict(list)
        for run_id, file_id in landed.lookup(PROCESSOR_RUN_FILES, ("run_id", "file_id"), runs):
            known[run_id].append(file_id)
        for run_id, files in known.items():
            if runs[run_id].files:  # a file may have been deleted since, or erased
                self._verdicts.add(bool(set(files) & set(runs[run_id].files)))

    @property
    def are_kept(self) -> bool | None:
        """Tell whether the ids are the same; None: no run has told."""
        return self._verdicts == {True} if self._verdicts else None
