"""The check tells which setting is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION, ExtendSettings
from extend_source.operations.check import CheckResult, check
from extend_source.sandbox import OddAnswer, Options, SandboxServer


@pytest.fixture
def regions() -> Iterator[dict[str, SandboxServer]]:
    """Two deployments with keys of their own."""
    with (
        SandboxServer(runs=2) as us,
        SandboxServer(runs=0, options=Options(api_key="sk_europe")) as europe,
    ):
        yield {"US": us, "EU1": europe}


def checked(regions: dict[str, SandboxServer], **settings: Any) -> CheckResult:
    deployments = {name: server.base_url for name, server in regions.items()}
    given = {"base_url": deployments["US"], **settings}
    return check(ExtendSettings(**given), deployments=deployments)


def states(result: CheckResult) -> dict[str, str]:
    return {finding.part: finding.state for finding in result.findings}


def wrong(result: CheckResult) -> tuple[str, str]:
    (finding,) = [finding for finding in result.findings if finding.state == "wrong"]
    return finding.part, finding.text


def test_all_is_well_at_the_cost_of_one_request_for_each_version(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_sandbox")

    assert result.ok
    assert set(states(result).values()) == {"ok"}
    others = {"list_workflow_runs": 1, "list_processors": 1}
    assert regions["US"].requests.counts == {"list_runs": 1, "list_extract_runs": 1, **others}


def test_a_key_of_another_region_is_a_wrong_region(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_europe")

    assert wrong(result) == ("region", f"The key belongs to EU1. Set base_url to {regions['EU1'].base_url}.")


def test_a_workspace_id_that_cannot_be_sent_is_a_wrong_workspace(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_sandbox", workspace_id="ws 1")

    assert wrong(result)[0] == "workspace"
    assert states(result)["region"] == "not checked"


def test_a_key_of_no_region_is_a_wrong_key(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_nobody")

    assert wrong(result)[0] == "key"
    assert states(result)["region"] == "ok"


def test_a_host_of_ones_own_is_the_only_one_that_gets_its_key(regions: dict[str, SandboxServer]) -> None:
    with SandboxServer(runs=0, options=Options(api_key="sk_private")) as private:
        result = checked(regions, api_key="sk_europe", base_url=private.base_url)

    assert wrong(result)[0] == "key"
    assert regions["EU1"].requests.total == 0


def test_a_missing_workspace_is_a_wrong_workspace(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_sandbox_org")

    assert wrong(result)[0] == "workspace"
    assert states(result)["key"] == "ok"


def test_an_unknown_version_is_a_wrong_version_without_a_request(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_sandbox", api_version="1999-01-01")

    assert wrong(result)[0] == "version"
    assert regions["US"].requests.total == 0


def test_an_unreachable_host_is_a_wrong_region(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_sandbox", base_url="http://127.0.0.1:9")

    assert wrong(result)[0] == "region"
    assert states(result)["key"] == "not checked"


def test_an_empty_workspace_is_well_but_said(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_europe", base_url=regions["EU1"].base_url)

    assert result.ok
    assert result.findings[-1].text == "answers, but has no runs: is it the right workspace?"


def test_in_the_newer_version_each_list_that_a_sync_reads_is_asked_for(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_sandbox", api_version=CURRENT_VERSION)

    assert result.ok
    lists = {
        *("list_extract_runs", "list_classify_runs", "list_split_runs", "list_parse_runs", "list_workflow_runs"),
        *("list_workflows", "list_extractors", "list_classifiers", "list_splitters"),
    }
    assert regions["US"].requests.counts == dict.fromkeys(lists, 1)


def test_lists_of_groups_that_are_not_loaded_are_not_asked_for(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_sandbox", objects=["runs", "processors"])

    assert [each.path for each in result.lists] == ["/processor_runs", "/processors"]


def test_a_list_that_the_key_must_not_read_is_said(regions: dict[str, SandboxServer]) -> None:
    refused = OddAnswer(403, b'{"code": "FORBIDDEN", "message": "No access to parse runs."}')
    regions["US"].instead = lambda entry: refused if entry.route == "list_parse_runs" else None

    result = checked(regions, api_key="sk_sandbox", api_version=CURRENT_VERSION)

    assert not result.ok
    assert "GET /parse_runs" in wrong(result)[1]
    assert "No access to parse runs" in wrong(result)[1]


@pytest.mark.parametrize(("asked", "answered"), [(CURRENT_VERSION, API_VERSION), (API_VERSION, CURRENT_VERSION)])
def test_a_version_that_is_refused_is_told_with_the_one_that_fits(
    regions: dict[str, SandboxServer], asked: str, answered: str
) -> None:
    refused = OddAnswer(400, b'{"code": "BAD_REQUEST", "message": "Unsupported version in x-extend-api-version."}')
    of_asked = {API_VERSION: {"list_runs"}, CURRENT_VERSION: {"list_extract_runs"}}[asked]
    regions["US"].instead = lambda entry: refused if entry.route in of_asked else None

    result = checked(regions, api_key="sk_sandbox", api_version=asked)

    assert wrong(result)[0] == "version"
    assert wrong(result)[1].endswith(f'Set api_version = "{answered}", which the key is answered for.')


def test_the_newer_version_is_named_to_whoever_uses_the_older_one(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_sandbox")

    (version,) = [finding.text for finding in result.findings if finding.part == "version"]
    assert version == "2025-04-21; the key is answered for 2026-02-09, too, which a new dataset can have"


def test_a_key_that_is_answered_for_the_older_version_alone_is_said(regions: dict[str, SandboxServer]) -> None:
    refused = OddAnswer(403, b'{"code": "FORBIDDEN", "message": "Not in your plan."}')
    regions["US"].instead = lambda entry: refused if entry.route == "list_extract_runs" else None

    result = checked(regions, api_key="sk_sandbox")

    assert result.ok
    (version,) = [finding.text for finding in result.findings if finding.part == "version"]
    assert version == "2025-04-21; for 2026-02-09 the key is not answered"


def test_each_list_is_told_with_whether_the_key_may_read_it(regions: dict[str, SandboxServer]) -> None:
    odd = {
        "list_extract_runs": OddAnswer(403, b'{"code": "FORBIDDEN", "message": "No."}'),
        "list_split_runs": OddAnswer(404, b'{"code": "NOT_FOUND", "message": "No such path."}'),
        "list_parse_runs": OddAnswer(404, b"<html>"),
    }
    regions["US"].instead = lambda entry: odd.get(entry.route)

    result = checked(regions, api_key="sk_sandbox", api_version=CURRENT_VERSION, objects=["runs", "parsing"])

    assert [(each.path, each.answer) for each in result.lists] == [
        ("/extract_runs", "refused"),
        ("/classify_runs", "yes"),
        ("/split_runs", "not there"),
        ("/parse_runs", "not there"),
    ]
    assert wrong(result)[0] == "listing"
    assert states(result)["key"] == "ok"


def test_a_key_that_may_read_no_list_is_a_wrong_key(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_sandbox_forbidden", api_version=CURRENT_VERSION)

    assert wrong(result)[0] == "key"
    assert {each.answer for each in result.lists} == {"not asked"}


def test_a_wrong_key_is_asked_about_once_in_each_region(regions: dict[str, SandboxServer]) -> None:
    result = checked(regions, api_key="sk_nobody", api_version=CURRENT_VERSION)

    assert {each.answer for each in result.lists} == {"not asked"}
    assert regions["US"].requests.counts == {"list_extract_runs": 1}
