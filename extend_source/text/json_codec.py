"""JSON in and out without losing a digit.

Numbers with a fraction or an exponent become `decimal.Decimal` (``1.10`` stays ``1.10``), whole numbers
stay `int` of any size that Python reads, and become `decimal.Decimal` beyond.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import msgspec

_UTF8_BOM = b"\xef\xbb\xbf"
_NUL_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_MAX_INT_DIGITS = 4000
"""Python reads whole numbers of up to 4,300 digits, and refuses longer ones."""
_HUGE_NUMBER = re.compile(rb"[0-9]{%d}|[eE][+-]?[0-9]{10}" % _MAX_INT_DIGITS)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_MEMBERS_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_CANONICAL_ENCODER = msgspec.json.Encoder(decimal_format="number", order="sorted")
_MAX_REMEMBERED_BYTES = 1 << 18
"""Bytes; longer parts are rare, and a few hundred of them would be too much to keep."""


def decode_json(body: bytes) -> Any:
    r"""Decode a JSON body exactly.

    A UTF-8 byte order mark is tolerated. What databases refuse becomes U+FFFD, so that one odd page never fails a whole
    load: half a surrogate pair (``"\ud800"``) everywhere, NUL (``"\u0000"``) in PostgreSQL. A number whose exponent no
    decimal holds (18 digits) stays the text that was sent.

    Args:
        body: the bytes of the body.

    Returns:
        The JSON value, with `int` for whole numbers and `decimal.Decimal` for all others.

    Raises:
        ValueError: the body is not JSON; the text quotes nothing of it.
    """
    body = _without_nul(body.removeprefix(_UTF8_BOM))
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError) as error:
        reason = _reason(error)
    if _SURROGATE_ESCAPE.search(body) or _HUGE_NUMBER.search(body):
        try:
            value = json.loads(body, parse_int=_any_int, parse_float=_any_float, parse_constant=_refuse_constant)
            return _without_lone_surrogates(value)
        except (ValueError, RecursionError) as error:
            reason = _reason(error)
    raise ValueError(f"not JSON: {reason}")


def _any_int(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else Decimal(digits)


def _any_float(digits: str) -> Decimal | str:
    try:
        return Decimal(digits)
    except InvalidOperation:
        return digits


class MemberDecoder:
    """Decodes objects of objects as `decode_json` does, but parts that are the same bytes only once.

    A run carries its output up to three times, and thousands of runs carry one config. Such parts become one Python
    object, which nobody may change, and which is found equal by identity.
    """

    def __init__(
        self, remembered: str, at_most: int = 256, convert: Callable[[Any], Any] = lambda value: value
    ) -> None:
        """Start with nothing decoded.

        Args:
            remembered: the key of members that are remembered from body to body.
            at_most: how many of them.
            convert: what is made of such a member, once; a member that is not remembered stays as it is.
        """
        self._remembered, self._at_most, self._convert = remembered, at_most, convert
        self._known: OrderedDict[bytes, Any] = OrderedDict()

    def decode(self, body: bytes) -> Any:
        """Decode a JSON body; see `decode_json`."""
        try:
            members = _MEMBERS_DECODER.decode(_without_nul(body))
            return {key: self._object(bytes(part)) for key, part in members.items()}
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
            pass
        # it has what is to be mended or complained of; out here, as those errors hold parts of the body
        return decode_json(body)

    def decode_object(self, text: bytes) -> Any:
        """Decode an object that stands alone, as one within a body."""
        try:
            return self._object(_without_nul(text))
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
            pass
        return decode_json(text)

    def _object(self, part: bytes) -> Any:
        if not part.startswith(b"{"):
            return _DECODER.decode(part)
        decoded: dict[bytes, Any] = {}
        members: dict[str, Any] = {}
        for key, raw in _MEMBERS_DECODER.decode(part).items():
            text = bytes(raw)
            if key == self._remembered:
                members[key] = self._remember(text)
            elif text in decoded:
                members[key] = decoded[text]
            else:
                members[key] = decoded[text] = _DECODER.decode(text)
        return members

    def _remember(self, text: bytes) -> Any:
        if len(text) > _MAX_REMEMBERED_BYTES:
            return _DECODER.decode(text)
        if text in self._known:
            self._known.move_to_end(text)
        else:
            self._known[text] = self._convert(_DECODER.decode(text))
            if len(self._known) > self._at_most:
                self._known.popitem(last=False)
        return self._known[text]


def encode_json(value: Any, *, sort_keys: bool = False) -> str:
    """Encode a value that `decode_json` has returned.

    Args:
        value: the JSON value; `decimal.Decimal` is written as a number with all its digits.
        sort_keys: sort the keys of all objects: the canonical form, for hashes.

    Returns:
        The JSON text, without spaces.
    """
    return (_CANONICAL_ENCODER if sort_keys else _ENCODER).encode(value).decode()


def _without_nul(body: bytes) -> bytes:
    return _NUL_ESCAPE.sub(rb"\1\\ufffd", body) if b"\\u0000" in body else body


def _reason(error: Exception) -> str:
    # UnicodeDecodeError and JSONDecodeError hold the whole body; only a short text may leave this module
    if isinstance(error, UnicodeDecodeError):
        return f"invalid UTF-8 at byte {error.start}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return "a number out of range" if isinstance(error, ArithmeticError) else str(error)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_lone_surrogates(key): _without_lone_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    return value


def json_type(value: Any) -> str:
    """Name the JSON type of a decoded value: string, integer, number, boolean, null, object or array."""
    return _TYPE_NAMES.get(type(value), "number")


_TYPE_NAMES: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    Decimal: "number",
    bool: "boolean",
    type(None): "null",
    dict: "object",
    list: "array",
}
