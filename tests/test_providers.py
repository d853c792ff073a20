"""Settings that nobody reads are named, and so is the place of a value that is wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationValueError
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from extend_source import extend_source, plan, sync
from extend_source.cli.errors import explain
from extend_source.config.providers import DLT_SECTIONS, closest, looks_like_a_name, missing_fields, wrong_type
from extend_source.config.settings import TELEMETRY_SETTINGS, setting_names
from extend_source.ingest.resolution import resolved_settings
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES

Write = Callable[..., None]

LISTED = "nothing reads it: the docs list all settings."


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes one of the files that dlt reads."""

    def write(text: str, name: str = "config.toml", folder: str = ".dlt") -> None:
        (tmp_path / folder).mkdir(exist_ok=True, parents=True)
        (tmp_path / folder / name).write_text(text)
        Container()[PluggableRunContext].reload_providers()

    return write


def complaint(**arguments: Any) -> str:
    """What is said about the settings."""
    with pytest.raises(ConfigurationValueError) as caught:
        resolved_settings(**{"api_key": "sk_test", **arguments})
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.case("1.10")
@pytest.mark.parametrize(
    ("toml", "line"),
    [
        (
            "[sources.extend]\nrequests_per_secnd = 5",
            "There is no setting requests_per_secnd ([sources.extend] in .dlt/config.toml); did you mean requests_per_second?",
        ),
        (
            "[sources.extend]\nrequests-per-second = 5",
            "There is no setting requests-per-second ([sources.extend] in .dlt/config.toml); did you mean requests_per_second?",
        ),
        (
            "[sources.extend]\nMAX_REQUESTS = 5",
            "There is no setting MAX_REQUESTS ([sources.extend] in .dlt/config.toml); did you mean max_requests?",
        ),
        (
            "[sources.extend]\nprivacy_default = 'drop'",
            "There is no setting privacy_default ([sources.extend] in .dlt/config.toml); did you mean default under [sources.extend.privacy]?",
        ),
        (
            "[sources.extend]\nmax_table_nesting = 1",
            f"There is no setting max_table_nesting ([sources.extend] in .dlt/config.toml), and {LISTED}",
        ),
        (
            "[extend_pipeline.sources.extend]\nmax_request = 5",
            "There is no setting max_request ([extend_pipeline.sources.extend] in .dlt/config.toml); did you mean max_requests?",
        ),
        (
            "[sources.extend.extend]\nmax_request = 5",
            "There is no setting max_request ([sources.extend.extend] in .dlt/config.toml); did you mean max_requests?",
        ),
        (
            "[sources.extend.privcy]\ndefault = 'drop'",
            "Nothing reads [sources.extend.privcy] in .dlt/config.toml; did you mean [sources.extend.privacy]?",
        ),
        (
            "[sources.extend.data_writter]\nfile_max_items = 1",
            "Nothing reads [sources.extend.data_writter] in .dlt/config.toml; did you mean [sources.extend.data_writer]?",
        ),
        *(
            (
                f"[{section}]\nmax_requests = 5",
                f"Nothing reads [{section.replace(chr(34), '')}] in .dlt/config.toml; did you mean [sources.extend]?",
            )
            for section in (
                "source.extend",
                "sources.extends",
                "sources.extned",
                "sources.extent",
                "sources.Extend",
                "Sources.extend",
                "sources.extend_source",
                "sources.extend-ai",
                "soruces.extend",
                "sources_extend",
                '"sources.extend"',
                "extend.sources",
                "extend",
                "extend_pipeline.source.extend",
            )
        ),
        (
            "[source.extend]\nmax_request = 5",
            "Nothing reads [source.extend] in .dlt/config.toml; did you mean [sources.extend]?",
        ),
    ],
)
def test_a_setting_that_nobody_reads_is_named_with_its_file_and_what_was_meant(
    toml: str, line: str, write: Write
) -> None:
    write(toml)

    assert complaint() == line


@pytest.mark.case("1.10")
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (
            "SOURCES__EXTEND__MAX_REQUEST",
            "There is no setting max_request (SOURCES__EXTEND__MAX_REQUEST in the environment); "
            "did you mean max_requests (SOURCES__EXTEND__MAX_REQUESTS)?",
        ),
        (
            "SOURCES__EXTEND__PRIVACY_KEY",
            "There is no setting privacy_key (SOURCES__EXTEND__PRIVACY_KEY in the environment); "
            "did you mean privacy.key (SOURCES__EXTEND__PRIVACY__KEY)?",
        ),
        (
            "SOURCES__EXTEND__PRIVCY__KEY",
            "Nothing reads SOURCES__EXTEND__PRIVCY__KEY in the environment; did you mean SOURCES__EXTEND__PRIVACY__KEY?",
        ),
        (
            "EXTEND_PIPELINE__SOURCES__EXTEND__MAX_REQUEST",
            "There is no setting max_request (EXTEND_PIPELINE__SOURCES__EXTEND__MAX_REQUEST in the environment); "
            "did you mean max_requests (SOURCES__EXTEND__MAX_REQUESTS)?",
        ),
        *(
            (name, f"Nothing reads {name} in the environment; did you mean SOURCES__EXTEND__MAX_REQUESTS?")
            for name in (
                "SOURCE__EXTEND__MAX_REQUESTS",
                "SOURCES__EXTENDS__MAX_REQUESTS",
                "SOURCES__EXTEND_MAX_REQUESTS",
                "SOURCES_EXTEND__MAX_REQUESTS",
                "SOURCES_EXTEND_MAX_REQUESTS",
                "SOUCES__EXTEND__MAX_REQUEST",
                "EXTEND__MAX_REQUESTS",
                "EXTEND__SOURCES__MAX_REQUESTS",
                "sources__extend__max_requests",
            )
        ),
    ],
)
def test_a_variable_that_nobody_reads_is_named_with_what_was_meant(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "2")

    assert complaint() == meant


@pytest.mark.case("1.10")
@pytest.mark.parametrize(
    ("folder", "name"), [(".dlt", "secrets.toml"), ("dlt", "config.toml"), ("dlt", "secrets.toml")]
)
def test_every_file_that_dlt_reads_is_looked_at(folder: str, name: str, write: Write, tmp_path: Path) -> None:
    write("[sources.extend]\nmax_requests = 3", "config.toml")
    write("[sources.extend]\nmax_second = 5", name, folder)

    shown = ".dlt/secrets.toml" if folder == ".dlt" else str(tmp_path / folder / name)
    assert complaint() == f"There is no setting max_second ([sources.extend] in {shown}); did you mean max_seconds?"


@pytest.mark.case("1.10")
def test_a_key_whose_name_is_misspelt_is_named_and_not_called_missing(write: Write) -> None:
    write("[sources.extend]\napi_kye = 'sk_live_secret'", "secrets.toml")

    with pytest.raises(ConfigurationValueError) as caught:
        resolved_settings()

    assert str(caught.value) == (
        "There is no setting api_kye ([sources.extend] in .dlt/secrets.toml); did you mean api_key?"
    )


@pytest.mark.case("1.10")
def test_plain_dlt_refuses_what_nobody_reads_before_the_first_request(write: Write) -> None:
    write("[sources.extend]\nmax_request = 5")

    with pytest.raises(ConfigurationValueError, match="did you mean max_requests"):
        extend_source(api_key="sk_test")


@pytest.mark.case("1.10")
def test_an_unknown_section_is_refused_by_a_sync_which_knows_the_resources(write: Write, tmp_path: Path) -> None:
    write("[sources.extend.budget]\nper_second = 5\n[sources.extend.processor_runs]\nx = 1")
    pipeline = dlt.pipeline("p", destination=dlt.destinations.duckdb(str(tmp_path / "p.duckdb")), dataset_name="d")

    with SandboxServer(runs=1) as server:
        with pytest.raises(Exception, match=r"budget \(\[sources\.extend\.budget\] in \.dlt/config\.toml\)") as caught:
            pipeline.run(extend_source(api_key=server.api_key, base_url=server.base_url))
        assert server.requests.total == 0
    assert LISTED in str(caught.value)


@pytest.mark.case("1.10")
@pytest.mark.parametrize("call", [sync, plan, lambda _, **arguments: extend_source(api_key="sk_test", **arguments)])
def test_an_unknown_argument_is_named_with_what_was_meant(call: Any, tmp_path: Path) -> None:
    pipeline = dlt.pipeline("p", destination=dlt.destinations.duckdb(str(tmp_path / "p.duckdb")), dataset_name="d")

    with pytest.raises(ConfigurationValueError) as caught:
        call(pipeline, requests_per_secnd=5)

    assert str(caught.value) == (
        "There is no setting requests_per_secnd (an argument); did you mean requests_per_second?"
    )


@pytest.mark.case("1.10")
@pytest.mark.parametrize("secret", ["sk_live_abcdef", "AbCdEfGh", "a1b2c3d4e5", "qwertyuiopasdfghjklz"])
def test_a_secret_in_the_place_of_a_name_is_not_shown(
    secret: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"[sources.extend]\n{secret} = 'api_key'", "secrets.toml")
    in_file = complaint()
    write("", "secrets.toml")
    monkeypatch.setenv(f"SOURCES__EXTEND__{secret.upper()}", "1")
    in_environment = complaint()

    assert in_file == (
        "There is no setting of a name that is not shown here, as it may be a secret "
        "([sources.extend] in .dlt/secrets.toml)."
    )
    if secret != "AbCdEfGh":  # which in upper case looks like any word
        assert in_environment == (
            "There is no setting of a name that is not shown here, as it may be a secret "
            "(SOURCES__EXTEND__... in the environment)."
        )
    assert closest(secret, setting_names()) is None


@pytest.mark.case("1.10")
def test_what_dlt_and_others_read_raises_no_alarm(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    # a table of the name of a setting, such as file_contents, cannot have a section
    resources = "\n".join(
        f"[sources.extend.{name}.extract]\nworkers = 1" for name in {*TABLES, "mine"} - {*setting_names()}
    )
    sections = "\n".join(f"[sources.extend.{name}]\nx = 1" for name in sorted(DLT_SECTIONS))
    write(
        f"""
        [runtime]
        log_level = "WARNING"
        [sources]
        max_table_nesting = 1
        [sources.data_writer]
        file_max_items = 10
        [sources.extend]
        max_requests = 7
        prices = [{{ from = "2026-01-01", credit_price = 0.01, currency = "USD" }}]
        [sources.extend.privacy.fields]
        requests_per_secnd = "drop"
        [sources.extract]
        workers = 2
        [sources.extend2]
        max_requests = 1
        [sources.extend_eu]
        api_key = "sk"
        [sources.extract_pdf]
        max_requests = 2
        [sources.expend]
        api_key = "other"
        start_date = "2026-01-01"
        [sources.github]
        api_key = "x"
        max_request = 2
        [extend_pipeline.sources.extend]
        max_requests = 2
        [extend_pipeline.destination.postgres]
        credentials = "x"
        [destination.extend]
        base_url = "x"
        {sections}
        {resources}
        """
    )
    for name in ("EXTEND_API_KEY", "EXTEND_DESTINATION", "EXTEND_MAX_REQUESTS", "DATA_SOURCES", "SOURCES", "EXTENDED"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("SOURCES__GITHUB__ACCESS_TOKEN", "x")
    monkeypatch.setenv("SOURCES__EXTEND__DATA_WRITER__FILE_MAX_ITEMS", "5")
    monkeypatch.setenv("SOURCES__EXTEND__EXTEND__MAX_RECHECKS", "5")
    monkeypatch.setenv("EXTEND_PIPELINE__SOURCES__EXTEND__MAX_SECONDS", "5")

    settings = resolved_settings(api_key="sk_test")

    assert settings.max_requests == 7


@pytest.mark.case("1.10")
def test_the_section_of_a_pipeline_that_has_the_name_of_the_source_raises_no_alarm(write: Write) -> None:
    write("[extend]\nmax_requests = 7")
    dlt.pipeline("extend", destination="duckdb", dataset_name="d")

    assert extend_source(api_key="sk_test").name == "extend"


@pytest.mark.slow
@pytest.mark.case("1.10")
def test_every_key_that_dlt_looks_for_below_the_source_is_taken(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlt.common.configuration import resolve

    sections, paths_of = set(), resolve._build_section_lookup_paths

    def noted(*arguments: Any) -> list[tuple[str, ...]]:
        paths = paths_of(*arguments)
        sections.update(path[2] for path in paths if path[:2] == ("sources", "extend") and len(path) > 2)
        return paths

    monkeypatch.setattr(resolve, "_build_section_lookup_paths", noted)
    with SandboxServer(runs=2) as server:
        pipeline = dlt.pipeline("p", destination=dlt.destinations.duckdb(str(tmp_path / "p.duckdb")), dataset_name="d")
        pipeline.run(extend_source(api_key=server.api_key, base_url=server.base_url, requests_per_second=0))

    assert {"data_writer", "extract", "schema", "extend"} <= sections <= {*DLT_SECTIONS, "extend", "privacy"}


def test_the_source_still_shows_its_settings_to_those_who_ask_for_its_signature() -> None:
    names = list(inspect.signature(extend_source).parameters)

    assert names[:3] == ["run_ids", "api_key", "base_url"]
    assert set(names[1:-2]) == set(setting_names()) - {"prices", "credit_budget", *TELEMETRY_SETTINGS}


@pytest.mark.case("5.4")
@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("refresh", "maybe", "takes true or false; not 'maybe'."),
        ("max_requests", "many", "takes a whole number; not 'many'."),
        ("requests_per_second", "fast", "takes a number; not 'fast'."),
        ("processor_ids", "dp_1", "takes a list, for example [\"...\"]; not 'dp_1'."),
        ("max_requests", "sk_live_abcdef", "takes a whole number."),
    ],
)
def test_a_value_of_the_wrong_type_is_shown_with_the_setting_and_where_it_stands(
    name: str, text: str, line: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"[sources.extend]\n{name} = '{text}'")
    in_file = complaint()
    monkeypatch.setenv(f"SOURCES__EXTEND__{name.upper()}", text)
    in_environment = complaint()

    assert in_file == f"{name} ([sources.extend] in .dlt/config.toml) {line}"
    assert in_environment == f"{name} (SOURCES__EXTEND__{name.upper()} in the environment) {line}"


@pytest.mark.case("5.4")
@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("refresh", "no", "refresh takes true or false; not 'no'."),
        ("refresh", 1, "refresh takes true or false; not '1'."),
        ("max_requests", "many", "max_requests takes a whole number; not 'many'."),
        ("max_requests", True, "max_requests takes a whole number; not 'True'."),
        ("package_minutes", "5", "package_minutes takes a number; not '5'."),
        ("workspace_id", 5, "workspace_id takes a text; not '5'."),
        ("api_key", 12345, "api_key takes a text."),
    ],
)
def test_an_argument_of_the_wrong_type_is_one_line(name: str, value: Any, line: str) -> None:
    assert complaint(**{name: value}) == line


@pytest.mark.case("1.10")
@pytest.mark.parametrize(
    ("text", "is_name"),
    [
        ("max_requests", True),
        ("requests-per-second", True),
        ("MAX_REQUESTS", True),
        ("api2", False),
        ("sk_live", False),
        ("Mixed", False),
        ("a" * 17, False),
        ("", False),
        ("naïve", False),
    ],
)
def test_only_what_looks_like_a_name_is_shown(text: str, is_name: bool) -> None:
    assert looks_like_a_name(text) is is_name


@pytest.mark.case("5.4")
@pytest.mark.parametrize(
    ("destination", "names", "section", "variable", "install"),
    [
        (
            "postgres",
            {"credentials.database", "credentials.username", "credentials.password", "credentials.host"},
            "destination.postgres.credentials",
            "DESTINATION__POSTGRES__CREDENTIALS__...",
            "dlt[postgres]",
        ),
        (
            "filesystem",
            {"bucket_url"},
            "destination.filesystem",
            "DESTINATION__FILESYSTEM__...",
            "dlt[filesystem]",
        ),
        (
            "sqlalchemy",
            {"credentials.drivername"},
            "destination.sqlalchemy.credentials",
            "DESTINATION__SQLALCHEMY__CREDENTIALS__...",
            "dlt-source-extend[sqlalchemy]",
        ),
    ],
)
def test_a_destination_without_credentials_is_told_by_its_fields_and_its_extra(
    destination: str, names: set[str], section: str, variable: str, install: str
) -> None:
    pipeline = dlt.pipeline("p", destination=destination, dataset_name="d")
    with pytest.raises(ConfigFieldMissingException) as caught:
        pipeline.destination_client()

    line = missing_fields(caught.value)

    start, _, rest = line.partition(". Set")
    assert start.startswith(f"The destination {destination} needs ")
    assert set(start.removeprefix(f"The destination {destination} needs ").split(", ")) == names
    assert rest == (
        f" them under [{section}] in .dlt/secrets.toml, or as {variable}, "
        f'and install what it needs: pip install "{install}".'
    )


@pytest.mark.case("5.4")
def test_a_wrong_value_of_a_destination_is_told_with_its_variable_and_never_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS__PORT", "x")
    pipeline = dlt.pipeline("p", destination="postgres", dataset_name="d")
    with pytest.raises(Exception, match="port") as caught:
        pipeline.destination_client()

    assert explain(caught.value) == (
        2,
        "EXT-104: port (DESTINATION__POSTGRES__CREDENTIALS__PORT in the environment) takes a whole number; not 'x'.",
    )
    assert wrong_type("password", "hunter2", int) == "password takes a whole number."
