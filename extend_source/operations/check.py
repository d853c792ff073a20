"""Finding out what is wrong with the settings: the key, the region, the version or the workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from extend_source.api import CURRENT_VERSION, GENERATIONS, Endpoint, ExtendClient, RequestBudget, RetryPolicy, lists_of
from extend_source.config import DEPLOYMENTS, ExtendSettings
from extend_source.errors import (
    AccessRefused,
    ApiUnreachable,
    ExtendError,
    InvalidSetting,
    NotFound,
    UnsupportedApiVersion,
    WorkspaceRefused,
)
from extend_source.privacy import PrivacyRules, Unmatched, privacy_rules
from extend_source.tables.objects import LISTED_TYPES

Part = Literal["region", "key", "version", "workspace", "listing", "privacy"]
State = Literal["ok", "wrong", "not checked"]

PARTS: tuple[Part, ...] = ("region", "key", "version", "workspace", "listing")

_ATTEMPTS = 2
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
class CheckResult:
    """The findings, one for each part in order, and the error that decided them (None: all is well)."""

    findings: list[Finding]
    error: ExtendError | None

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
        What was found out. One request for each list of the API version when all is well; with privacy rules for
        fields, one for each processor more.
    """
    return asyncio.run(_check(settings, DEPLOYMENTS if deployments is None else deployments))


async def _check(settings: ExtendSettings, deployments: dict[str, str]) -> CheckResult:
    region = _region_text(settings.base_url, deployments)
    try:
        runs = await _first_rows(settings, settings.base_url, LISTED_TYPES)
    except UnsupportedApiVersion as refused:
        error = await _with_fitting_version(refused, settings)
        return CheckResult(_diagnose(error, region, None, settings, deployments), error)
    except ExtendError as error:
        elsewhere = None
        if isinstance(error, AccessRefused) and not isinstance(error, WorkspaceRefused) and error.status_code == 401:
            elsewhere = await _accepted_elsewhere(settings, deployments)
        return CheckResult(_diagnose(error, region, elsewhere, settings, deployments), error)
    texts = {
        "region": region,
        "key": "accepted",
        "version": _version_text(settings.api_version),
        "workspace": settings.workspace_id or "the key's own",
        "listing": "answers" if runs else "answers, but has no runs: is it the right workspace?",
    }
    findings = [Finding(part, "ok", texts[part]) for part in PARTS]
    if (rules := privacy_rules(settings)) is None or not rules.has_field_rules:
        return CheckResult(findings, None)
    wrong = await _near_misses(settings, rules)
    if not wrong:
        return CheckResult([*findings, Finding("privacy", "ok", "no rule nearly names a field")], None)
    text = " ".join(map(str, wrong))
    return CheckResult([*findings, Finding("privacy", "wrong", text)], InvalidSetting(text, "Correct the rule"))


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


async def _first_rows(settings: ExtendSettings, base_url: str, object_types: Iterable[str] = ("processor_run",)) -> int:
    """List one object of each list of some types; return how many runs came.

    Raises:
        ExtendError: one of the lists must not be read.
    """
    runs = 0
    async with _client(settings, base_url) as client:
        for object_type in object_types:
            for endpoint in lists_of(settings.api_version, object_type):
                async for page in client.pages(endpoint, page_size=1):
                    runs += len(page.summaries) if object_type == "processor_run" else 0
                    break
    return runs


async def _with_fitting_version(error: UnsupportedApiVersion, settings: ExtendSettings) -> UnsupportedApiVersion:
    """Name a version that the key is answered for, where the API has refused one and there is another."""
    others = GENERATIONS.keys() - {settings.api_version} if error.status_code else set()
    for version in sorted(others, reverse=True):
        with suppress(ExtendError):
            await _first_rows(replace(settings, api_version=version), settings.base_url)
            advice = f'Set api_version = "{version}", which the key is answered for'
            return UnsupportedApiVersion(error.what, advice, status_code=error.status_code)
    return error


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


def _diagnose(
    error: ExtendError,
    region: str,
    elsewhere: str | None,
    settings: ExtendSettings,
    deployments: dict[str, str],
) -> list[Finding]:
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
    return findings


def _version_text(version: str) -> str:
    if version == CURRENT_VERSION:
        return version
    return f"{version}; a new dataset can have {CURRENT_VERSION}"


def _region_text(base_url: str, deployments: dict[str, str]) -> str:
    name = next((name for name, url in deployments.items() if url == base_url), None)
    return f"{base_url} ({name})" if name else base_url
