"""What must never be written anywhere: signed URLs and the API key.

A signed URL is a bearer secret: whoever has it can download the document. The API's own one is
``File.presignedUrl``; error messages, caller-supplied metadata and documents can carry others. They are known by the
names of the parameters that hold the signature, in whatever way these are written: percent-encoded, as HTML, as JSON
inside a text. What a name says nothing of, such as a token in a path, is not recognised.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ahocorasick_rs import AhoCorasick

from extend_source.text.escapes import decoded

PRESIGNED_URL_KEY = "presignedUrl"
"""The key of a ``File`` object that holds a download link (valid for 15 minutes, docs "File object")."""

REDACTED = "[redacted]"

_STORES = "amz|bce|cos|goog|ks3|ms|obs|oss|tos"
"""What stands between ``x-`` and the rest of a name: S3 and its like, Baidu, Tencent, Google, and so on."""

_SEPARATE_WORDS = r"authorization|hdn(?:ea|tl|ts)|hmac|jwt|sas|sig|sign|tempauth"
"""Parameters of Azure, Akamai, SharePoint and others, which mean a signature only in the query of a URL."""

_SIGNATURE = re.compile(
    rf"""
    (?:
        # names that mean a signature wherever they stand: in a query, a header, a form
        (?<![a-z0-9]) (?: x-(?:{_STORES})-(?:signature|security-token) | q-signature | cloudfront-signature )
        ["'`\]]? \s{{0,3}} [=:] \s{{0,3}}
      |
        # names that do so in a query only: behind a separator, or first in a query that has lost its URL
        (?: [?&;\#,|\[]\ ? | (?<![^\s"'(\[<]) (?= [\w-]{{1,40}} = [^\s&"'(\[<]{{1,4096}} & \w ) )
        (?: [\w.~-]{{0,40}} (?:signature|token) | (?:[\w.~]{{1,20}}-)? (?:{_SEPARATE_WORDS}) )
        \]? \ ? = \s?
    )
    ["'`]? (?!\[redacted\])
    (?P<value> (?: [^\s&;,|"'`<>\\()\[\]{{}}] | ["'`\\()\[\]{{}}] (?=\w) )+ )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_QUERY = re.compile(r"[\w.~-]+=")
_REST_OF_QUERY = re.compile(r"""(?:[&;](?:[^\s"'`<>]|["'`](?=\w))*)?""")

_FOLLOWED_BY = ("=", " =", "]=", "%", "\\", "&")
_HINTS = AhoCorasick(
    [
        *(f"{name}{end}" for name in ("signature", "token") for end in _FOLLOWED_BY),
        *(f"{name}{end}" for name in ("authorization", "hdnea", "hdntl", "hdnts") for end in _FOLLOWED_BY),
        *(f"{name}{end}" for name in ("hmac", "jwt", "sas", "sig", "sign", "tempauth") for end in _FOLLOWED_BY),
        *(f"{joint}{name}" for joint in "-_" for name in ("signature", "security-token", "security_token")),
        *("%u00", "%25", "%2d", "%4", "%5", "%6", "%7", "\\u00", "\\x", "&#", "&hyphen;", "&dash;"),
    ]
)
"""What every signature shows, in small letters: the end of its name and what comes next, or an encoded letter."""

_WITHOUT_HINT = re.compile(r"[^=%&\\\-]*")
"""A text without any of these holds no signature; to know that takes no time."""

_MEMBERS = (
    re.compile(rf"x[-_]?(?:{_STORES})[-_]?(?:signature|security[-_]?token)"),
    re.compile(r"q[-_]?signature"),
)
"""Two, as each begins with a letter that Python's search looks for first: as one they take ten times as long."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LINKS = frozenset(
    f"{kind}{noun}"
    for kind in ("presigned", "signed", "download", "sas")
    for noun in ("url", "urls", "uri", "uris", "link", "links", "href")
)


def redact_signed_urls(text: str) -> str:
    """Cut the query off every signed URL in a text.

    Args:
        text: any text, for example an error message.

    Returns:
        The text, with ``?[redacted]`` in place of the query of each signed URL, and ``[redacted]`` in place of a
        signature that is in no query.
    """
    return _cut(text, whole_query=True)


def cut_signatures(text: str) -> str:
    """Cut the signatures out of a text, and leave the rest of the links.

    Args:
        text: a text of a document.

    Returns:
        The text, with ``[redacted]`` in place of the value of each signature.
    """
    return _cut(text, whole_query=False)


def _cut(text: str, *, whole_query: bool) -> str:
    if _WITHOUT_HINT.fullmatch(text) or not _HINTS.find_matches_as_indexes(text.lower()):
        return text
    plain, place_of = decoded(text)
    pieces: list[str] = []
    done = done_plain = 0
    for found in _SIGNATURE.finditer(plain):
        start, end = found.span("value")
        if start < done_plain:
            continue
        if whole_query:
            query = _query_before(plain, done_plain, found.start() + 1)
            if query is not None:
                start = query
                end = _REST_OF_QUERY.match(plain, end).end()  # type: ignore[union-attr]  # it matches nothing, too
        pieces += text[done : place_of(start)], REDACTED
        done, done_plain = place_of(end), end
    return "".join([*pieces, text[done:]]) if pieces else text


def _query_before(text: str, start: int, end: int) -> int | None:
    """Return where the query that a parameter is in begins; None: it is in none."""
    mark = text.rfind("?", start, end)
    if mark < 0:
        return None
    inside = text[mark + 1 : end]
    # with a space in it, it may be a question that a sentence ends with
    is_query = not any(map(str.isspace, inside)) or _QUERY.match(text, mark + 1)
    return mark + 1 if is_query else None


def may_show_signatures(json_text: str) -> bool:
    """Tell whether some string in a JSON text may show a signature; a False is certain.

    Args:
        json_text: the text, of any length: this takes a small part of the time that making it took.
    """
    lowered = json_text.lower()
    if any(member.search(lowered) for member in _MEMBERS):
        return True
    has_mark = any(mark in lowered for mark in ("=", "%", "&", "\\\\"))
    return has_mark and bool(_HINTS.find_matches_as_indexes(lowered))


def without_signatures(value: Any) -> Any:
    """Copy a JSON value of a document without the signatures in it; see `cut_signatures`.

    Args:
        value: a decoded JSON value.

    Returns:
        The value; also keys are without signatures, and what is under a key that is called like one is cut out.
    """
    return _copied(value, cut_signatures, _is_signature_name)


def without_signed_urls(value: Any) -> Any:
    """Copy a JSON value that is no document's without the signed URLs in it; see `redact_signed_urls`.

    Args:
        value: a decoded JSON value.

    Returns:
        The value without ``presignedUrl`` keys and without the query of every other signed URL, in keys as well; what
        is under a key such as ``download_url`` or ``X-Amz-Signature`` is cut out, whatever it looks like.
    """
    return _copied(value, redact_signed_urls, _is_secret_name)


def _copied(value: Any, clean: Callable[[str], str], is_secret: Callable[[str], bool]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_copied(item, clean, is_secret) for item in value]
    if not isinstance(value, dict):
        return value
    copy: dict[str, Any] = {}
    named = value.get("name") or value.get(
        "key"
    )  # {"name": "X-Amz-Signature", "value": "..."}, as of a recorded request
    if isinstance(named, str) and is_secret(named):
        value = {key: item if key in ("name", "key") else _hidden(item) for key, item in value.items()}
    for key, item in value.items():
        if key == PRESIGNED_URL_KEY and is_secret is _is_secret_name:
            continue
        name = _free_name(clean(key), copy)
        copy[name] = _hidden(item) if is_secret(key) else _copied(item, clean, is_secret)
    return copy


def _free_name(name: str, taken: dict[str, Any]) -> str:
    """Return a key that is still free: two may differ in their signatures only."""
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


def _hidden(value: Any) -> Any:
    """Copy a JSON value with all its texts cut out."""
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item) for item in value]
    return REDACTED if isinstance(value, str) else value


@lru_cache(maxsize=4096)
def _is_signature_name(key: str) -> bool:
    """Tell whether a member that is called so holds a signature."""
    name = decoded(key)[0].strip().lower() if len(key) < 100 else ""
    return any(member.fullmatch(name) for member in _MEMBERS)


@lru_cache(maxsize=4096)
def _is_secret_name(key: str) -> bool:
    """Tell whether a member that is called so holds a signature, or a link that needs none to be secret."""
    if len(key) >= 100:
        return False
    words = [word.lower() for word in _WORDS.findall(key)]
    return any("".join(words[-count:]) in _LINKS for count in (1, 2, 3)) or _is_signature_name(key)


def without_download_link(file: Any) -> Any:
    """Copy a ``File`` object without its ``presignedUrl``.

    Args:
        file: the API's File object; anything else is returned as it is.

    Returns:
        The object without the link.
    """
    if not isinstance(file, dict) or PRESIGNED_URL_KEY not in file:
        return file
    return {key: value for key, value in file.items() if key != PRESIGNED_URL_KEY}


def redact(text: str, *secrets: str | None) -> str:
    """Remove secrets and signed URLs from a text that is about to be shown or stored.

    Args:
        text: the text.
        *secrets: values that must not appear in it, such as the API key; empty ones are passed over.

    Returns:
        The text with each secret replaced.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, REDACTED)
    return redact_signed_urls(text)
