"""Turns records into JSON bodies; a body is encoded once and only its signed links are new every time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from urllib.parse import quote

import msgspec

from extend_source.sandbox.documents import all_contents, select_contents
from extend_source.sandbox.records import FileRecord, Json, RunRecord

PRESIGNED_URL_CANARY = "sandbox-presigned-canary"
"""Part of every signed link; a loader that lets it into a table, a log or a trace has leaked a secret."""

_MARK = b"@@signature@@"
_LINK = "https://files.sandbox.invalid/{id}/{name}?X-Amz-Expires=900&X-Amz-Signature=" + _MARK.decode()

encode: Callable[[object], bytes] = msgspec.json.Encoder().encode


def file_link(file_id: str, name: str) -> str:
    """Return the link to a file, which is signed when a body with it is encoded."""
    return _LINK.format(id=file_id, name=quote(name))


class Renderer:
    """Encodes the payloads of one workspace.

    Args:
        files: The files of the workspace, by id.
        embed_contents: Whether files inside a run carry their ``contents``. The documentation can be read
            both ways; only GET ``/files/{id}`` is known to.
    """

    def __init__(self, files: Mapping[str, FileRecord], *, embed_contents: bool = False) -> None:
        self._files = files
        self._embed_contents = embed_contents
        self._serial = itertools.count(1)
        self._cache: dict[str, list[bytes]] = {}

    def forget(self, run_id: str | None = None) -> None:
        """Drop the cached body of a run, or of all runs (a file changed)."""
        if run_id is None:
            self._cache.clear()
        else:
            self._cache.pop(run_id, None)

    def run_body(self, run: RunRecord) -> bytes:
        """Return the JSON text of a run with fresh signed links."""
        if run.raw is not None:
            return run.raw
        pieces = self._cache.get(run.id)
        if pieces is None:
            pieces = self._cache[run.id] = encode(self._with_files(run)).split(_MARK)
        return self._sign(pieces)

    def file_body(self, file: FileRecord, flags: Mapping[str, bool]) -> bytes:
        """Return the JSON text of a file with the content parts asked for.

        Args:
            file: The file.
            flags: ``raw_text``, ``markdown`` and ``html``.
        """
        return self.signed_body(self._file(file, flags))

    def signed_body(self, payload: Json) -> bytes:
        """Return the JSON text of anything, with fresh signatures on the links in it."""
        return self._sign(encode(payload).split(_MARK))

    def _with_files(self, run: RunRecord) -> Json:
        flags = dict.fromkeys(("raw_text", "markdown", "html"), self._embed_contents)
        present = [self._files[file_id] for file_id in run.file_ids if file_id in self._files]
        return {**run.payload, "files": [self._file(file, flags) for file in present]}

    def _file(self, file: FileRecord, flags: Mapping[str, bool]) -> Json:
        if file.verbatim:
            return file.payload
        payload = {**file.payload, "presignedUrl": file_link(file.id, str(file.payload["name"]))}
        if any(flags.values()):
            if file.contents is None:
                file.contents = all_contents(file)
            contents = select_contents(file.contents, **flags)
            if contents is not None:
                payload["contents"] = contents
        return payload

    def _sign(self, pieces: list[bytes]) -> bytes:
        if len(pieces) == 1:
            return pieces[0]
        signature = f"{PRESIGNED_URL_CANARY}-{next(self._serial):012x}".encode()
        return signature.join(pieces)
