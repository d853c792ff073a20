"""Reading bodies piece by piece, counted as they are unpacked, so that none can fill the memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import httpx

ACCEPTED_ENCODINGS = "gzip, deflate"
"""What the client asks for, and all that it unpacks."""

_PIECE = 1 << 20
"""Bytes that are unpacked at once: a piece of a body can unpack to a thousand times its size."""


class Body:
    """A body, unpacked. Tracebacks that show variables show nothing of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __len__(self) -> int:
        return len(self.content)


class Oversized(Exception):  # noqa: N818 - the name says what happened
    """There is more of the body than is wanted."""


class Unpackable(Exception):  # noqa: N818 - the name says what happened
    """The body is not packed as it claims to be."""


class Arrival:
    """Where the bytes of a body come to; here, there is no end of room."""

    def begin(self) -> None:
        """Forget the bytes of an earlier attempt."""

    async def take(self, size: int) -> None:
        """Wait until there is room for some bytes more."""


async def read_body(response: httpx.Response, most: int, arrival: Arrival) -> Body:
    """Read the body of a streamed answer.

    Args:
        response: the answer, nothing of its body read.
        most: bytes, unpacked.
        arrival: asked before each piece is kept.

    Returns:
        The body, unpacked.

    Raises:
        Oversized: it has more bytes than `most`; the rest was not read.
        Unpackable: its encoding is none that was asked for, or it is damaged.
        httpx.HTTPError: the connection failed.
    """
    arrival.begin()
    announced = response.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > most:
        raise Oversized
    if response.is_stream_consumed:  # a transport that knows no streams
        if len(response.content) > most:
            raise Oversized
        return Body(response.content)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    unpack = _unpackers(encoding)
    pieces: list[bytes] = []
    size = 0
    async for raw in response.aiter_raw():
        for piece in unpack(raw):
            size += len(piece)
            if size > most:
                raise Oversized
            await arrival.take(len(piece))
            pieces.append(piece)
    for piece in unpack(b""):
        size += len(piece)
        pieces.append(piece)
    return Body(pieces[0] if len(pieces) == 1 else b"".join(pieces))


def _unpackers(encoding: str) -> Callable[[bytes], Iterator[bytes]]:
    if encoding in ("", "identity"):
        return lambda raw: iter((raw,) if raw else ())
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Unpackable
    return _Inflater(zlib.MAX_WBITS | 16 if encoding.endswith("gzip") else zlib.MAX_WBITS)


class _Inflater:
    """Unpacks gzip and deflate, a bounded piece at a time; called with nothing, it checks that the end has come."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._inflate = zlib.decompressobj(window)
        self._has_begun = False

    def __call__(self, raw: bytes) -> Iterator[bytes]:
        try:
            yield from self._unpacked(raw)
        except zlib.error:
            raise Unpackable from None

    def _unpacked(self, raw: bytes) -> Iterator[bytes]:
        if not raw:
            if self._has_begun and not self._inflate.eof:
                raise Unpackable
            return
        while raw:
            if self._inflate.eof:  # gzip: one member may follow another
                self._inflate = zlib.decompressobj(self._window)
            try:
                piece = self._inflate.decompress(raw, _PIECE)
            except zlib.error:
                if self._has_begun or self._window != zlib.MAX_WBITS:
                    raise
                # "deflate" is zlib's form by the book, and bare in the wild
                self._window = -zlib.MAX_WBITS
                self._inflate = zlib.decompressobj(self._window)
                continue
            self._has_begun = True
            if piece:
                yield piece
            raw = self._inflate.unused_data or self._inflate.unconsumed_tail
