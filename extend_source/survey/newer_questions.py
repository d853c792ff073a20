"""What is open about API 2026-02-09, as far as reading can answer it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from extend_source.survey.answers import Question, counted_cases, ids, is_descending, moment_of, objects_in, unseen
from extend_source.survey.kinds import NEWER_RUNS
from extend_source.survey.older_questions import about_extractions
from extend_source.survey.reader import runs_within
from extend_source.survey.sample import Payload, Sample


def newer_questions(sample: Sample, older: Sample | None) -> list[Question]:
    """Answer what is open.

    Args:
        sample: what was read of API 2026-02-09.
        older: what was read of API 2025-04-21; None: nothing.

    Returns:
        The questions, those that reading cannot answer at the end.
    """
    return [
        *_about_parse_runs(sample),
        *_about_runs(sample),
        *about_extractions(sample.objects("/extract_runs")),
        *_about_workflow_runs(sample),
        *_about_ids(sample, older),
        *_unanswerable(),
    ]


def _about_parse_runs(sample: Sample) -> Iterator[Question]:
    order = is_descending(sample.rows("/parse_runs"), "createdAt")
    statement = "`GET /parse_runs`, which takes no order, has the newest first"
    yield counted_cases(statement, [] if order is None else [order], "lists of two or more")
    statement = "The parse run that only one run names has that run as its `sourceId`"
    yield counted_cases(statement, [] if sample.parse_source is None else [sample.parse_source], "runs")
    by_file: dict[str, list[Payload]] = defaultdict(list)
    for run in sample.rows(*NEWER_RUNS):
        file = run.get("file")
        if isinstance(file, dict) and run.get("status") == "PROCESSED":
            by_file[str(file.get("id"))].append(run)
    again = [run for runs in by_file.values() if len(runs) > 1 for run in runs]
    statement = "A run names its parse run in `parseRunId`, also where another run of the file had it parsed"
    yield counted_cases(statement, [run.get("parseRunId") is not None for run in again], "runs of files with several")


def _about_runs(sample: Sample) -> Iterator[Question]:
    yield counted_cases(
        "A PROCESSED run has an `output`",
        [bool(run.get("output")) for run in sample.objects(*NEWER_RUNS) if run.get("status") == "PROCESSED"],
        "such runs",
    )
    configs = [run.get("config") for run in sample.objects("/extract_runs")]
    yield counted_cases(
        "The `config` of an extract run has its schema, or its fields",
        [isinstance(each, dict) and bool(each.keys() & {"schema", "fields"}) for each in configs],
        "extract runs",
    )
    pairs = [
        (moment_of(row, "updatedAt"), moment_of(kind.objects[str(row.get("id"))], "updatedAt"))
        for path in NEWER_RUNS
        if path in sample.kinds
        for kind in (sample.kinds[path],)
        for row in kind.rows
        if str(row.get("id")) in kind.objects
    ]
    yield counted_cases(
        "`updatedAt` is the same in the list and in the run", [one == other for one, other in pairs], "runs"
    )


def _about_workflow_runs(sample: Sample) -> Iterator[Question]:
    workflow_runs = sample.objects("/workflow_runs")
    parsed = [run for each in workflow_runs for run in runs_within(each, "parseRun")]
    yield counted_cases(
        "Parse runs inside step runs have their `output`, not a link to it",
        [isinstance(run.get("output"), dict) for run in parsed if run.get("status") == "PROCESSED"],
        "PROCESSED parse runs inside step runs",
    )
    statement = "A run inside a step run equals the run that its own endpoint has"
    yield counted_cases(statement, [sample.own_run[0] == sample.own_run[1]] if sample.own_run else [], "extract runs")
    steps = list(objects_in(workflow_runs, lambda each: "stepType" in each))
    yield counted_cases(
        "Step runs in the state INVALIDATED are not returned",
        [step.get("status") != "INVALIDATED" for step in steps],
        "step runs",
    )


def _about_ids(sample: Sample, older: Sample | None) -> Iterator[Question]:
    statement = "Ids of files are the same in both versions"
    before = ids(older.rows("/files")) if older else set()
    yield counted_cases(statement, [each in before for each in ids(sample.rows("/files"))] if before else [], "files")
    statement = "A run is found by its id of API 2025-04-21, too"
    yield counted_cases(statement, [] if sample.older_run is None else [sample.older_run], "runs")


def _unanswerable() -> Iterator[Question]:
    yield unseen("`parseRunId` of a run with several files is the parse run of the first one")
    yield unseen("A batch is PROCESSED once all its runs have ended, however they ended")
    yield unseen("Runs of an evaluation set are listed under its `batchId`")
    yield unseen("A publish, or an edit of a draft, moves `updatedAt` of the definition")
    yield unseen("The usage of a workflow run that waits for a review is not final")
