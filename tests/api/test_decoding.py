from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.text.json_codec import MemberDecoder, decode_json, encode_json


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"1.10", "1.10"),
        (b"1e400", "1E+400"),
        (b"-0.0", "-0.0"),
        (b"0.1", "0.1"),
        (b"0.30000000000000004441", "0.30000000000000004441"),
    ],
)
def test_numbers_with_a_fraction_or_an_exponent_keep_their_digits(body, text):
    value = decode_json(body)
    assert isinstance(value, Decimal)
    assert str(value) == text


def test_whole_numbers_of_any_size_stay_exact_integers():
    assert decode_json(b"[0, 30, " + b"9" * 50 + b"]") == [0, 30, int("9" * 50)]
    assert type(decode_json(b"30")) is int


@pytest.mark.case("3.3")
def test_whole_numbers_longer_than_python_reads_keep_their_digits():
    for digits in ("9" * 4300, "-" + "9" * 4301, "1" * 100_000):
        value = decode_json(f'{{"a": {digits}, "b": 1.10}}'.encode())
        assert encode_json(value) == f'{{"a":{digits},"b":1.10}}'


@pytest.mark.case("3.3")
def test_a_number_whose_exponent_no_decimal_holds_stays_the_text_that_was_sent():
    assert decode_json(b'{"a": 1e99999999999999999999, "b": -2E-1000000000000000000000}') == {
        "a": "1e99999999999999999999",
        "b": "-2E-1000000000000000000000",
    }
    assert decode_json(b"1e999999999999999999") == Decimal("1e999999999999999999")


def test_half_a_surrogate_pair_becomes_the_replacement_character_in_values_and_keys():
    body = rb'{"a\udfff": ["x\ud800y", "\ud83d\ude00", 1.10]}'
    assert decode_json(body) == {"a\ufffd": ["x\ufffdy", "😀", Decimal("1.10")]}
    assert str(decode_json(body)["a\ufffd"][2]) == "1.10"


def test_a_lone_low_surrogate_can_be_stored_as_utf_8():
    decode_json(rb'"\uDC00"').encode("utf-8")


def test_a_byte_order_mark_is_tolerated():
    assert decode_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": "secr',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        rb'["\ud800", NaN]',
        rb'["\ud800"',
        b"<html></html>",
        b"[01]",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_not_json_is_a_value_error_that_quotes_nothing(body):
    with pytest.raises(ValueError, match=r"^not JSON: [^<]{3,80}$") as caught:
        decode_json(body)
    assert "secr" not in str(caught.value)
    assert caught.value.__context__ is None


def test_encoding_gives_back_every_digit():
    text = '{"b":1.10,"a":[1E+400,99999999999999999999999999,null,true]}'
    assert encode_json(decode_json(text.encode())) == text


def test_the_canonical_form_sorts_keys_at_every_depth():
    assert encode_json({"b": {"z": 1, "y": 2}, "a": []}, sort_keys=True) == '{"a":[],"b":{"y":2,"z":1}}'


_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | _texts
    | st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: number * Decimal("1.0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


@given(_json)
def test_any_value_survives_the_way_out_and_in(value):
    assert decode_json(encode_json(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'"a\u0000b"', "a\ufffdb"),
        (rb'"\u0000\u0000"', "\ufffd\ufffd"),
        (rb'"\\u0000"', "\\u0000"),
        (rb'"\\\u0000"', "\\\ufffd"),
        (rb'{"\u0000":1}', {"\ufffd": 1}),
    ],
)
def test_nul_which_postgresql_refuses_becomes_the_replacement_character(body, value):
    assert decode_json(body) == value


_runs = st.dictionaries(st.sampled_from(["config", "output", "initialOutput", "a"]) | _texts, _json, max_size=6)


@given(st.lists(_runs | _json, min_size=1, max_size=4), _json)
def test_decoding_part_by_part_gives_what_decoding_at_once_gives(runs, other):
    decoder = MemberDecoder(remembered="config", at_most=2)
    for run in runs:
        body = encode_json({"success": True, "processorRun": run, "other": other}).encode()
        assert encode_json(decoder.decode(body)) == encode_json(decode_json(body))


@pytest.mark.parametrize(
    "body",
    [
        rb'{"run": {"output": "\ud800", "config": {"a": "\ud83d\ude00"}}}',
        rb'{"run": {"output": {"a": "\u0000"}, "config": "\u0000"}}',
        b'\xef\xbb\xbf{"run": {"output": 1.10}}',
        b'{"run": {"a": 1, "a": 2}, "list": [{"b": 1.0}]}',
        b"[1.10]",
        b"1.10",
        b' { "run" : { "output" : { } , "config" : null } } ',
    ],
)
def test_odd_bodies_decode_part_by_part_as_they_do_at_once(body):
    assert encode_json(MemberDecoder(remembered="config").decode(body)) == encode_json(decode_json(body))


@pytest.mark.parametrize("body", [b"", b"{", b'{"run": {"output": {"a": 01}}}', b'{"run": {"output": "\xff"}}'])
def test_what_is_not_json_is_refused_part_by_part_as_well(body):
    with pytest.raises(ValueError, match=r"^not JSON: ") as caught:
        MemberDecoder(remembered="config").decode(body)
    assert caught.value.__context__ is None


def test_equal_outputs_of_a_run_and_equal_configs_of_all_runs_are_one_object():
    decoder = MemberDecoder(remembered="config")
    body = b'{"run": {"output": {"a": 1.5}, "initialOutput": {"a": 1.5}, "config": {"b": 2}}}'
    first, second = decoder.decode(body)["run"], decoder.decode(body)["run"]
    assert first["output"] is first["initialOutput"]
    assert first["output"] is not second["output"]
    assert first["config"] is second["config"]


def test_as_many_configs_are_remembered_as_were_allowed_those_used_last():
    decoder = MemberDecoder(remembered="config", at_most=2)
    first, second, third = (b'{"run": {"config": {"b": %d}}}' % number for number in range(3))
    kept = decoder.decode(first)["run"]["config"]
    dropped = decoder.decode(second)["run"]["config"]
    assert decoder.decode(first)["run"]["config"] is kept
    decoder.decode(third)
    assert decoder.decode(first)["run"]["config"] is kept
    assert decoder.decode(second)["run"]["config"] is not dropped
