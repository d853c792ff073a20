"""Running a sync to its end: what an earlier one left pending first, then what is new."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import dlt
from dlt.common.pipeline import LoadInfo
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source.api import ExtendError
from extend_source.progress import SyncProgress
from extend_source.source import extend_source


@dataclass(frozen=True)
class SyncResult:
    """What a sync did.

    Attributes:
        listed: runs seen in the listing.
        known: runs that had landed and not changed.
        fetched: runs fetched and loaded.
        failed: runs that went to ``fetch_errors``.
        files_fetched: files whose contents were fetched.
        files_failed: files whose contents went to ``fetch_errors``.
        requests: requests sent, by endpoint.
        retries: how many of the requests were second or later attempts.
        throttled: 429 answers.
        seconds_waiting: seconds in which the request budget held requests back.
        bytes_received: bytes of the bodies as they came over the wire.
        seconds: seconds the sync took.
        stopped: it was asked to stop; the rest is left for the next sync.
        left: runs that were to be fetched and were not.
        destination: where the rows are, without any password.
        dataset: the dataset (schema) they are in.
        errors: the first few failures by the id of the run or file; all of them are in ``fetch_errors``.
        load_ids: dlt's ids of the loads, the pending ones finished first among them.
    """

    listed: int
    known: int
    fetched: int
    failed: int
    files_fetched: int
    files_failed: int
    requests: dict[str, int]
    retries: int
    throttled: int
    seconds_waiting: float
    bytes_received: int
    seconds: float
    stopped: bool
    left: int
    destination: str
    dataset: str
    errors: dict[str, str] = field(default_factory=dict)
    load_ids: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Tell whether everything that was wanted was loaded."""
        return not self.failed and not self.files_failed


def sync(pipeline: dlt.Pipeline, *, progress: SyncProgress | None = None, **arguments: Any) -> SyncResult:
    """Bring a pipeline's destination up to date.

    A load that an earlier run left pending is finished first: dlt would otherwise load only that one.

    Args:
        pipeline: any dlt pipeline.
        progress: filled while the sync runs.
        **arguments: as for `extend_source`.

    Returns:
        What was done. Runs that could not be loaded are rows in ``fetch_errors``, not an exception.

    Raises:
        ExtendError: the API refused everything, or cannot be reached; one clear line.
        PipelineStepFailed: loading failed.
        ConfigurationValueError: a setting has a value that it does not take.
    """
    counts = progress or SyncProgress()
    load_ids: list[str] = []
    try:
        if pipeline.has_pending_data:
            load_ids += _load_ids(pipeline.run())
        load_ids += _load_ids(pipeline.run(extend_source(progress=counts, **arguments)))
    except PipelineStepFailed as failure:
        error = extend_error_in(failure)
        if error is None:
            raise
        raise error from None
    sent = counts.requests
    return SyncResult(
        listed=counts.listed,
        known=counts.known,
        fetched=counts.fetched,
        failed=counts.failed,
        files_fetched=counts.files_fetched,
        files_failed=counts.files_failed,
        requests=dict(sent.requests_by_endpoint),
        retries=sent.retries,
        throttled=sent.throttled,
        seconds_waiting=round(sent.seconds_waiting, 3),
        bytes_received=sent.bytes_received,
        seconds=round(counts.seconds, 3),
        stopped=counts.stop_requested,
        left=counts.wanted - counts.fetched - counts.failed,
        destination=_location(pipeline),
        dataset=pipeline.dataset_name,
        errors=dict(counts.errors),
        load_ids=load_ids,
    )


def extend_error_in(failure: BaseException) -> ExtendError | None:
    """Find the API's error behind a failed pipeline step."""
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, ExtendError):
            return seen
        seen = getattr(seen, "exception", None) or seen.__cause__ or seen.__context__
    return None


def _location(pipeline: dlt.Pipeline) -> str:
    """Name the destination and where it is, as dlt shows it: passwords are left out."""
    with pipeline.destination_client() as client:
        credentials = getattr(client.config, "credentials", None)
    return " ".join(str(part) for part in (pipeline.destination.destination_name, credentials) if part)


def _load_ids(info: LoadInfo | None) -> list[str]:
    return list(info.loads_ids) if info else []
