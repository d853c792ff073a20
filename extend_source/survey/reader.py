"""Reads a few objects of each kind, one request after the other, within the request budget and a number of requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from extend_source.api import CURRENT_VERSION, ExtendClient, RequestBudget, RequestStatistics, RetryPolicy
from extend_source.api.paths import path_segment
from extend_source.api.shapes import differences, types_of
from extend_source.config.settings import API_VERSION, ExtendSettings
from extend_source.errors import ExtendError, Withdrawn
from extend_source.operations.check import answer_of
from extend_source.survey.answers import ids, suffix
from extend_source.survey.kinds import KINDS, NEWER_RUNS, Kind
from extend_source.survey.sample import KindSample, Payload, Sample

MAX_REQUESTS = 45
"""Most requests of a survey, attempts that are repeated among them; it takes about 30."""

_SHORT_PAGE = 5
_NEWEST_FIRST = {"sortBy": "updatedAt", "sortDir": "desc"}


class Reader:
    """Reads samples.

    Attributes:
        headers: the names of the headers of all answers.
        statistics: the requests that were sent.
    """

    def __init__(self, settings: ExtendSettings, say: Callable[[str], None]) -> None:
        """Begin with no request.

        Args:
            settings: key, deployment, workspace and request budget.
            say: is told what is being read.
        """
        self.headers: set[str] = set()
        self.statistics = RequestStatistics()
        self._settings, self._say = settings, say
        self._budget = RequestBudget(settings.requests_per_second, settings.max_concurrency)

    async def read(self, api_version: str, older: Sample | None = None) -> Sample:
        """Read a sample of one version.

        Args:
            api_version: a supported version.
            older: what was read of the older version; None: nothing.

        Returns:
            The sample; what could not be read is said in it.
        """
        sample = Sample(api_version, {kind.path: KindSample(kind) for kind in KINDS[api_version]})
        for kind_sample in sample.kinds.values():
            if not kind_sample.kind.list_key:
                continue
            self._say(f"Reading {kind_sample.kind.path} of API {api_version}")
            # a client for each: what one list answers says nothing about another
            async with self._client(api_version) as client:
                await self._list(client, kind_sample)
                if kind_sample.answer == "yes":
                    await self._objects(client, kind_sample)
        self._say(f"Reading what the open questions of API {api_version} need")
        if api_version == API_VERSION:
            await self._without_order(sample)
        elif api_version == CURRENT_VERSION:
            await self._of_both(sample, older)
        return sample

    def _client(self, api_version: str) -> ExtendClient:
        settings = replace(self._settings, api_version=api_version)
        return ExtendClient(
            api_key=settings.api_key,
            base_url=settings.base_url,
            api_version=api_version,
            workspace_id=settings.workspace_id,
            budget=self._budget,
            retry_policy=replace(RetryPolicy(), max_attempts=2),
            statistics=self.statistics,
            may_send=lambda: self.statistics.requests < MAX_REQUESTS,
            seen_headers=self.headers,
        )

    async def _list(self, client: ExtendClient, sample: KindSample) -> None:
        kind = sample.kind
        order = _NEWEST_FIRST if kind.is_sortable else {}
        body = await self._page(client, sample, {**order, "maxPageSize": str(kind.page_size)})
        if body is None:
            return
        sample.rows, sample.has_more = _rows(body, kind), bool(body.get("nextPageToken"))
        frame = {**body, kind.list_key: []} if isinstance(body.get(kind.list_key), list) else body
        _compare(client.api_version, sample, f"GET {kind.path}", kind.list_type, frame)
        for row in sample.rows:
            _compare(client.api_version, sample, f"a row of GET {kind.path}", kind.row_type, row)

    async def _page(self, client: ExtendClient, sample: KindSample, query: Mapping[str, str]) -> Payload | None:
        try:
            body = await client.raw(f"list{sample.kind.path}", sample.kind.path, query)
        except ExtendError as error:
            sample.answer = answer_of(error)
            return None
        except Withdrawn:
            return None
        sample.answer = "yes"
        return body

    async def _objects(self, client: ExtendClient, sample: KindSample) -> None:
        kind = sample.kind
        for object_id in _different(sample.rows, kind.objects):
            await self._object(client, sample, object_id)

    async def _object(self, client: ExtendClient, sample: KindSample, object_id: str) -> None:
        kind = sample.kind
        body = await self._get(client, kind, object_id)
        if body is None:
            sample.unread += 1
            return
        _compare(client.api_version, sample, f"GET {kind.path}/{{id}}", kind.get_type, body)
        found = body if kind.get_key is None else body.get(kind.get_key)
        if isinstance(found, dict):
            sample.objects[object_id] = found

    async def read_parser_run(self, older: Sample, newer: Sample) -> None:
        """Read a parse run in the older version, which has no list: by what its id seems to be there.

        Args:
            older: where it goes.
            newer: what was read of the newer version.
        """
        kind_sample = older.kinds["/parser_runs"]
        for parse_id in newer.kinds["/parse_runs"].objects:
            async with self._client(older.api_version) as client:
                await self._object(client, kind_sample, f"parser_run_{suffix(parse_id)}")
            kind_sample.answer = "yes" if kind_sample.objects else "not there"
            return

    async def _get(self, client: ExtendClient, kind: Kind, object_id: str) -> Payload | None:
        try:
            return await client.raw(f"get{kind.path}", f"{kind.path}/{path_segment(object_id)}", kind.parameters)
        except (ExtendError, Withdrawn):
            return None

    async def _without_order(self, sample: Sample) -> None:
        """Read two short pages of the first list without asking for an order."""
        first = next(iter(sample.kinds.values()))
        if first.answer != "yes":
            return
        probe, query = KindSample(first.kind), {"maxPageSize": str(_SHORT_PAGE)}
        async with self._client(sample.api_version) as client:
            body = await self._page(client, probe, query)
            sample.without_order = _rows(body, first.kind)
            token = (body or {}).get("nextPageToken")
            if isinstance(token, str) and token:
                following = await self._page(client, probe, {**query, "nextPageToken": token})
                sample.next_page = _rows(following, first.kind)

    async def _of_both(self, sample: Sample, older: Sample | None) -> None:
        """Read what is asked in other ways than by lists and ids of their rows."""
        async with self._client(sample.api_version) as client:
            for row in (older.rows("/processor_runs") if older else [])[:1]:
                legacy = sample.kinds["/processor_runs"].kind
                sample.older_run = await self._get(client, legacy, str(row.get("id"))) is not None
            await self._parse_source(client, sample)
            await self._own_run(client, sample)

    async def _parse_source(self, client: ExtendClient, sample: Sample) -> None:
        """List the parse runs that a run has caused: one whose parse run no other names."""
        kind, rows = sample.kinds["/parse_runs"].kind, sample.rows(*NEWER_RUNS)
        named = Counter(str(row.get("parseRunId")) for row in rows)
        for row in rows:
            parse_id = row.get("parseRunId")
            if isinstance(parse_id, str) and named[parse_id] == 1:
                query = {"source": "DOCUMENT_PROCESSOR_RUN", "sourceId": str(row.get("id")), "maxPageSize": "10"}
                body = await self._page(client, KindSample(kind), query)
                if body is not None:
                    sample.parse_source = parse_id in ids(_rows(body, kind))
                return

    async def _own_run(self, client: ExtendClient, sample: Sample) -> None:
        """Read a run that a workflow run has in full from its own endpoint."""
        kind = sample.kinds["/extract_runs"].kind
        for workflow_run in sample.objects("/workflow_runs"):
            for inner in runs_within(workflow_run, "extractRun")[:1]:
                own = await self._get(client, kind, str(inner.get("id")))
                if own is not None:
                    sample.own_run = inner, own


def runs_within(workflow_run: Payload, name: str) -> list[Payload]:
    """Return the runs of one kind that the steps of a workflow run have in full."""
    steps = workflow_run.get("stepRuns")
    results = [step.get("result") for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    runs = [result.get(name) for result in results if isinstance(result, dict)]
    return [run for run in runs if isinstance(run, dict)]


def _rows(body: Payload | None, kind: Kind) -> list[Payload]:
    rows = (body or {}).get(kind.list_key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _compare(api_version: str, sample: KindSample, where: str, expected: str, body: Any) -> None:
    sample.bodies[where] += 1
    sample.found.update((where, each) for each in differences(types_of(api_version), expected, body))


def _different(rows: list[Payload], number: int) -> list[str]:
    """Choose objects that differ in type, state and review, those with most in them first."""
    by_look: dict[tuple[Any, ...], str] = {}
    seen = Counter[tuple[Any, ...]]()
    for row in rows:
        if isinstance(row.get("id"), str):
            status = str(row.get("status"))
            look = (status != "PROCESSED", not row.get("reviewed"), str(row.get("type")), status)
            seen[look] += 1
            by_look.setdefault((seen[look], *look), row["id"])
    return [by_look[look] for look in sorted(by_look, key=lambda look: (look[0], str(look[1:])))[:number]]
