"""Signed URLs are recognised by the names of their parameters, however these are written, in time that text takes."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extend_source.tables import Flattener, Origin, TypedNames
from extend_source.tables.links import run_without_signatures
from extend_source.text.json_codec import encode_json
from extend_source.text.redaction import (
    cut_signatures,
    may_show_signatures,
    redact,
    redact_signed_urls,
    without_signatures,
    without_signed_urls,
)
from tests.tables.flat import NOW, cells, flatten, run_of

S = "5eC0ff33-5ec"
CUT = "[redacted]"

FORMS = [
    # text, as it is where links are no document's, and as it is in a document
    (f"https://b.test/a.pdf?X-Amz-Date=1&X-Amz-Signature={S}&x=2", "https://b.test/a.pdf?[redacted]", f"https://b.test/a.pdf?X-Amz-Date=1&X-Amz-Signature={CUT}&x=2"),
    (f"https://b.test/a b.pdf?sig={S} twice", "https://b.test/a b.pdf?[redacted] twice", f"https://b.test/a b.pdf?sig={CUT} twice"),
    (f"https://b.test/o'brien.pdf?sig={S}", "https://b.test/o'brien.pdf?[redacted]", f"https://b.test/o'brien.pdf?sig={CUT}"),
    (f'https://b.test/?as=file; name="a b"&sig={S}&z=1 tail', "https://b.test/?[redacted] tail", f'https://b.test/?as=file; name="a b"&sig={CUT}&z=1 tail'),
    (f"https://b.test/?sig='{S}'", "https://b.test/?[redacted]'", f"https://b.test/?sig='{CUT}'"),
    (f"https://b.test/?a=1&amp;sig={S}&amp;b=2", "https://b.test/?[redacted]", f"https://b.test/?a=1&amp;sig={CUT}&amp;b=2"),
    (f"https://b.test/?a=1&#38;sig&#x3D;{S}", "https://b.test/?[redacted]", f"https://b.test/?a=1&#38;sig&#x3D;{CUT}"),
    (f"https://b.test/?a=1\\u0026sig={S}\\u0026b", "https://b.test/?[redacted]", f"https://b.test/?a=1\\u0026sig={CUT}\\u0026b"),
    (f"https:\\/\\/b.test\\/a?sig={S}", "https:\\/\\/b.test\\/a?[redacted]", f"https:\\/\\/b.test\\/a?sig={CUT}"),
    (f"https://b.test/?X%2DAmz%2DSignature={S}", "https://b.test/?[redacted]", f"https://b.test/?X%2DAmz%2DSignature={CUT}"),
    (f"https://b.test/?%73i%67%3D{S}", "https://b.test/?[redacted]", f"https://b.test/?%73i%67%3D{CUT}"),
    (f"https://b.test/?a=1;sig={S};b=2", "https://b.test/?[redacted]", f"https://b.test/?a=1;sig={CUT};b=2"),
    (f"https://a.test/?u=https%3A%2F%2Fb.test%3Fsig%3D{S}%26x%3D1&n=1", "https://a.test/?u=https%3A%2F%2Fb.test%3F[redacted]", f"https://a.test/?u=https%3A%2F%2Fb.test%3Fsig%3D{CUT}%26x%3D1&n=1"),
    (f"https://a.test/?u=https%253A%252F%252Fb.test%253Fsig%253D{S}", "https://a.test/?u=https%253A%252F%252Fb.test%253F[redacted]", f"https://a.test/?u=https%253A%252F%252Fb.test%253Fsig%253D{CUT}"),
    (f"https://b.test/?p[sig]={S}&b=2", "https://b.test/?[redacted]", f"https://b.test/?p[sig]={CUT}&b=2"),
    (f"https://b.test/?sig=\n{S}", "https://b.test/?[redacted]", f"https://b.test/?sig=\n{CUT}"),
    (f"b.test/a?sig={S}", "b.test/a?[redacted]", f"b.test/a?sig={CUT}"),
    (f"//b.test/a?sig={S}", "//b.test/a?[redacted]", f"//b.test/a?sig={CUT}"),
    (f"sv=2024&sr=b&sig={S}&se=1", f"sv=2024&sr=b&sig={CUT}&se=1", f"sv=2024&sr=b&sig={CUT}&se=1"),
    (f"the token sig={S}&sv=2024 of Ann", f"the token sig={CUT}&sv=2024 of Ann", f"the token sig={CUT}&sv=2024 of Ann"),
    (f'X-Amz-Security-Token: "{S}"', f'X-Amz-Security-Token: "{CUT}"', f'X-Amz-Security-Token: "{CUT}"'),
    (f'{{"x-goog-signature": "{S}", "b": 1}}', f'{{"x-goog-signature": "{CUT}", "b": 1}}', f'{{"x-goog-signature": "{CUT}", "b": 1}}'),
    (f'{{\\"X-Amz-Signature\\":\\"{S}\\"}}', f'{{\\"X-Amz-Signature\\":\\"{CUT}\\"}}', f'{{\\"X-Amz-Signature\\":\\"{CUT}\\"}}'),
    (f"<a href='//b.test?sig={S}'>a</a>", "<a href='//b.test?[redacted]'>a</a>", f"<a href='//b.test?sig={CUT}'>a</a>"),
    (f"[a](https://b.test?sig={S}), b", "[a](https://b.test?[redacted]), b", f"[a](https://b.test?sig={CUT}), b"),
    (f"Done? See https://b.test/&sig={S}", f"Done? See https://b.test/&sig={CUT}", f"Done? See https://b.test/&sig={CUT}"),
]  # fmt: skip

STORES = {
    "AWS": f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA&X-Amz-Signature={S}",
    "AWS, version 2": f"AWSAccessKeyId=AKIA&Expires=1&Signature={S}",
    "GCS": f"X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Signature={S}",
    "GCS, version 2": f"GoogleAccessId=a@b.test&Expires=1&Signature={S}",
    "Azure": f"sv=2024-01-01&sr=b&sp=r&sig={S}",
    "CloudFront": f"Expires=1&Signature={S}&Key-Pair-Id=K",
    "Tencent": f"q-sign-algorithm=sha1&q-ak=A&q-signature={S}",
    "Tencent, earlier": f"sign={S}",
    "Aliyun": f"OSSAccessKeyId=A&Expires=1&Signature={S}",
    "Aliyun, version 4": f"x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-signature={S}",
    "Firebase": f"alt=media&token={S}",
    "Baidu": f"authorization=bce-auth-v1/a/1/{S}",
    "Akamai": f"hdnts=exp=1~acl=/*~hmac={S}",
    "Supabase": f"token={S}",
    "OAuth": f"access_token={S}",
    "temporary credentials": f"security-token={S}",
}

HARMLESS = [
    "Signature: John Smith", "signature = John", "Where? a token economy", "https://b.test/?design=5&assign=6",
    "https://b.test/?page=2&q=sig", "19 % VAT & 5=5", "sign here: ____ = ____", "X-Ray-Signature: none", "a=b&c", "",
]  # fmt: skip


@pytest.mark.case("S2")
@pytest.mark.parametrize(("text", "redacted", "cut"), FORMS)
def test_signatures_are_recognised_in_all_forms(text: str, redacted: str, cut: str) -> None:
    assert redact_signed_urls(text) == redacted
    assert cut_signatures(text) == cut
    assert redact_signed_urls(redacted) == redacted
    assert cut_signatures(cut) == redact_signed_urls(cut) == cut


@pytest.mark.case("S2")
@pytest.mark.parametrize("query", STORES.values(), ids=STORES)
def test_the_signatures_of_all_stores_are_recognised(query: str) -> None:
    assert redact_signed_urls(f"at https://b.test/a?{query} now") == "at https://b.test/a?[redacted] now"
    assert S not in cut_signatures(f"at https://b.test/a?{query.upper()} now".replace(S.upper(), S))


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert redact_signed_urls(text) == cut_signatures(text) == text


@pytest.mark.case("S2")
@pytest.mark.parametrize(
    "name",
    ["presigned_url", "presignedURL", "PRESIGNED_URL", "preSignedUrl", "presignedurl", "signedUrl", "signed-url", "downloadUrl",
     "download_url", "fileDownloadURL", "downloadLink", "sasUri", "X-Amz-Signature", "x_amz_signature", "xAmzSecurityToken"],
)  # fmt: skip
def test_what_is_called_a_link_or_a_signature_is_cut_out_whatever_it_is(name: str) -> None:
    value = {"a": [{name: "https://b.test/opaque"}, {name: {"href": "b", "n": 1}}], name: None}

    assert without_signed_urls(value) == {"a": [{name: CUT}, {name: {"href": CUT, "n": 1}}], name: None}


@pytest.mark.parametrize("name", ["url", "assignedUrl", "signature", "urlSigned", "downloads", "token", "imageUrl"])
def test_what_is_called_otherwise_stays(name: str) -> None:
    assert without_signed_urls({name: "https://b.test/x"}) == {name: "https://b.test/x"}


@pytest.mark.case("S2")
def test_the_value_of_a_pair_that_is_called_like_a_signature_is_cut_out() -> None:
    pairs = {"queryString": [{"name": "X-Amz-Signature", "value": S}, {"key": "X-Amz-Expires", "value": "900"}]}

    assert without_signed_urls(pairs) == without_signatures(pairs) == {
        "queryString": [{"name": "X-Amz-Signature", "value": CUT}, {"key": "X-Amz-Expires", "value": "900"}],
    }  # fmt: skip


@pytest.mark.case("S2")
def test_no_table_shows_a_signature_in_a_key_of_a_listed_run_or_of_a_schema() -> None:
    link = f"https://b.test/?sig={S}"
    flattener = Flattener(names=TypedNames())
    flattener.add_summary("processor_run", {"id": "dpr_1", link: {link: link}, "processorName": link}, None, NOW)
    schema = {"type": "object", "properties": {link: {"type": "string"}}}
    run = run_of(config={"type": "EXTRACT", "schema": schema}, output={"value": {link: "x"}})
    flattener.add("processor_run", run, Origin("2025-04-21", None, NOW))

    tables = {name: table.to_pylist() for name, table in flattener.take("load-1", NOW).items()}

    assert [row["path"] for row in tables["extraction_fields"] if row["path"]] == [f'["https://b.test/?sig={CUT}"]']
    assert tables["typed_columns"]
    assert S not in str(tables)


@pytest.mark.case("S2")
def test_signatures_in_keys_are_cut_out_and_no_member_is_lost() -> None:
    value = {f"https://b.test/?sig={S}": 1, "https://b.test/?sig=other": {f"//b?token={S}": 2}, "n": 3}

    assert without_signed_urls(value) == {
        "https://b.test/?[redacted]": 1, "https://b.test/?[redacted] (2)": {"//b?[redacted]": 2}, "n": 3,
    }  # fmt: skip
    assert without_signatures(value) == {
        f"https://b.test/?sig={CUT}": 1, f"https://b.test/?sig={CUT} (2)": {f"//b?token={CUT}": 2}, "n": 3,
    }  # fmt: skip


@pytest.mark.case("S2")
@pytest.mark.parametrize("text", [text for text, _, _ in FORMS])
def test_no_table_shows_a_signature_wherever_it_stands(text: str) -> None:
    said = {
        "ocrConfidence": 1,
        "citations": [{"page": 1, "referenceText": text}],
        "insights": [{"type": "issue", "content": text}],
    }
    file = {"id": "file_1", "name": text, "new": {text: text}, "metadata": {"pageCount": 1},
            "contents": {"rawText": text, "pages": [{"pageNumber": 1, "markdown": text, "html": text, "new": [text]}]}}  # fmt: skip
    run = run_of(
        output={"value": {"a": text, "b": [{text: text}]}, "metadata": {"a": said, text: said}, "new": {text: text}},
        initialOutput={"value": {"a": [text]}}, reviewedOutput={"value": {"a": text}}, new={text: [text]}, metadata={text: text},
        edits={"a": {"originalValue": text, "editedValue": {text: text}, "notes": text}, text: None}, failureMessage=text,
        files=[file], config={"type": "EXTRACT", "schema": {"properties": {"a": {"description": text, "enum": [text]}}}},
    )  # fmt: skip

    tables = flatten(run)

    assert tables["extraction_fields"]
    assert S not in str(list(cells(tables)))


@pytest.mark.case("S2")
@given(st.sampled_from(FORMS), st.text(st.characters(exclude_categories=["Cs"]), max_size=9), st.booleans())
@settings(max_examples=300)
def test_a_look_at_the_json_text_misses_no_signature(form: tuple[str, str, str], around: str, is_key: bool) -> None:
    value = {"v": [{f"{around} {form[0]}": 1} if is_key else f"{around} {form[0]} {around}"]}

    assert S not in encode_json(without_signatures(value))
    assert may_show_signatures(encode_json(value))


def test_outputs_that_are_one_object_stay_one() -> None:
    output = {"value": {"a": f"https://b.test/?sig={S}"}}

    clean = run_without_signatures(run_of(output=output, initialOutput=output))

    assert clean["output"] == {"value": {"a": f"https://b.test/?sig={CUT}"}}
    assert clean["initialOutput"] is clean["output"]
    assert output == {"value": {"a": f"https://b.test/?sig={S}"}}


@pytest.mark.case("S1")
@pytest.mark.parametrize(
    "piece",
    ["http://a", "?sig=", "(sig=", "&", "&amp;", "%25", "\\", "?", "? ", "sig=a ", "-token", "x-amz-signature=a'", "'a", "?a ?a", "a"],
)  # fmt: skip
def test_time_grows_with_the_text(piece: str) -> None:
    def seconds(length: int, times: int) -> float:
        text = f"?{piece * (length // len(piece))} &signature={S} &signature={S}"
        spans = []
        for _ in range(times):
            start = time.process_time()
            assert S not in redact(text)
            spans.append(time.process_time() - start)
        return min(spans)

    assert seconds(400_000, times=3) < 8 * seconds(100_000, times=3) + 0.05  # it was 16 times as long
    assert seconds(1_000_000, times=1) < 5


@given(st.recursive(st.text(max_size=5), lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=3)))
def test_values_without_signatures_are_equal_to_their_copies(value: Any) -> None:
    assert without_signatures(value) == value
