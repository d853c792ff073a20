"""What is open about API 2025-04-21, as far as reading can answer it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from extend_source.survey.answers import Question, counted_cases, ids, is_descending, objects_in, suffix, unseen
from extend_source.survey.kinds import NEWER_RUNS
from extend_source.survey.sample import Payload, Sample


def older_questions(sample: Sample, newer: Sample | None) -> list[Question]:
    """Answer what is open.

    Args:
        sample: what was read of API 2025-04-21.
        newer: what was read of API 2026-02-09; None: nothing.

    Returns:
        The questions, those that reading cannot answer at the end.
    """
    return [*_about_files(sample), *_about_lists(sample, newer), *_about_outputs(sample), *_unanswerable()]


def _about_files(sample: Sample) -> Iterator[Question]:
    embedded = [file for run in sample.objects("/processor_runs") for file in _files(run)]
    listed = sample.rows("/files")
    noun = "files inside runs"
    yield counted_cases("Files inside a run have no `contents`", ["contents" not in each for each in embedded], noun)
    yield counted_cases("Files inside a run have `presignedUrl`", ["presignedUrl" in each for each in embedded], noun)
    yield counted_cases("Files inside a run have `usage`", ["usage" in each for each in embedded], noun)
    yield counted_cases(
        "`GET /files` lists neither `contents` nor `presignedUrl`",
        [not {"contents", "presignedUrl"} & each.keys() for each in listed],
        "files listed",
    )


def _about_lists(sample: Sample, newer: Sample | None) -> Iterator[Question]:
    runs = sample.rows("/processor_runs")
    yield _page_size(sample)
    order = is_descending(sample.without_order, "updatedAt")
    yield counted_cases(
        "Without an order, runs come by `updatedAt`, newest first", [] if order is None else [order], "short lists"
    )
    statement = "A page token leads to rows that were not on the page before"
    if sample.next_page is None:
        yield unseen(statement, "there was one page only")
    else:
        before = ids(sample.without_order)
        yield counted_cases(statement, [each not in before for each in ids(sample.next_page)], "rows of a next page")
    listed = ids(sample.rows("/processors"))
    named = {str(row.get("processorId")) for row in runs} if listed else set()
    cases = [each in listed for each in named]
    yield counted_cases("Runs name processors that are listed", cases, "processors of runs")
    compared: list[bool] = []
    if newer is not None and not _is_cut(sample, newer):
        suffixes = {suffix(each) for each in ids(newer.rows(*NEWER_RUNS))}
        compared = [suffix(each) in suffixes for each in ids(runs)]
    yield counted_cases("Ids of runs keep their suffix across versions", compared, "runs of lists that are not cut")
    parses = sample.kinds["/parser_runs"]
    cases = [] if parses.answer == "not asked" else [parses.answer == "yes"]
    yield counted_cases("Ids of parse runs keep their suffix across versions", cases, "parse runs")


def _page_size(sample: Sample) -> Question:
    runs = sample.kinds["/processor_runs"]
    statement, rows = f"A page of runs may have {runs.kind.page_size:,} rows", len(runs.rows)
    if rows >= runs.kind.page_size:
        return Question(statement, "confirmed", f"a page had {rows:,}")
    if runs.has_more:
        return Question(statement, "differs", f"a page that is not the last one had {rows:,}")
    return unseen(statement, "there are fewer runs")


def _is_cut(sample: Sample, newer: Sample) -> bool:
    parts = [sample.kinds["/processor_runs"], *(newer.kinds[path] for path in NEWER_RUNS)]
    return any(part.has_more or part.answer != "yes" for part in parts)


def _about_outputs(sample: Sample) -> Iterator[Question]:
    runs = sample.objects("/processor_runs")
    unfinished = [run for run in runs if run.get("status") != "PROCESSED"]
    yield counted_cases(
        "A run that is not PROCESSED has a null `output`",
        ["output" in run and run["output"] is None for run in unfinished],
        f"such runs{_how_empty(unfinished)}",
    )
    yield counted_cases(
        "`edits` of a run that was not edited is an empty object",
        [run.get("edits") == {} for run in runs if run.get("edited") is False],
        "such runs",
    )
    yield from about_extractions(runs)


def _how_empty(runs: list[Payload]) -> str:
    absent = sum("output" not in run for run in runs)
    empty = sum(run.get("output") == {} for run in runs)
    return f" ({empty} have an empty object, {absent} no such key)" if runs else ""


def about_extractions(runs: list[Payload]) -> Iterator[Question]:
    """Answer what is open about the outputs of extractions, in either version."""
    extractions = list(_extractions(runs))
    yield counted_cases(
        "A key of an output's `metadata` is the path of a value in it",
        [_leads_to_a_value(path, output["value"]) for _, output in extractions for path in output["metadata"]],
        "keys",
    )
    yield counted_cases(
        "A key of `edits` is a path that `metadata` has, too",
        [
            path in output["metadata"]
            for run, output in extractions
            if isinstance(run.get("edits"), dict)
            for path in run["edits"]
        ],
        "keys",
    )
    insights = [
        insight
        for _, output in extractions
        for entry in objects_in(output["metadata"], lambda each: "insights" in each)
        for insight in objects_in(entry["insights"], lambda each: "content" in each)
    ]
    yield counted_cases("Insights are `reasoning`", [each.get("type") == "reasoning" for each in insights], "insights")


def _extractions(runs: list[Payload]) -> Iterator[tuple[Payload, Payload]]:
    """Find the runs with an extraction by a schema, and that."""
    for run in runs:
        output = run.get("output")
        if isinstance(output, dict) and isinstance(output.get("metadata"), dict) and "value" in output:
            yield run, output


def _leads_to_a_value(path: str, value: Any) -> bool:
    for step in path.replace("[", ".[").split("."):
        if step.startswith("[") and step.endswith("]") and step[1:-1].isdecimal():
            if not isinstance(value, list) or int(step[1:-1]) >= len(value):
                return False
            value = value[int(step[1:-1])]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return False
    return True


def _files(run: Payload) -> list[Payload]:
    files = run.get("files")
    return [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []


def _unanswerable() -> Iterator[Question]:
    yield unseen("`updatedAt` moves on a review, a correction, and when credits settle")
    yield unseen("`processorName` of an old run is the name of that time")
    yield unseen("Run `metadata` has at most 10 KB")
    yield unseen("Retention deletes runs after a time that depends on the plan")
    yield unseen("API 2025-04-21 has an end-of-life date")
