"""Comparing the real API with what this package expects, for whoever has a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION, DEPLOYMENTS, ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.ingest.client import run_to_end
from extend_source.survey.newer_questions import newer_questions
from extend_source.survey.older_questions import older_questions
from extend_source.survey.reader import Reader
from extend_source.survey.report import MARK, Survey, difference_rows, report_of


@dataclass(frozen=True)
class CompareResult:
    """What a comparison found.

    Attributes:
        file: the report.
        differences: how many differences it lists.
        confirmed: open questions that are as expected.
        differing: open questions that are not.
        requests: requests that were sent.
    """

    file: Path
    differences: int
    confirmed: int
    differing: int
    requests: int


def writable_report(file: Path) -> Path:
    """Refuse a file that cannot become a report.

    Args:
        file: where the report goes.

    Returns:
        The file.

    Raises:
        UsageError: its folder is not there, or it is a file that no comparison has written.
    """
    if not file.parent.is_dir():
        raise UsageError(
            f"There is no folder {file.parent}",
            "Make it, or name another file with --compare",
            error_code=ErrorCode.BAD_COMMAND,
        )
    if file.is_dir():
        raise UsageError(f"{file} is a folder", "Name a file with --compare", error_code=ErrorCode.BAD_COMMAND)
    if file.exists() and not file.read_bytes().startswith(MARK.encode()):
        raise UsageError(
            f"{file} exists, and no comparison has written it",
            "Name another file with --compare",
            error_code=ErrorCode.FILE_EXISTS,
        )
    return file


def compare(settings: ExtendSettings, file: Path, say: Callable[[str], None] = lambda text: None) -> CompareResult:
    """Read a few objects of each kind, and write a report of where they differ from what is expected.

    Args:
        settings: key, deployment, workspace and request budget; both versions are asked, whichever is set.
        file: where the report goes; a report that is there is replaced.
        say: is told what is being read.

    Returns:
        What was found.

    Raises:
        UsageError: the file cannot become a report.
    """
    writable_report(file)
    survey = run_to_end(_survey(settings, say))
    file.write_text(report_of(survey), "utf-8")
    states = [each.state for questions in survey.questions.values() for each in questions]
    return CompareResult(
        file, len(difference_rows(survey.samples)), states.count("confirmed"), states.count("differs"), survey.requests
    )


async def _survey(settings: ExtendSettings, say: Callable[[str], None]) -> Survey:
    reader = Reader(settings, say)
    older = await reader.read(API_VERSION)
    newer = await reader.read(CURRENT_VERSION, older)
    await reader.read_parser_run(older, newer)
    return Survey(
        samples=(older, newer),
        questions={
            API_VERSION: older_questions(older, newer if newer.is_answered else None),
            CURRENT_VERSION: newer_questions(newer, older if older.is_answered else None),
        },
        headers=frozenset(reader.headers),
        requests=reader.statistics.requests,
        deployment=next((name for name, url in DEPLOYMENTS.items() if url == settings.base_url), "of its own"),
        package=_package(),
        day=datetime.now(timezone.utc).date(),
    )


def _package() -> str:
    try:
        return f"dlt-source-extend {version('dlt-source-extend')}"
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "dlt-source-extend"
