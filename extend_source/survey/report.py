"""The report of a survey, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, metadata

from extend_source.survey.answers import Question, is_descending
from extend_source.survey.sample import KindSample, Sample

MARK = "<!-- Written by extend-source check --compare, which may write it anew. -->"
"""The first line of each report: a file that begins otherwise is not replaced."""

_ABOUT_LIMITS = ("ratelimit", "rate-limit", "retry-after", "quota")


@dataclass(frozen=True)
class Survey:
    """What a report is written of.

    Attributes:
        samples: what was read of each version.
        questions: the open questions of each version, answered.
        headers: the names of the headers of all answers, in lower case.
        requests: how many requests it took.
        deployment: the deployment's name.
        package: name and version of this package.
        day: when it was read.
    """

    samples: Sequence[Sample]
    questions: dict[str, list[Question]]
    headers: frozenset[str]
    requests: int
    deployment: str
    package: str
    day: date


def report_of(survey: Survey) -> str:
    """Write the report.

    Args:
        survey: what was read.

    Returns:
        Markdown: names of keys, JSON types, counts and members of enums, and no value of what was read.
    """
    return "\n".join(_lines(survey)) + "\n"


def difference_rows(samples: Iterable[Sample]) -> list[tuple[str, str, str, str, str]]:
    """List the differences: version, where, path, what, and how many of the bodies show it."""
    return [
        (
            sample.api_version,
            where,
            f"`{each.path}`",
            f"{each.what}: {each.detail}" if each.detail else each.what,
            f"{count} of {kind.bodies[where]}",
        )
        for sample in samples
        for kind in sample.kinds.values()
        for (where, each), count in sorted(kind.found.items())
    ]


def _lines(survey: Survey) -> Iterator[str]:
    versions = " and ".join(sample.api_version for sample in survey.samples)
    yield from (MARK, "# The Extend API, compared with what this package expects", "")
    yield f"{survey.package}, API {versions}, deployment {survey.deployment}, {survey.day}, {survey.requests} requests."
    yield ""
    yield "This report has names of keys, JSON types, counts, and members of enums. It has no ids, no texts, no numbers"
    yield "from documents, no links, and no names of fields, of metadata or of schema properties."
    yield from ("", "## Differences", "")
    rows = difference_rows(survey.samples)
    yield from _table(("API", "in", "path", "difference", "bodies"), rows) if rows else ["no differences"]
    yield from ("", "## What the key may read", "")
    yield from _table(
        ("API", "list", "may read", "rows", "goes on", "order asked for", "read by id", "not read"),
        [_list_row(sample, kind) for sample in survey.samples for kind in sample.kinds.values()],
    )
    yield from ("", "## Headers about limits", "")
    headers = sorted(name for name in survey.headers if any(part in name for part in _ABOUT_LIMITS))
    yield ", ".join(f"`{name}`" for name in headers) if headers else "none"
    for version, questions in survey.questions.items():
        yield from ("", f"## Open questions about API {version}", "")
        yield from _table(
            ("expected", "answer", "seen"), [(each.statement, each.state, each.seen) for each in questions]
        )
    yield from ("", "## What to do with it", "")
    yield f"Read it, and send it as an issue to {_repository()}: that mends what differs."


def _list_row(sample: Sample, kind: KindSample) -> tuple[str, ...]:
    order = is_descending(kind.rows, "updatedAt") if kind.kind.is_sortable else None
    kept = {True: "kept", False: "not kept", None: "could not be seen" if kind.kind.is_sortable else "none"}[order]
    asked = f"{len(kind.rows):,} of {kind.kind.page_size:,}"
    yes = kind.answer == "yes" and bool(kind.kind.list_key)
    read = str(len(kind.objects)) if kind.kind.objects else ""
    return (
        sample.api_version,
        f"`{kind.kind.path}`",
        kind.answer,
        asked if yes else "",
        ("yes" if kind.has_more else "no") if yes else "",
        kept if yes else "",
        read if kind.answer == "yes" else "",
        str(kind.unread or ""),
    )


def _repository() -> str:
    """Name the project's repository, where the package says which it is."""
    try:
        urls = metadata("dlt-source-extend").get_all("Project-URL") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        urls = []
    return next((url.partition(",")[2].strip() for url in urls), "the repository that this package came from")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
