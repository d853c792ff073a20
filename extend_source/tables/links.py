"""Payloads without the signatures of links, which are bearer secrets: done before anything is made of a payload."""

from __future__ import annotations

from typing import Any

from extend_source.text.json_codec import encode_json
from extend_source.text.redaction import may_show_signatures, without_signatures, without_signed_urls

DOCUMENT_KEYS = frozenset({"output", "initialOutput", "reviewedOutput", "edits", "expectedOutput"})
"""The parts of a run, or of an evaluation set's item, that are the document's own content, as those of files are."""

_MAX_KNOWN = 256


class CleanConfigs:
    """Configs without signed URLs: decoding gives equal ones as one object, which is cleaned once and stays one."""

    def __init__(self) -> None:
        """Start with none."""
        self._known: dict[int, tuple[Any, Any]] = {}

    def __call__(self, config: Any) -> Any:
        """Return a config without signed URLs; for the same one, the same object."""
        known = self._known.get(id(config))
        if known is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            # the original is kept, so that no other object gets its id
            known = self._known[id(config)] = (config, without_signed_urls(config))
        return known[1]


def run_without_signatures(
    run: dict[str, Any], *, cut_documents: bool = True, configs: CleanConfigs | None = None
) -> dict[str, Any]:
    """Copy a run without signed URLs.

    Args:
        run: the API's ProcessorRun object; it is left as it is.
        cut_documents: cut the signatures out of the document's own content, too; the rest of its links stays.
        configs: what cleans configs, of all runs that may share one.

    Returns:
        The copy.
    """
    apart = {key: run[key] for key in DOCUMENT_KEYS if key in run}
    if "config" in run:
        apart["config"] = (configs or CleanConfigs())(run["config"])
    if isinstance(run.get("files"), list):
        apart["files"] = [_without_links(file) for file in run["files"]]
    clean: dict[str, Any] = without_signed_urls({**run, **dict.fromkeys(apart)})
    clean.update(apart)
    if cut_documents:
        _cut_documents(clean, [file for file in apart.get("files", ()) if isinstance(file, dict)])
    return clean


def file_without_signatures(file: dict[str, Any], *, cut_documents: bool = True) -> dict[str, Any]:
    """Copy a file without signed URLs; see `run_without_signatures`."""
    clean: dict[str, Any] = _without_links(file)
    if cut_documents:
        _cut_documents({}, [clean])
    return clean


def _without_links(file: Any) -> Any:
    if not isinstance(file, dict) or "contents" not in file:
        return without_signed_urls(file)
    clean = without_signed_urls({**file, "contents": None})
    clean["contents"] = file["contents"]
    return clean


def _cut_documents(run: dict[str, Any], files: list[dict[str, Any]]) -> None:
    """Cut the signatures out of document content, in place; one look at all of it says whether there may be any."""
    places = [(run, key) for key in DOCUMENT_KEYS if key in run] + [(file, "contents") for file in files]
    # the outputs of a run are mostly one object, and stay one
    contents = {id(content): content for owner, key in places if (content := owner.get(key))}
    if not contents or not may_show_signatures(encode_json(list(contents.values()))):
        return
    cut = {identity: without_signatures(content) for identity, content in contents.items()}
    for owner, key in places:
        if owner.get(key):
            owner[key] = cut[id(owner[key])]
