"""Payloads as they are kept: no signed URLs, every digit, and the same rows when they are read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extend_source.tables import Flattener, Origin
from extend_source.tables.links import file_without_signatures, run_without_signatures
from extend_source.tables.payloads import payload_sha256
from extend_source.tables.runs import raw_payload
from extend_source.text.json_codec import decode_json, encode_json
from tests.tables.flat import NOW, Rows, rows_of, run_of
from tests.tables.payloads import SIGNATURE, files, runs

pytestmark = pytest.mark.slow

LINK = f"https://store.test/a.pdf?X-Amz-Date=1&X-Amz-Signature={SIGNATURE}"

LINKS = st.recursive(
    st.sampled_from([LINK, f"cannot read {LINK} twice", f"{LINK}'{LINK}", "https://store.test/a.pdf?page=2"]),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["url", "b"]), inner)),
    max_leaves=4,
)


def sent(value: dict[str, Any]) -> dict[str, Any]:
    """An object as the client hands it on: decoded from the JSON of an answer."""
    decoded: dict[str, Any] = decode_json(encode_json(value).encode())
    return decoded


def rows_of_run(run: dict[str, Any], sha256: str | None = None, **options: bool) -> dict[str, Rows]:
    flattener = Flattener(**options)
    flattener.add("processor_run", run, Origin("2025-04-21", "ws_1", NOW, payload_sha256=sha256))
    return rows_of(flattener, markers=True)


@settings(max_examples=150)
@given(run=runs())
def test_a_kept_payload_of_a_run_says_what_the_run_said_with_its_text_or_without(run: dict[str, Any]) -> None:
    run = sent(run)

    clean = run_without_signatures(run)

    for with_contents in (True, False):
        kept = decode_json(raw_payload(clean, with_contents=with_contents).encode())
        again = rows_of_run(kept, payload_sha256(clean), with_contents=with_contents)
        assert again == rows_of_run(run, with_contents=with_contents), with_contents


@settings(max_examples=100)
@given(run=runs(), links=st.dictionaries(st.sampled_from(["metadata", "failureMessage", "url", "new"]), LINKS))
def test_signed_urls_change_nothing_of_it(run: dict[str, Any], links: dict[str, Any]) -> None:
    run = sent({**run, **links})

    clean = run_without_signatures(run)
    payload = raw_payload(clean)

    assert SIGNATURE not in payload
    assert rows_of_run(decode_json(payload.encode()), payload_sha256(clean)) == rows_of_run(run)


@settings(max_examples=100)
@given(file=files(1))
def test_a_kept_payload_of_a_file_says_what_the_file_said(file: dict[str, Any]) -> None:
    file = sent(file)

    kept = decode_json(encode_json(file_without_signatures(file)).encode())

    def rows(payload: dict[str, Any]) -> dict[str, Rows]:
        flattener = Flattener()
        flattener.add("file", payload, Origin("2025-04-21", "ws_1", NOW), final=True)
        return rows_of(flattener, markers=True)

    assert rows(kept) == rows(file)


@pytest.mark.parametrize("digits", ["1.50", "30.0", "-0.0", "0.1000000000000000055511151231257827", "1" * 40])
def test_digits_are_kept_as_sent(digits: str) -> None:
    run = decode_json(f'{{"id":"dpr_1","output":{{"value":{{"n":{digits}}}}}}}'.encode())

    assert f'"n":{digits}}}' in raw_payload(run)


@pytest.mark.case("S2")
@pytest.mark.parametrize("cut_documents", [True, False])
def test_a_kept_payload_has_no_links_and_documents_theirs_without_a_signature(cut_documents: bool) -> None:
    own = "see https://x.test/?page=3&sig=1"
    file = {"id": "file_1", "presignedUrl": LINK, "name": LINK, "contents": {"rawText": own}}
    run = run_of(
        presignedUrl=LINK, metadata={"presignedUrl": LINK, "u": LINK}, failureMessage=LINK, files=[file, LINK],
        config={"description": LINK}, output={"value": {"url": own, own: 1}}, novelty=[{"a": LINK}],
        edits={"url": {"originalValue": own, "notes": own}},
    )  # fmt: skip
    flattener = Flattener(keep_raw=True, cut_documents=cut_documents)
    flattener.add("processor_run", run, Origin("2025-04-21", "ws_1", NOW))

    (row,) = rows_of(flattener)["raw_payloads"]

    payload = json.loads(row["payload"])
    clean = "https://store.test/a.pdf?[redacted]"
    cut = "see https://x.test/?page=3&sig=[redacted]" if cut_documents else own
    assert payload["files"] == [{"id": "file_1", "name": clean, "contents": {"rawText": cut}}, clean]
    assert payload["output"] == {"value": {"url": cut, cut: 1}}
    assert payload["edits"] == {"url": {"originalValue": cut, "notes": cut}}
    assert (payload["metadata"], payload["failureMessage"]) == ({"u": clean}, clean)
    assert (payload["config"], payload["novelty"]) == ({"description": clean}, [{"a": clean}])
    assert list(payload) == [key for key in run if key != "presignedUrl"]


@pytest.mark.parametrize("with_contents", [True, False])
def test_payloads_are_kept_only_on_demand_and_with_text_only_if_that_is_wanted(with_contents: bool) -> None:
    run = run_of(files=[{"id": "file_1", "contents": {"rawText": "plain"}}])

    (row,) = rows_of_run(run, keep_raw=True, with_contents=with_contents)["raw_payloads"]

    assert ("plain" in row["payload"]) is with_contents
    assert (row["id"], row["payload_sha256"], row["fetched_at"]) == ("dpr_1", payload_sha256(run), NOW)
    assert rows_of_run(run)["raw_payloads"] == []


def moments() -> Iterator[datetime]:
    """One time after the other."""
    moment = NOW
    while True:
        moment += timedelta(minutes=1)
        yield moment


def test_payloads_of_a_later_load_are_a_load_of_their_own() -> None:
    flattener, time = Flattener(), moments()
    first = {"id": "file_1", "name": "a.pdf", "type": "PDF", "usage": {"credits": 4}, "metadata": {"pageCount": 2}}
    later = {"id": "file_1", "name": "b.pdf", "novelty": 1}

    written = []
    for number, file in enumerate((first, later, {**later, "usage": {"credits": 5}})):
        flattener.add("processor_run", run_of(id=f"dpr_{number}", files=[file]), Origin("2025-04-21", None, next(time)))
        flattener.start_over()
        tables = rows_of(flattener)
        written.append((tables["files"], [row["credits"] for row in tables["credit_usage"]]))

    columns = ("name", "type", "page_count", "credits", "extra")
    assert [([tuple(row[name] for name in columns) for row in rows], ledger) for rows, ledger in written] == [
        ([("a.pdf", "PDF", 2, 4, None)], [4]),
        ([("b.pdf", None, 2, 4, '{"novelty":1}')], []),
        ([("b.pdf", None, 2, 5, '{"novelty":1}')], [5]),
    ]
    assert [rows[0]["fetched_at"] - NOW for rows, _ in written] == [timedelta(minutes=n) for n in (1, 2, 3)]


def test_text_has_the_time_at_which_it_was_fetched() -> None:
    flattener, time = Flattener(trust_empty_contents=False), moments()
    file = {"id": "file_1", "contents": {"rawText": "embedded"}}

    flattener.add("processor_run", run_of(files=[{"id": "file_1"}, file]), Origin("2025-04-21", None, next(time)))
    fetched = Origin("2025-04-21", None, next(time))
    flattener.add("file", {**file, "contents": {"rawText": "fetched"}}, fetched, final=True)
    tables = rows_of(flattener)

    assert [(row["raw_text"], row["fetched_at"] - NOW) for row in tables["file_contents"]] == [
        ("fetched", timedelta(minutes=2))
    ]
    assert [row["fetched_at"] - NOW for row in tables["files"]] == [timedelta(minutes=1)]
