"""The quality report: how complete, how right, how sure and how fast the results are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

import dlt

from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.pipeline.read_only import location, viewed
from extend_source.reports.catalogue import QUALITY_QUERIES
from extend_source.reports.queries import QueryResult, load_query
from extend_source.reports.runner import QueryRunner

_FOLDER = "quality"


@dataclass(frozen=True)
class QualityReport:
    """The results of quality queries.

    Attributes:
        pipeline: the name of the pipeline.
        destination: where the rows are, without any password.
        dataset: the dataset (schema) they are in.
        at: when they were asked for, UTC.
        queries: the results, in the order asked for.
    """

    pipeline: str
    destination: str
    dataset: str
    at: datetime
    queries: list[QueryResult]


def quality_report(pipeline: dlt.Pipeline, names: Iterable[str] | None = None) -> QualityReport:
    """Run quality queries on what a pipeline has landed. No API key is needed, and nothing is changed.

    Args:
        pipeline: any dlt pipeline; what it has not landed is missing from the results, which say so.
        names: the queries, of `QUALITY_QUERIES`; None for all.

    Returns:
        The rows, with what they mean.

    Raises:
        UsageError: there is no query of a name, or the destination takes no SQL.
        SyncUnderWay: the pipeline is being synced into a DuckDB file, which one process at a time can open.
        PipelineStepFailed: the destination cannot be read.
    """
    chosen = QUALITY_QUERIES if names is None else tuple(dict.fromkeys(names))
    for name in chosen:
        if name not in QUALITY_QUERIES:
            raise UsageError(
                f"There is no quality query {name!r}",
                f"Choose from {', '.join(QUALITY_QUERIES)}",
                error_code=ErrorCode.BAD_COMMAND,
            )
    queries = [load_query(_FOLDER, name) for name in chosen]
    now = datetime.now(timezone.utc)
    with viewed(pipeline) as view, QueryRunner.on(view) as runner:
        runner.prefer_hash_joins()
        with runner.bounded_memory():
            results = [runner.run(query) for query in queries]
    return QualityReport(pipeline.pipeline_name, location(pipeline), pipeline.dataset_name, now, results)
