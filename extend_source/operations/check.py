"""Finding out what is wrong with the settings: the key, the region, the version or the workspace."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from extend_source.api import (
    CURRENT_VERSION,
    GENERATIONS,
    GROUP_OF,
    Endpoint,
    ExtendClient,
    RequestBudget,
    RetryPolicy,
    lists_of,
)
from extend_source.config.settings import DEPLOYMENTS, ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import (
    AccessRefused,
    ApiUnreachable,
    EndpointRemoved,
    ExtendError,
    InvalidSetting,
    NotFound,
    UnsupportedApiVersion,
    WorkspaceRefused,
)
from extend_source.privacy import PrivacyRules, Unmatched, privacy_rules

Part = Literal["region", "key", "version", "workspace", "listing", "privacy"]
State = Literal["ok", "wrong", "not checked"]
Answer = Literal["yes", "refused", "not there", "failed", "not asked"]
"""Whether a list may be read."""

PARTS: tuple[Part, ...] = ("region", "key", "version", "workspace", "listing")

_ATTEMPTS = 2
_NO_PERMISSION = "A sync reads this list: ask an admin for a key that may read it"
_MAX_SUMMARIES, _MAX_PROCESSORS = 1000, 20
"""Where there are privacy rules: most runs that are listed, and most processors whose newest run is looked at."""


@dataclass(frozen=True)
class Finding:
    """What was found out about one part of the settings.

    Attributes:
        part: the part.
        state: whether it is right.
        text: one line.
    """

    part: Part
    state: State
    text: str


@dataclass(frozen=True)
class ListFinding:
    """What was found out about one of the lists that a sync reads.

    Attributes:
        path: where it is listed, such as ``/parse_runs``.
        answer: whether the key may read it; ``not asked`` where it was clear before.
        text: what the API said, if it does not answer; else empty.
    """

    path: str
    answer: Answer
    text: str = ""


@dataclass(frozen=True)
class CheckResult:
    """What a check has found out.

    Attributes:
        findings: one for each part, in order.
        error: what decided them; None: all is well.
        lists: the lists that a sync reads.
        fitting: settings with which the key is answered, where others were wrong.
    """

    findings: list[Finding]
    error: ExtendError | None
    lists: list[ListFinding] = field(default_factory=list)
    fitting: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Tell whether a sync would get through."""
        return self.error is None


def check(settings: ExtendSettings, *, deployments: dict[str, str] | None = None) -> CheckResult:
    """Ask the API for one run and say which setting is wrong where it refuses.

    When a public deployment refuses the key, the other public deployments are asked as well, as each has keys of its
    own: that tells a wrong region from a wrong key.

    Args:
        settings: the settings to check.
        deployments: the public deployments, name to base URL; Extend's by default.

    Returns:
        What was found out. One request for each list of the API version when all is well, and one that asks whether the
        key is answered for the current version, too; with privacy rules for fields, one for each processor more.
    """
    return asyncio.run(_check(settings, DEPLOYMENTS if deployments is None else deployments))


async def _check(settings: ExtendSettings, deployments: dict[str, str]) -> CheckResult:
    region = _region_text(settings.base_url, deployments)
    try:
        lists, runs, refusal = await _ask_lists(settings)
    except (UnsupportedApiVersion, EndpointRemoved, NotFound) as refused:
        error, fitting = await _with_fitting_version(refused, settings)
        return replace(_diagnosis(error, region, None, settings, deployments), fitting=fitting)
    except ExtendError as error:
        elsewhere = None
        if isinstance(error, AccessRefused) and not isinstance(error, WorkspaceRefused) and error.status_code == 401:
            elsewhere = await _accepted_elsewhere(settings, deployments)
        return _diagnosis(error, region, elsewhere, settings, deployments)
    texts = {
        "region": region,
        "key": "accepted",
        "version": await _version_text(settings),
        "workspace": settings.workspace_id or "the key's own",
        "listing": "answers" if runs else "answers, but has no runs: is it the right workspace?",
    }
    findings = [Finding(part, "ok", texts[part]) for part in PARTS]
    if refusal is not None:
        return CheckResult([*findings[:-1], Finding("listing", "wrong", str(refusal))], refusal, lists)
    rules = privacy_rules(settings)
    if not rules.has_field_rules:
        return CheckResult(findings, None, lists)
    wrong = await _near_misses(settings, rules)
    if not wrong:
        return CheckResult([*findings, Finding("privacy", "ok", "no rule nearly names a field")], None, lists)
    text = " ".join(map(str, wrong))
    mistake = InvalidSetting(text, "Correct the rule", error_code=ErrorCode.UNMATCHED_RULE)
    return CheckResult([*findings, Finding("privacy", "wrong", text)], mistake, lists)


async def _near_misses(settings: ExtendSettings, rules: PrivacyRules) -> list[Unmatched]:
    """Name the privacy rules that match no field of the newest runs' schemas and outputs, but nearly do."""
    async with _client(settings, settings.base_url) as client:
        newest: dict[str, tuple[Endpoint, str]] = {}
        for runs in lists_of(settings.api_version, "processor_run"):
            async for page in client.pages(runs, page_size=_MAX_SUMMARIES):
                for summary in page.summaries:
                    newest.setdefault(str(summary.get("processorId")), (runs, str(summary.get("id"))))
                break
        for runs, run_id in list(newest.values())[:_MAX_PROCESSORS]:
            with suppress(NotFound):  # deleted since
                rules.clean_run(await client.get(runs, run_id))
    return [rule for rule in rules.usage.unmatched() if rule.nearest is not None]


async def _ask_lists(settings: ExtendSettings) -> tuple[list[ListFinding], int, ExtendError | None]:
    """Ask each list that a sync reads for one object.

    Returns:
        What was found out, how many of the objects are runs, and the first error, if not all lists are refused alike.

    Raises:
        ExtendError: what no list is read without, such as the key.
    """
    found: list[ListFinding] = []
    runs, first = 0, None
    for object_type, endpoint in _lists(settings):
        try:
            rows = await _first_rows(settings, settings.base_url, endpoint)
        except ExtendError as error:
            if not any(each.answer == "yes" for each in found) and _concerns_all(error):
                raise
            first = first or error
            found.append(ListFinding(endpoint.list_path, answer_of(error), error.what))
        else:
            runs += rows if object_type == "processor_run" else 0
            found.append(ListFinding(endpoint.list_path, "yes"))
    if first is not None and not any(each.answer == "yes" for each in found):
        raise first
    if first is not None and answer_of(first) == "refused":
        first = AccessRefused(first.what, _NO_PERMISSION, status_code=first.status_code)
    return found, runs, first


def _lists(settings: ExtendSettings) -> list[tuple[str, Endpoint]]:
    kinds = [kind for kind, group in GROUP_OF.items() if group in settings.groups]
    lists = [(kind, endpoint) for kind in kinds for endpoint in lists_of(settings.api_version, kind)]
    return [(kind, endpoint) for kind, endpoint in lists if endpoint.is_listed]


def _concerns_all(error: ExtendError) -> bool:
    """Tell what no other list can be asked after; a 403 may be about one list alone."""
    return (error.refuses_everything and error.status_code not in (403, 404, 410)) or isinstance(
        error, UnsupportedApiVersion | WorkspaceRefused
    )


def answer_of(error: ExtendError) -> Answer:
    """Tell whether a list may be read from the error that it was answered with."""
    if error.status_code in (401, 402, 403):
        return "refused"
    return "not there" if error.status_code in (404, 410) else "failed"


async def _first_rows(settings: ExtendSettings, base_url: str, endpoint: Endpoint | None = None) -> int:
    """List one object, of the first list if none is named; return how many came.

    Raises:
        ExtendError: the list must not be read.
    """
    # a client for each: what one list answers says nothing about another
    async with _client(settings, base_url) as client:
        async for page in client.pages(endpoint or _lists(settings)[0][1], page_size=1):
            return len(page.summaries)
    return 0


async def _with_fitting_version(error: ExtendError, settings: ExtendSettings) -> tuple[ExtendError, dict[str, str]]:
    """Name a version that the key is answered for, where the API has refused one and there is another."""
    others = GENERATIONS.keys() - {settings.api_version} if error.status_code else set()
    for version in sorted(others, reverse=True):
        with suppress(ExtendError):
            await _first_rows(replace(settings, api_version=version), settings.base_url)
            advice = f'Set api_version = "{version}", which the key is answered for'
            return UnsupportedApiVersion(error.what, advice, status_code=error.status_code), {"api_version": version}
    return error, {}


def _client(settings: ExtendSettings, base_url: str) -> ExtendClient:
    return ExtendClient(
        api_key=settings.api_key,
        base_url=base_url,
        api_version=settings.api_version,
        workspace_id=settings.workspace_id,
        budget=RequestBudget(settings.requests_per_second, settings.max_concurrency),
        retry_policy=replace(RetryPolicy(), max_attempts=_ATTEMPTS),
    )


async def _accepted_elsewhere(settings: ExtendSettings, deployments: dict[str, str]) -> str | None:
    """Name the public deployment that takes a key which another public one refused; None for none."""
    if settings.base_url not in deployments.values():
        return None  # a host of one's own: its key is nobody else's business
    for name, base_url in deployments.items():
        if base_url == settings.base_url:
            continue
        try:
            await _first_rows(settings, base_url)
        except WorkspaceRefused:
            return name
        except ExtendError:
            continue
        return name
    return None


def _diagnosis(
    error: ExtendError,
    region: str,
    elsewhere: str | None,
    settings: ExtendSettings,
    deployments: dict[str, str],
) -> CheckResult:
    """Say which part an error is about that no list is read without."""
    text = str(error)
    guilty: Part
    known_good: tuple[Part, ...] = ()
    if elsewhere is not None:
        guilty = "region"
        text = f"The key belongs to {elsewhere}. Set base_url to {deployments[elsewhere]}."
    elif isinstance(error, WorkspaceRefused):
        guilty, known_good = "workspace", ("region", "key")
    elif isinstance(error, AccessRefused):
        guilty, known_good = "key", ("region",) if error.status_code else ()
    elif isinstance(error, UnsupportedApiVersion):
        guilty, known_good = "version", ("region",) if error.status_code else ()
    elif isinstance(error, ApiUnreachable) or (isinstance(error, InvalidSetting) and "base_url" in text):
        guilty = "region"
    elif isinstance(error, InvalidSetting) and "workspace_id" in text:
        guilty = "workspace"
    else:
        guilty, known_good = "listing", ("region",)
    good_texts = {"region": region, "key": "accepted"}
    findings = []
    for part in PARTS:
        if part == guilty:
            findings.append(Finding(part, "wrong", text))
        elif part in known_good:
            findings.append(Finding(part, "ok", good_texts[part]))
        else:
            findings.append(Finding(part, "not checked", ""))
    known = GENERATIONS.get(settings.api_version)
    lists = [ListFinding(each.list_path, "not asked") for _, each in _lists(settings)] if known else []
    fitting = {} if elsewhere is None else {"base_url": deployments[elsewhere]}
    return CheckResult(findings, error, lists, fitting)


async def _version_text(settings: ExtendSettings) -> str:
    """Name the version, and the current one where the key is answered for that as well."""
    version = settings.api_version
    if version == CURRENT_VERSION:
        return version
    try:
        await _first_rows(replace(settings, api_version=CURRENT_VERSION), settings.base_url)
    except ExtendError:
        return f"{version}; for {CURRENT_VERSION} the key is not answered"
    return f"{version}; the key is answered for {CURRENT_VERSION}, too, which a new dataset can have"


def _region_text(base_url: str, deployments: dict[str, str]) -> str:
    name = next((name for name, url in deployments.items() if url == base_url), None)
    return f"{base_url} ({name})" if name else base_url
