"""The run's own row, its files, classes and splits, and what costs credits."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from extend_source.tables import Flattener, Origin
from extend_source.tables.payloads import payload_sha256
from tests.tables.flat import NOW, flatten, rows_of, run_of, without


def file_of(number: int = 1, **parts: Any) -> dict[str, Any]:
    return {
        "object": "file", "id": f"file_{number}", "name": "a.pdf", "type": "PDF", "metadata": {"pageCount": 2},
        "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00.5Z", **parts,
    }  # fmt: skip


def test_a_run_lands_with_the_times_of_its_summary() -> None:
    created_at = datetime(2026, 1, 1, 10, tzinfo=timezone.utc)
    updated_at = datetime(2026, 1, 1, 10, 0, 1, 123000, tzinfo=timezone.utc)

    (row,) = flatten(run_of(), created_at=created_at, updated_at=updated_at)["processor_runs"]

    assert (row["created_at"], row["updated_at"]) == (created_at, updated_at)
    assert (row["fetched_at"], row["api_version"], row["workspace_id"]) == (NOW, "2025-04-21", "ws_1")


def test_unknown_credits_stay_null_and_are_not_in_the_ledger() -> None:
    tables = flatten(run_of(usage=None))

    assert tables["processor_runs"][0]["credits"] is None
    assert tables["credit_usage"] == []


@pytest.mark.parametrize(
    ("sent", "landed", "extra"),
    [
        (Decimal("3.5"), Decimal("3.500000"), None),
        (0, Decimal("0.000000"), None),
        (0.1 + 0.2, Decimal("0.300000"), '{"usage":{"credits":0.30000000000000004}}'),
        ("3.5", None, '{"usage":{"credits":"3.5"}}'),
        (True, None, '{"usage":{"credits":true}}'),
    ],
)
def test_credits_are_exact_decimals_and_what_does_not_fit_is_kept(sent: Any, landed: Any, extra: Any) -> None:
    (row,) = flatten(run_of(usage={"credits": sent}))["processor_runs"]

    assert (row["credits"], row["extra"]) == (landed, extra)


def test_a_file_in_five_runs_is_one_file_and_one_cost() -> None:
    runs = [run_of(id=f"dpr_{n}", files=[file_of(usage={"credits": 4})]) for n in range(5)]

    tables = flatten(*runs)

    assert [row["id"] for row in tables["files"]] == ["file_1"]
    assert [(row["resource_id"], row["credits"]) for row in tables["credit_usage"]] == [("file_1", Decimal(4))]
    assert len(tables["processor_run_files"]) == 5


def test_two_files_of_equal_content_are_two_files_and_two_costs() -> None:
    runs = [run_of(id=f"dpr_{n}", files=[file_of(n, usage={"credits": 4})]) for n in (1, 2)]

    tables = flatten(*runs)

    assert [row["id"] for row in tables["files"]] == ["file_1", "file_2"]
    assert [row["resource_id"] for row in tables["credit_usage"]] == ["file_1", "file_2"]


def test_a_split_child_names_its_parent_and_its_place_in_it() -> None:
    split = {"id": "s1", "type": "Invoice", "identifier": "inv_1", "startPage": 3, "endPage": 5.0}
    child = file_of(metadata={"parentSplit": split}, parentFileId="file_0")

    (row,) = flatten(run_of(files=[child]))["files"]

    names = ("parent_file_id", "parent_split_id", "parent_split_type", "parent_split_identifier",
             "parent_split_start_page", "parent_split_end_page", "page_count")  # fmt: skip
    assert tuple(row[name] for name in names) == ("file_0", "s1", "Invoice", "inv_1", 3, 5, None)


def test_pages_and_sheets_land_in_order_also_without_a_number() -> None:
    contents = {
        "rawText": "all", "pages": [{"pageNumber": 1, "rawText": "one"}, {"rawText": "two"}, {"pageNumber": 1}],
        "sheets": [{"sheetName": "S", "rawText": "cells"}],
    }  # fmt: skip

    tables = flatten(run_of(files=[file_of(contents=contents)]))

    assert [(row["position"], row["page_number"], row["raw_text"]) for row in tables["file_pages"]] == [
        (0, 1, "one"), (1, None, "two"), (2, 1, None),
    ]  # fmt: skip
    assert [(row["sheet_name"], row["raw_text"]) for row in tables["file_sheets"]] == [("S", "cells")]
    assert tables["file_contents"][0]["raw_text"] == "all"


def test_without_contents_nothing_says_that_pages_are_gone() -> None:
    tables = flatten(run_of(files=[file_of()]), markers=True)

    assert [tables[name] for name in ("file_pages", "file_sheets", "file_contents")] == [[], [], []]


def test_an_empty_list_of_pages_says_that_they_are_gone() -> None:
    tables = flatten(run_of(files=[file_of(contents={"pages": []})]), markers=True)

    assert [(row["file_id"], row["position"]) for row in tables["file_pages"]] == [("file_1", -1)]
    assert tables["file_sheets"] == []


def test_no_text_of_files_lands_when_contents_are_off() -> None:
    run = run_of(files=[file_of(contents={"rawText": "SECRET", "pages": [{"rawText": "SECRET"}], "new": "SECRET"})])

    assert "SECRET" not in str(flatten(run, with_contents=False))


def test_a_file_without_an_id_stays_with_its_run() -> None:
    tables = flatten(run_of(files=[{"name": "lost.pdf"}]))

    assert tables["processor_runs"][0]["extra"] == '{"files":[{"name":"lost.pdf"}]}'
    assert tables["files"] == []


def test_a_classification_lands_once_a_stage_with_its_insights() -> None:
    run = run_of(
        "CLASSIFY",
        output={"id": "c2", "type": "receipt", "confidence": 1, "insights": []},
        initialOutput={
            "id": "c1",
            "type": "invoice",
            "confidence": 0.5,
            "insights": [{"type": "issue", "content": "?"}],
        },
    )

    tables = flatten(run)

    assert [(row["stage"], row["classification_id"], row["type"], row["confidence"]) for row in tables["classifications"]] == [
        ("final", "c2", "receipt", 1.0), ("initial", "c1", "invoice", 0.5),
    ]  # fmt: skip
    assert [(row["stage"], row["path"], row["content"]) for row in tables["output_insights"]] == [("initial", "$", "?")]
    assert tables["processor_runs"][0]["output_format"] == "classification"


def test_splits_land_with_the_files_made_of_them() -> None:
    split = {"id": "s1", "type": "Invoice", "classificationId": "c1", "identifier": "i", "observation": "o",
             "startPage": 1, "endPage": 2, "fileId": "file_9"}  # fmt: skip

    tables = flatten(run_of("SPLITTER", output={"splits": [split], "isExternal": False}))

    assert [without(row, "run_id") for row in tables["splits"]] == [
        {"stage": "final", "position": 0, "split_id": "s1", "type": "Invoice", "classification_id": "c1",
         "identifier": "i", "observation": "o", "start_page": 1, "end_page": 2, "file_id": "file_9"}
    ]  # fmt: skip
    assert tables["processor_runs"][0]["extra"] == '{"output":{"isExternal":false}}'
    assert tables["schema_drift"] == []


def test_an_unknown_kind_of_run_keeps_its_output_whole() -> None:
    tables = flatten(run_of("NEW_KIND", output={"answer": 42}))

    assert tables["processor_runs"][0]["extra"] == '{"output":{"answer":42}}'


def test_unknown_keys_are_kept_and_reported_once() -> None:
    runs = [run_of(id=f"dpr_{n}", novelty={"x": 1}, usage={"credits": 1, "currency": "EUR"}) for n in (1, 2)]

    tables = flatten(*runs)

    assert tables["processor_runs"][1]["extra"] == '{"usage":{"currency":"EUR"},"novelty":{"x":1}}'
    assert [
        (row["object"], row["path"], row["reason"], row["json_type"], row["example_run_id"])
        for row in tables["schema_drift"]
    ] == [
        ("processor_run", "usage.currency", "unknown_key", "string", "dpr_1"),
        ("processor_run", "novelty", "unknown_key", "object", "dpr_1"),
    ]


def test_signed_urls_are_cut_off_in_metadata_messages_and_unknown_keys() -> None:
    link = "https://store.test/a.pdf?X-Amz-Date=1&X-Amz-Signature=SECRET"
    run = run_of(
        metadata={"source": link}, failureMessage=f"cannot read {link} twice", novelty={"presignedUrl": link, "u": link}
    )

    tables = flatten(run)

    assert "SECRET" not in str(tables)
    assert tables["processor_runs"][0]["metadata"] == '{"source":"https://store.test/a.pdf?[redacted]"}'
    assert tables["processor_runs"][0]["failure_message"] == "cannot read https://store.test/a.pdf?[redacted] twice"


def test_the_payload_sum_ignores_the_order_of_keys_and_download_links() -> None:
    run = run_of(files=[file_of()])
    other = dict(reversed(list(copy.deepcopy(run).items())))
    other["files"][0]["presignedUrl"] = "https://store.test/a.pdf?X-Amz-Signature=1"

    assert payload_sha256(run) == payload_sha256(other)
    assert payload_sha256(run) != payload_sha256({**run, "reviewed": True})


def test_equal_configs_share_one_row_whatever_the_order_of_their_keys() -> None:
    config = {"type": "CLASSIFY", "classificationRules": "r", "baseVersion": "1"}
    runs = [
        run_of("CLASSIFY", id="dpr_1", config=config),
        run_of("CLASSIFY", id="dpr_2", config=dict(reversed(config.items()))),
    ]

    tables = flatten(*runs)

    assert [(row["rules"], row["base_version"]) for row in tables["run_configs"]] == [("r", "1")]
    assert len({row["config_id"] for row in tables["processor_runs"]}) == 1


def test_a_file_met_again_adds_what_it_knows_and_forgets_nothing() -> None:
    first = file_of(usage={"credits": 4.5}, contents={"rawText": "plain"})
    second = file_of(updatedAt="2026-02-01T00:00:00Z", novelty=1, contents={"markdown": "# marked"})
    del second["createdAt"]

    for runs in (
        [run_of(id="dpr_1", files=[first]), run_of(id="dpr_2", files=[second])],
        [run_of(files=[first, second])],
    ):
        tables = flatten(*runs)
        (file,) = tables["files"]
        assert (file["credits"], file["created_at"].year, file["updated_at"].month) == (Decimal("4.5"), 2026, 2)
        assert file["extra"] == '{"novelty":1}'
        (text,) = tables["file_contents"]
        assert (text["raw_text"], text["markdown"]) == ("plain", "# marked")


def test_a_file_met_in_a_later_batch_is_written_again_only_with_news() -> None:
    flattener = Flattener()
    origin = Origin("2025-04-21", None, NOW)
    batches = []
    for number, file in enumerate([file_of(usage={"credits": 4}), file_of(), file_of(usage={"credits": 5})]):
        flattener.add("processor_run", run_of(id=f"dpr_{number}", files=[file]), origin)
        batches.append(rows_of(flattener)["files"])

    assert [[row["credits"] for row in rows] for rows in batches] == [[Decimal(4)], [], [Decimal(5)]]
    assert batches[2][0]["fetched_at"] > batches[0][0]["fetched_at"]


@pytest.mark.parametrize(
    "link",
    ["https://store.test/a?sig=SECRET&se=1", "https://store.test/a?se=1&sig=SECRET", "https://x/a?Signature=SECRET"],
)
def test_no_text_of_the_api_keeps_a_signature(link: str) -> None:
    run = run_of(
        failureReason=link, processorName=link, url=link, files=[file_of(name=link)],
        config={"type": "EXTRACT", "schema": {"title": link}, "extractionRules": link},
    )  # fmt: skip

    assert "SECRET" not in str(flatten(run))


@pytest.mark.case("3.3")
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Decimal("1e200000"), '"1E+200000"'),
        (Decimal("-1e-200000"), '"-1E-200000"'),
        (Decimal("1e999999999"), '"1E+999999999"'),
        (Decimal("0." + "1" * 1001), f'"0.{"1" * 1001}"'),
        (10**1000, f'"1{"0" * 1000}"'),
        (Decimal("9" * 5000), f'"{"9" * 5000}"'),
        (10**999, f"1{'0' * 999}"),
        (Decimal("1e400"), "1E+400"),
        (Decimal("-0.0"), "-0.0"),
    ],
)
def test_a_number_of_more_than_a_thousand_digits_is_a_text_in_every_json_column(number: Any, text: str) -> None:
    config = {"type": "EXTRACT", "schema": {"properties": {"a": {"enum": [number]}}}}
    run = run_of(
        metadata={"n": number}, config=config, initialOutput={"value": {"a": number}}, reviewedOutput={"value": {}},
        edits={"a": {"originalValue": number, "unknown": number}}, unheard=[number],
    )  # fmt: skip

    tables = flatten(run)

    (row,) = tables["processor_runs"]
    assert (row["metadata"], row["extra"]) == (f'{{"n":{text}}}', f'{{"unheard":[{text}]}}')
    assert (row["initial_output"], row["reviewed_output"]) == (f'{{"value":{{"a":{text}}}}}', '{"value":{}}')
    edit = next(row for row in tables["extraction_edits"] if row["path"] == "a")
    assert (edit["original_value"], edit["initial_value"], edit["extra"]) == (text, text, f'{{"unknown":{text}}}')
    assert [field["enum_values"] for field in tables["run_config_fields"]] == [f"[{text}]"]
    assert tables["run_configs"][0]["config"] == (
        f'{{"schema":{{"properties":{{"a":{{"enum":[{text}]}}}}}},"type":"EXTRACT"}}'
    )


@pytest.mark.case("3.3")
def test_a_number_beyond_every_database_is_kept_as_sent_in_the_long_table_and_in_raw_payloads() -> None:
    flattener = Flattener(keep_raw=True)
    run = run_of(output={"value": {"a": Decimal("1e200000")}})
    flattener.add("processor_run", run, Origin("2025-04-21", None, NOW))

    tables = rows_of(flattener)

    (row,) = tables["extraction_fields"]
    assert (row["value_type"], row["value_text"], row["value_number"]) == ("number", "1E+200000", None)
    assert '"output":{"value":{"a":1E+200000}}' in tables["raw_payloads"][0]["payload"]


@pytest.mark.case("S17")
def test_a_page_number_beyond_all_measure_is_drift_and_its_run_lands() -> None:
    citation = {"page": Decimal("1e999999999"), "pageWidth": Decimal("1e400"), "polygon": [{"x": "NaN", "y": 1}]}
    output = {"value": {"a": 1}, "metadata": {"a": {"citations": [citation]}}}

    tables = flatten(run_of(output=output))

    (row,) = tables["extraction_citations"]
    assert (row["page"], row["page_width"], row["polygon"]) == (None, None, '[{"x":"NaN","y":1}]')
    assert (row["box_left"], row["extra"]) == (None, '{"page":"1E+999999999","pageWidth":1E+400}')
    assert [(drift["path"], drift["reason"]) for drift in tables["schema_drift"] if drift["object"] == "citation"] == [
        ("page", "unexpected_type"),
        ("pageWidth", "unexpected_type"),
    ]


@pytest.mark.case("3.3")
def test_what_databases_refuse_in_texts_becomes_the_replacement_character_at_the_last_door() -> None:
    run = run_of(processorName="a\0b", metadata={"k\0": "v\0"})

    (row,) = flatten(run)["processor_runs"]

    assert (row["processor_name"], row["metadata"]) == ("a\ufffdb", '{"k\ufffd":"v\ufffd"}')


def test_texts_that_look_like_huge_numbers_are_only_texts() -> None:
    assert flatten(run_of(metadata={"code": "1e99999"}))["processor_runs"][0]["metadata"] == '{"code":"1e99999"}'


def test_a_page_count_of_a_million_digits_is_kept_out_at_once() -> None:
    (row,) = flatten(run_of(files=[file_of(metadata={"pageCount": Decimal("1e300")})]))["files"]

    assert (row["page_count"], row["extra"]) == (None, '{"metadata":{"pageCount":1E+300}}')


def test_text_that_is_fetched_stands_above_text_that_was_written_before_in_the_same_load() -> None:
    file = {"id": "file_1", "contents": {"rawText": "as the run says"}}
    flattener = Flattener(trust_empty_contents=False)
    flattener.add("processor_run", run_of(files=[file]), Origin("2025-04-21", None, NOW))
    rows_of(flattener)

    fetched = Origin("2025-04-21", None, NOW + timedelta(seconds=1))
    flattener.add("file", {"id": "file_1", "contents": {"rawText": "as fetched"}}, fetched, final=True)

    (row,) = rows_of(flattener)["file_contents"]
    assert (row["raw_text"], row["fetched_at"]) == ("as fetched", NOW + timedelta(seconds=1))


def test_a_file_without_an_id_keeps_no_text_when_contents_are_off() -> None:
    (row,) = flatten(run_of(files=[{"name": "a", "contents": {"rawText": "secret"}}]), with_contents=False)[
        "processor_runs"
    ]

    assert row["extra"] == '{"files":[{"name":"a"}]}'
