"""What is to be hidden is nowhere on disk: not in the destination, in dlt's working files or in the logs."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from extend_source import PrivacySettings, quality_report, rebuild
from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.shell import Outcome, run_shell
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

pytestmark = pytest.mark.thorough

KEY = "a key that nobody must see 5b1f"
SECRET, OLD_SECRET = "canary7f3a9c1e5b", "canary000c1e5b77"
CANARIES = (SECRET, OLD_SECRET)

TEXT = {"type": ["string", "null"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "passport": TEXT,
        "country": TEXT,
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": TEXT, "iban": TEXT}}},
    },
}


def token(text: str) -> str:
    return "hash:" + hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def cited(text: str) -> dict[str, Any]:
    return {
        "ocrConfidence": 0.5,
        "citations": [{"page": 1, "referenceText": text}],
        "insights": [{"type": "reasoning", "content": f"It says {text}"}],
    }


def value(secret: str) -> dict[str, Any]:
    return {
        "passport": secret,
        "country": "DE",
        "lines": [{"sku": "A-1", "iban": secret}, {"sku": "A-2", "iban": None}],
    }


def reviewed_run(run_id: str = "dpr_secret") -> dict[str, Any]:
    """A reviewed extraction that is full of secrets, in every place that a value may turn up in."""
    metadata = {"passport": cited(SECRET), "lines[0].iban": cited(SECRET), "lines[0]": cited(f"A-1 {SECRET}")}
    metadata["country"] = cited(f"DE {SECRET}")
    output = {"value": value(SECRET), "metadata": metadata, "unknown": SECRET}
    edit = {"originalValue": OLD_SECRET, "editedValue": SECRET, "notes": f"was {OLD_SECRET}", "unknown": SECRET}
    return {
        "object": "document_processor_run", "id": run_id, "processorId": "dp_1", "processorVersionId": "dpv_1",
        "processorName": "Passports", "status": "PROCESSED", "type": "EXTRACT", "reviewed": True, "edited": True,
        "config": {"type": "EXTRACT", "schema": SCHEMA}, "output": output, "reviewedOutput": output,
        "initialOutput": {"value": value(OLD_SECRET), "metadata": {}},
        "edits": {"passport": edit, "lines[0].iban": edit, "unheard[0].iban": edit}, "unknown": {"deep": [SECRET]},
        "files": [{"object": "file", "id": f"file_{run_id}", "name": "a.pdf", "metadata": {},
                   "contents": {"rawText": f"No {SECRET}", "pages": [{"pageNumber": 1, "markdown": SECRET}]}}],
        "mergedProcessors": [],
    }  # fmt: skip


def legacy_run() -> dict[str, Any]:
    """The same from a processor with legacy fields."""
    fields = [{"id": "f1", "name": "passport", "type": "string"}, {"id": "f2", "name": "country", "type": "string"}]
    output = {
        "passport": {"id": "f1", "type": "string", "value": SECRET, "references": [{"id": "f1", "page": 1, "text": SECRET}],
                     "insights": [{"type": "issue", "content": SECRET}]},
        "country": {"id": "f2", "type": "string", "value": "DE"},
    }  # fmt: skip
    run = reviewed_run("dpr_legacy")
    edits = {"f1": {"originalValue": OLD_SECRET, "editedValue": SECRET}}
    return {**run, "processorId": "dp_2", "config": {"type": "EXTRACT", "fields": fields}, "output": output,
            "reviewedOutput": None, "initialOutput": None, "edits": edits}  # fmt: skip


def put_secrets(server: SandboxServer) -> None:
    for run in (reviewed_run(), legacy_run()):
        server.workspace.put_run(run)


def rules(action: str) -> dict[str, Any]:
    return {"key": KEY, "fields": {"passport": action, "**.iban": action}}


def texts_on_disk(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files below a folder, as they are and unpacked."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield f"{path.relative_to(folder)}", content
        if content[:2] == b"\x1f\x8b":
            yield f"{path.relative_to(folder)} unpacked", gzip.decompress(content)
        if path.suffix == ".parquet":
            yield f"{path.relative_to(folder)} rows", str(pq.read_table(path).to_pylist()).encode()


def found_on_disk(folder: Path, *needles: str) -> list[str]:
    """The files below a folder that hold one of some texts, in UTF-8 or UTF-16."""
    forms = [form for needle in needles for form in (needle.encode(), needle.encode("utf-16-le"))]
    return [name for name, content in texts_on_disk(folder) if any(form in content for form in forms)]


def everything_in(warehouse: AnyWarehouse) -> str:
    """All rows of all tables, dlt's own and the typed ones included."""
    names = warehouse.query(
        f"select table_name from information_schema.tables where table_schema = '{warehouse.dataset}'"
    )
    return str([warehouse.query(f'select * from {warehouse.dataset}."{name}"') for (name,) in names])


def assert_nothing_shows(warehouse: AnyWarehouse, log: pytest.LogCaptureFixture, *, landed: bool = True) -> None:
    (warehouse.folder / "captured.log").write_text(log.text)
    assert found_on_disk(warehouse.folder, *CANARIES, KEY) == []
    if landed:
        rows = everything_in(warehouse)
        assert [needle for needle in (*CANARIES, KEY) if needle in rows] == []


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("dlt").propagate = True
    return caplog


@pytest.fixture
def secretive(make_warehouse: MakeWarehouse, empty_server: SandboxServer) -> AnyWarehouse:
    put_secrets(empty_server)
    return make_warehouse(empty_server)


# ---- nowhere on disk


def test_the_search_finds_what_lands_without_rules(secretive: AnyWarehouse) -> None:
    secretive.sync(keep_raw=True)

    rows = everything_in(secretive)
    assert SECRET in rows
    assert OLD_SECRET in rows
    assert any("rows" in name or "unpacked" in name for name in found_on_disk(secretive.folder, SECRET))


@pytest.mark.parametrize("action", [pytest.param("hash", marks=pytest.mark.core), "mask", "drop"])
def test_a_hidden_value_is_nowhere_after_a_sync_a_report_and_a_rebuild(
    secretive: AnyWarehouse, action: str, log: pytest.LogCaptureFixture
) -> None:
    result = secretive.sync(keep_raw=True, privacy=rules(action))

    assert (result.fetched, result.failed) == (2, 0)
    assert_nothing_shows(secretive, log)
    before = secretive.snapshot()

    report = quality_report(secretive.pipeline)

    assert any(query.rows for query in report.queries)
    assert not [text for text in CANARIES if text in str(report)]
    assert_nothing_shows(secretive, log)

    rebuilt = rebuild(secretive.pipeline, privacy=rules(action))

    assert (rebuilt.runs, rebuilt.failed) == (2, 0)
    assert_nothing_shows(secretive, log)
    assert secretive.snapshot() == before


def test_a_hidden_value_is_nowhere_after_a_load_that_failed(
    secretive: AnyWarehouse, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("dlt.load.load.Load.run", _fail)
        with pytest.raises(Exception, match="the destination is gone"):
            secretive.sync(privacy=rules("hash"), keep_raw=True)
    assert [name for name, content in texts_on_disk(secretive.pipelines) if token(SECRET).encode() in content] != []
    assert_nothing_shows(secretive, log, landed=False)

    secretive.sync(privacy=rules("hash"), keep_raw=True)

    assert secretive.count("processor_runs") == 2
    assert_nothing_shows(secretive, log)


def _fail(*_: Any) -> None:
    raise OSError("the destination is gone")


def test_a_payload_that_cannot_be_read_is_not_quoted(
    make_warehouse: MakeWarehouse,
    empty_server: SandboxServer,
    log: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_secrets(empty_server)
    warehouse = make_warehouse(empty_server)

    def break_off(*arguments: Any) -> None:
        raise ValueError(f"cannot read {arguments!r}")

    monkeypatch.setattr("extend_source.privacy.cleaning.PrivacyRules.clean_run", break_off)

    result = warehouse.sync(privacy=rules("hash"))

    assert result.failed == 2
    assert [row["code"] for row in warehouse.rows("fetch_errors")] == ["ValueError", "ValueError"]
    assert_nothing_shows(warehouse, log)


# ---- the same token everywhere


def test_equal_values_have_one_token_in_all_tables(secretive: AnyWarehouse) -> None:
    secretive.sync(keep_raw=True, privacy=rules("hash"))

    new, old = token(SECRET), token(OLD_SECRET)
    fields = {(row["run_id"], row["path"]): row["value_text"] for row in secretive.rows("extraction_fields")}
    assert fields["dpr_secret", "passport"] == fields["dpr_secret", "lines[0].iban"] == new
    assert fields["dpr_legacy", "passport"] == new
    assert fields["dpr_secret", "country"] == "DE"
    assert fields["dpr_secret", "lines[1].iban"] is None
    assert secretive.query("select passport, country from extraction_passports where run_id = 'dpr_secret'") == [
        (new, "DE")
    ]
    assert secretive.query("select iban from extraction_passports__lines where row_index = 0") == [(new,)]
    texts = {
        row["path"]: row["reference_text"]
        for row in secretive.rows("extraction_citations")
        if row["run_id"] == "dpr_secret"
    }
    assert texts == {"passport": new, "lines[0].iban": new, "lines[0]": None, "country": None}
    edits = {(row["run_id"], row["path"]): row for row in secretive.rows("extraction_edits")}
    edit = edits["dpr_secret", "passport"]
    assert (edit["original_value"], edit["edited_value"]) == (json.dumps(old), json.dumps(new))
    assert (edit["initial_value"], edit["reviewed_value"]) == (json.dumps(old), json.dumps(new))
    assert (edit["change"], edit["basis"], edit["notes"]) == ("changed", "both", None)
    payload = {row["id"]: json.loads(row["payload"]) for row in secretive.rows("raw_payloads")}["dpr_secret"]
    assert payload["output"]["value"]["passport"] == new
    assert "contents" not in payload["files"][0]
    assert secretive.count("file_contents") == secretive.count("file_pages") == 0
    drift = {(row["object"], row["path"]) for row in secretive.rows("schema_drift")}
    assert drift >= {("processor_run", "unknown"), ("output", "unknown"), ("edit", "unknown")}


def test_the_next_sync_fetches_nothing_again(secretive: AnyWarehouse) -> None:
    settings = {"privacy": {**rules("hash"), "columns": {"processor_run_summaries.processor_name": "drop"}}}
    secretive.sync(**settings)
    before = secretive.rows("processor_run_summaries")

    again = secretive.sync(reconcile=True, review_window_days=0, **settings)

    assert again.fetched == 0
    assert secretive.rows("processor_run_summaries") == before
    assert secretive.sync(refresh=True, **settings).changed == 0


def test_rules_that_come_later_hold_for_runs_that_are_fetched_again(secretive: AnyWarehouse) -> None:
    secretive.sync()
    assert secretive.count("file_pages") == 2

    secretive.sync(refresh=True, privacy=rules("drop"), file_contents="none")

    assert secretive.query("select count(passport) from extraction_passports") == [(0,)]
    assert SECRET not in str(secretive.rows("extraction_fields"))


def test_columns_are_hidden_and_known_values_do_not_come_back(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    assert any(any_warehouse.column("files", "page_count"))
    names = any_warehouse.column("files", "name")
    columns = {
        "files.name": "hash",
        "files.page_count": "drop",
        "processor_runs.metadata": "mask",
        "processor_runs.extra": "drop",
    }

    any_warehouse.sync(refresh=True, privacy={"key": KEY, "columns": columns})

    assert any_warehouse.column("files", "name") == [token(name) for name in names]
    assert set(any_warehouse.column("files", "page_count")) == {None}
    assert set(any_warehouse.column("processor_runs", "extra")) == {None}


# ---- where the rules come from


def test_rules_come_from_the_config_files(empty_server: SandboxServer, tmp_path: Path) -> None:
    put_secrets(empty_server)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(
        '[sources.extend.privacy.fields]\n"passport" = "hash"\n"**.iban" = "drop"\nlines.sku = "mask"\n'
        '[sources.extend.privacy.columns]\n"files.name" = "drop"\n'
    )
    (tmp_path / ".dlt" / "secrets.toml").write_text(f'[sources.extend.privacy]\nkey = "{KEY}"\n')
    Container()[PluggableRunContext].reload_providers()
    warehouse = Warehouse(empty_server, tmp_path)

    warehouse.sync()

    fields = {
        row["path"]: row["value_text"] for row in warehouse.rows("extraction_fields") if row["run_id"] == "dpr_secret"
    }
    assert fields == {
        "passport": token(SECRET),
        "country": "DE",
        "lines[0]": None,
        "lines[0].sku": "***",
        "lines[1].sku": "***",
    }
    assert warehouse.column("files", "name") == [None, None]
    (tmp_path / ".dlt" / "secrets.toml").unlink()
    assert found_on_disk(tmp_path, *CANARIES, KEY) == []


def test_rules_come_from_the_environment(
    empty_server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_secrets(empty_server)
    monkeypatch.setenv("SOURCES__EXTEND__PRIVACY__KEY", KEY)
    monkeypatch.setenv("SOURCES__EXTEND__PRIVACY__DEFAULT", "hash")
    monkeypatch.setenv("SOURCES__EXTEND__PRIVACY__FIELDS", '{"country": "keep"}')
    monkeypatch.setenv("SOURCES__EXTEND__PRIVACY__COLUMNS", '{"files.name": "mask"}')
    warehouse = Warehouse(empty_server, tmp_path)

    warehouse.run()

    fields = {
        row["path"]: row["value_text"] for row in warehouse.rows("extraction_fields") if row["run_id"] == "dpr_secret"
    }
    assert (fields["country"], fields["passport"], fields["lines[0].sku"]) == ("DE", token(SECRET), token("A-1"))
    assert warehouse.column("files", "name") == ["***", "***"]
    assert found_on_disk(tmp_path, *CANARIES, KEY) == []


def test_rules_given_as_an_object_take_the_rest_from_the_environment(
    empty_server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_secrets(empty_server)
    monkeypatch.setenv("SOURCES__EXTEND__PRIVACY__KEY", KEY)
    warehouse = Warehouse(empty_server, tmp_path)

    warehouse.run(privacy=PrivacySettings(fields={"passport": "hash"}))

    assert warehouse.query("select passport from extraction_passports where run_id = 'dpr_secret'") == [
        (token(SECRET),)
    ]


# ---- the shell


def shell(server: SandboxServer, folder: Path, *arguments: str, **environment: str) -> Outcome:
    return run_shell(
        folder, *arguments, SOURCES__EXTEND__BASE_URL=server.base_url, SOURCES__EXTEND__API_KEY=server.api_key,
        SOURCES__EXTEND__REQUESTS_PER_SECOND="0", **environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("faults", "code"), [([], 0), (["5xx:0.3"], 0), (["unauthorized:3+"], 4), (["truncated:0.3@run"], 0)]
)
def test_the_shell_leaves_no_hidden_value_behind_whether_it_passes_or_fails(
    faults: list[str], code: int, tmp_path: Path
) -> None:
    with SandboxServer(workspaces=[Workspace(runs=5)], faults=faults) as server:
        put_secrets(server)
        environment = {
            "SOURCES__EXTEND__PRIVACY__KEY": KEY, "RUNTIME__LOG_LEVEL": "DEBUG",
            "SOURCES__EXTEND__PRIVACY__FIELDS": '{"passport": "hash", "**.iban": "mask"}',
        }  # fmt: skip
        outcome = shell(server, tmp_path, "sync", "--keep-raw", **environment)
        (tmp_path / "output.txt").write_text(outcome.stdout + outcome.stderr)
        if code == 0:
            again = shell(server, tmp_path, "rebuild", **environment)
            (tmp_path / "rebuild.txt").write_text(again.stdout + again.stderr)
            assert again.code == 0

    assert outcome.code == code
    assert outcome.stderr.count("The text of files is left out") == 1
    assert found_on_disk(tmp_path, *CANARIES, KEY) == []


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"FIELDS": '{"a": "hash"}'}, "EXT-108: privacy needs a key to hash with: set SOURCES__EXTEND__PRIVACY__KEY, or key under [sources.extend.privacy] in .dlt/secrets.toml."),
        ({"FIELDS": '{"a": "encrypt"}'}, "EXT-104: privacy.fields 'a' takes keep, hash, mask, drop; not 'encrypt'."),
        ({"FIELDS": '{"a..b": "drop"}'}, "EXT-104: privacy.fields 'a..b' is no path: it cannot be read from '..b' on. Examples: total, line_items[].iban, **.email, [\"net.amount\"]."),
        ({"FIELDS": "a=drop"}, 'EXT-104: privacy.fields takes rules as JSON, for example {"passport_number": "hash"}.'),
        ({"COLUMNS": '["files.name"]'}, 'EXT-104: privacy.columns takes a table of rules, for example {"files.name": "drop"}.'),
        ({"DEFAULT": "deny"}, "EXT-104: privacy.default takes keep, hash, mask, drop; not 'deny'."),
        ({"COLUMNS": '{"files.page_count": "mask"}'}, "EXT-104: privacy.columns 'files.page_count': the column holds bigint, which cannot become text; use drop."),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused_with_one_line_before_anything_is_sent(
    empty_server: SandboxServer, tmp_path: Path, environment: dict[str, str], line: str
) -> None:
    named = {f"SOURCES__EXTEND__PRIVACY__{name}": value for name, value in environment.items()}

    outcome = shell(empty_server, tmp_path, "sync", **named)

    assert (outcome.code, outcome.stderr) == (2, f"extend-source: {line}\n")
    assert empty_server.requests.total == 0


def test_fetching_text_that_shows_hidden_fields_is_refused(empty_server: SandboxServer, tmp_path: Path) -> None:
    named = {"SOURCES__EXTEND__PRIVACY__FIELDS": '{"a": "drop"}'}

    outcome = shell(empty_server, tmp_path, "sync", "--file-contents", "fetch", **named)

    assert outcome.code == 2
    assert outcome.stderr == (
        'extend-source: EXT-104: privacy hides fields, which the text of files would show: set file_contents to "none".\n'
    )


def test_what_is_no_privacy_setting_is_refused(empty_server: SandboxServer, tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text('[sources.extend.privacy]\n"passport_number" = "drop"\n')

    outcome = shell(empty_server, tmp_path, "sync")

    assert outcome.code == 2
    assert outcome.stderr == (
        "extend-source: EXT-104: privacy takes key, default, fields, columns, document_signatures, on_unmatched; not 'passport_number'.\n"
    )


# ---- rules that match nothing


@pytest.mark.case("4.4")
@pytest.mark.case("S3")
@pytest.mark.core
def test_a_rule_that_matched_nothing_in_a_sync_is_named_once_with_the_nearest_field(
    empty_server: SandboxServer, tmp_path: Path
) -> None:
    put_secrets(empty_server)
    named = {"SOURCES__EXTEND__PRIVACY__FIELDS": '{"Passport": "drop", "lines[].iban": "mask", "unheard_of": "drop"}'}

    outcome = shell(empty_server, tmp_path, "sync", **named)

    assert outcome.code == 0
    said = [line.partition("privacy.fields ")[2] for line in outcome.stderr.splitlines() if "privacy.fields " in line]
    rest = "Rules are paths of the document, as in extraction_fields.path_template."
    assert said == [
        f"'Passport' matches no field: nothing is hidden by it; did you mean 'passport'? {rest}",
        f"'unheard_of' matches no field: nothing is hidden by it. {rest}",
    ]


@pytest.mark.case("4.4")
@pytest.mark.case("S3")
@pytest.mark.core
def test_where_that_is_an_error_nothing_of_the_load_is_left_on_disk(
    empty_server: SandboxServer, tmp_path: Path
) -> None:
    put_secrets(empty_server)
    named = {
        "SOURCES__EXTEND__PRIVACY__FIELDS": '{"Passport": "drop", "lines[].iban": "mask"}',
        "SOURCES__EXTEND__PRIVACY__ON_UNMATCHED": "error",
    }

    outcome = shell(empty_server, tmp_path, "sync", **named)

    assert outcome.code == 2
    assert outcome.stderr.splitlines()[-1] == (
        "extend-source: EXT-107: privacy.fields 'Passport' matches no field: nothing is hidden by it; did you mean 'passport'?"
    )
    assert found_on_disk(tmp_path, *CANARIES) == []


@pytest.mark.case("4.4")
def test_a_field_of_a_schema_that_landed_before_counts_as_met(empty_server: SandboxServer, tmp_path: Path) -> None:
    empty_server.workspace.put_run(legacy_run())
    warehouse = Warehouse(empty_server, tmp_path)
    fields = {"passport": "hash", "country": "keep"}
    warehouse.sync(privacy={"key": KEY, "fields": fields, "on_unmatched": "error"})
    other = {**reviewed_run("dpr_other"), "config": {"type": "EXTRACT", "schema": {"properties": {"x": TEXT}}}}
    empty_server.workspace.put_run(
        {**other, "output": {"value": {"x": "1"}}, "reviewedOutput": None, "initialOutput": None, "edits": {}}
    )

    result = warehouse.sync(privacy={"key": KEY, "fields": fields, "on_unmatched": "error"})

    assert (result.fetched, result.complete) == (1, True)
