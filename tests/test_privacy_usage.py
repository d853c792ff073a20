"""A rule that hides nothing is named with the field that was meant; keys and names are not taken on trust."""

from __future__ import annotations

from typing import Any

import pytest
from dlt.common.configuration.exceptions import ConfigurationValueError

from extend_source import ExtendSettings
from extend_source.config.privacy_rules import PrivacySettings
from extend_source.operations.check import CheckResult, check
from extend_source.privacy import RuleUsage, report_unmatched
from extend_source.privacy.matching import FieldRule
from extend_source.privacy.templates import parse_path, parse_template
from extend_source.sandbox import SandboxServer
from tests.tables.flat import run_of
from tests.test_privacy import PASSPORT, legacy_run, rules

VALUE = {"Passport_Number": "P1", "lines": [{"IBAN": "D1", "net.amount": 5}], "Net Amount": 7}


def unmatched(usage: RuleUsage) -> dict[str, str | None]:
    return {rule.rule: rule.nearest for rule in usage.unmatched()}


def usage_of(*texts: str, paths: tuple[str, ...] = ()) -> RuleUsage:
    usage = RuleUsage()
    usage.expect(FieldRule(parse_template(text), "drop", text) for text in texts)
    for path in paths:
        usage.note(parse_path(path))
    return usage


@pytest.mark.case("S3")
@pytest.mark.case("4.4")
@pytest.mark.parametrize(
    ("rule", "nearest"),
    [
        ("passport_number", "Passport_Number"), ("PassportNumber", "Passport_Number"), ("passport number", "Passport_Number"),
        ("Passport_Numbr", "Passport_Number"), ("lines[].iban", "lines.IBAN"), ("line.IBAN", "lines.IBAN"), ("**.iban", "lines.IBAN"),
        ("lines.net_amount", 'lines["net.amount"]'), ("net_amount", "Net Amount"), ("extraction.passport_number", "Passport_Number"),
        ("date_of_birth", None), ("**.email", None),
    ],
)  # fmt: skip
def test_a_rule_that_matched_nothing_is_named_with_the_nearest_path(rule: str, nearest: str | None) -> None:
    compiled = rules({rule: "drop", "lines": "keep"})

    compiled.clean_run(run_of(output={"value": VALUE}))

    assert unmatched(compiled.usage) == {rule: nearest}


@pytest.mark.parametrize(
    "rule",
    ["Passport_Number", "lines", "lines[].IBAN", "*.IBAN", "**.IBAN", '**["net.amount"]', "**", "due.day", "due", "*"],
)
def test_a_rule_that_met_a_value_or_a_declared_field_is_not_named(rule: str) -> None:
    schema = {"type": "object", "properties": {"due": {"type": "object", "properties": {"day": {"type": "string"}}}}}
    compiled = rules({rule: "mask"})

    compiled.clean_run(run_of(output={"value": VALUE}, config={"type": "EXTRACT", "schema": schema}))

    assert unmatched(compiled.usage) == {}


def test_legacy_fields_are_met_by_their_names() -> None:
    compiled = rules({"passport.number": "mask", "pasport": "mask"})

    compiled.clean_run(legacy_run({"f1": {"id": "f1", "value": {"f2": "P1"}}}, PASSPORT))

    assert unmatched(compiled.usage) == {"pasport": "passport"}


def test_what_several_loads_have_met_counts_together() -> None:
    sync = RuleUsage()
    sync.add(usage_of("a", "b", "c", paths=("a",)))
    sync.add(usage_of("a", "b", "c", paths=("b[0].x",)))

    assert unmatched(sync) == {"c": None}


def test_fields_that_have_landed_before_are_asked_for_only_where_a_rule_is_unmatched(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def never() -> list[Any]:
        raise AssertionError("not needed")

    report_unmatched(usage_of("a", paths=("a",)), never, is_error=True, is_over=True)
    report_unmatched(usage_of("a"), never, is_error=True, is_over=True)  # no field was seen at all
    report_unmatched(usage_of("a", paths=("b",)), lambda: [("a",)], is_error=True, is_over=True)
    with pytest.raises(ConfigurationValueError, match=r"privacy\.fields 'a' matches no field: nothing is hidden by it"):
        report_unmatched(usage_of("a", paths=("b",)), lambda: [("c",)], is_error=True, is_over=True)


def test_before_the_end_only_near_misses_are_errors() -> None:
    report_unmatched(usage_of("other", paths=("total",)), list, is_error=True, is_over=False)
    report_unmatched(usage_of("Total", paths=("total",)), list, is_error=False, is_over=False)
    with pytest.raises(ConfigurationValueError, match=r"'Total' matches no field: .*; did you mean 'total'\?$"):
        report_unmatched(usage_of("Total", "other", paths=("total",)), list, is_error=True, is_over=False)


# ---- the check


def checked(server: SandboxServer, fields: dict[str, str]) -> CheckResult:
    return check(
        ExtendSettings(api_key=server.api_key, base_url=server.base_url, privacy=PrivacySettings(fields=fields))
    )


@pytest.mark.case("S3")
def test_the_check_refuses_rules_that_nearly_name_a_field() -> None:
    with SandboxServer(runs=0) as server:
        schema = {"type": "object", "properties": {"Passport_Number": {"type": "string"}}}
        server.workspace.put_run(run_of(config={"type": "EXTRACT", "schema": schema}, output={"value": {"seen": 1}}))

        wrong = checked(server, {"passport_number": "drop", "Seen": "mask", "other": "drop"})
        well = checked(server, {"Passport_Number": "drop", "other": "drop"})

    text = (
        "privacy.fields 'passport_number' matches no field: nothing is hidden by it; did you mean 'Passport_Number'? "
        "privacy.fields 'Seen' matches no field: nothing is hidden by it; did you mean 'seen'?"
    )
    assert [(each.part, each.state) for each in wrong.findings][-1] == ("privacy", "wrong")
    assert (wrong.ok, wrong.findings[-1].text) == (False, text)
    assert wrong.error is not None
    assert wrong.error.error_code == "EXT-107"
    assert (well.ok, well.findings[-1].state) == (True, "ok")


# ---- keys and names


@pytest.mark.case("S9")
@pytest.mark.parametrize(
    "key",
    [
        "a",
        " ",
        "\n",
        "1234",
        "fifteen letters",
        " " * 40,
        "a" * 64,
        "ab" * 20,
        "1231231231231231",
        "\tshort\t" + " " * 20,
    ],
)
def test_a_key_that_can_be_guessed_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationValueError) as caught:
        PrivacySettings(key=key, fields={"a": "hash"}).on_resolved()

    assert str(caught.value) == (
        "privacy.key takes at least 16 characters, and not the same few again and again; make one with: openssl rand -hex 32"
    )


@pytest.mark.parametrize("key", ["0123456789abcdef", "correct horse ba", "f4d1c0e2" * 8])
def test_a_key_of_sixteen_characters_is_taken(key: str) -> None:
    PrivacySettings(key=key, fields={"a": "hash"}).on_resolved()


SECRET = "kX9" + "vQ2mL7pR4tW8zB1nD6"


@pytest.mark.case("S19")
@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({SECRET: "drop"}, "privacy takes key, default, fields, columns, document_signatures, on_unmatched; not what is there (not shown, as it may be a secret)."),
        ({"pasport": "drop"}, "privacy takes key, default, fields, columns, document_signatures, on_unmatched; not 'pasport'."),
        ({"default": SECRET}, "privacy.default takes keep, hash, mask, drop; not what is there (not shown, as it may be a secret)."),
        ({"on_unmatched": SECRET}, "privacy.on_unmatched takes warn, error; not what is there (not shown, as it may be a secret)."),
        ({"document_signatures": "Cut"}, "privacy.document_signatures takes cut, keep; not 'Cut'."),
        ({"fields": {"a": SECRET}}, "privacy.fields 'a' takes keep, hash, mask, drop; not what is there (not shown, as it may be a secret)."),
    ],
)  # fmt: skip
def test_a_secret_that_was_pasted_where_a_name_belongs_is_not_shown(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigurationValueError) as caught:
        ExtendSettings(api_key="sk_x", privacy=settings).on_resolved()

    assert str(caught.value) == line


@pytest.mark.case("S19")
@pytest.mark.parametrize("name", ["statuses", "processor_types", "run_sources"])
def test_a_secret_in_the_place_of_a_choice_is_not_shown(name: str) -> None:
    with pytest.raises(ConfigurationValueError) as caught:
        ExtendSettings(api_key="sk_x", **{name: [SECRET]}).on_resolved()

    assert SECRET not in str(caught.value)


@pytest.mark.case("S19")
def test_a_secret_in_the_place_of_a_table_is_not_shown() -> None:
    with pytest.raises(ConfigurationValueError) as caught:
        rules(columns={SECRET: "drop"})

    assert SECRET not in str(caught.value)
