"""Payloads of API 2026-02-09, made canonical: renamed and put where 2025-04-21 has them, with nothing lost.

Only what must not be kept is left out: download links, and who made a processor or a version that a run names. What is
unknown stays as it is. Parts that many runs share are never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from extend_source.text.redaction import without_download_link

Payload = dict[str, Any]
Adapt = Callable[[Payload], Payload]

CARRIED = "carriedObjects"
"""The member of a canonical payload that holds the objects that came whole with it, as pairs of type and payload. It is
taken out before anything is made of the payload."""

_OUTPUTS = ("output", "initialOutput", "reviewedOutput")
_OF_THE_RUN = frozenset(
    {
        *("object", "failureReason", "failureMessage", "metadata", "dashboardUrl", "parseRunId"),
        *("file", "files"),
    }
)
OF_DEFINITIONS = frozenset({"object", "id", "name", "description", "version", "createdAt", "updatedAt", "createdBy"})
_MOVED = (frozenset({"id", "name"}), frozenset({"id", "version"}))
"""What a run itself says of its processor, and of that one's version, once it is canonical."""

_PAGE_SIZES = {"width": "pageWidth", "height": "pageHeight"}
_SIZES = frozenset(_PAGE_SIZES.values())


def as_it_is(payload: Payload) -> Payload:
    """Return a payload that is canonical already."""
    return payload


def run_without_download_links(run: Payload) -> Payload:
    """Copy a run of 2025-04-21 without the download links of its files."""
    # only these few objects are touched: walking a payload of 80 KB to its end would cost more than decoding it
    files = run.get("files")
    if not isinstance(files, list):
        return run
    return {**run, "files": [without_download_link(file) for file in files]}


@dataclass(frozen=True)
class RunAdapter:
    """Makes runs of one type canonical (SDK 1.20.0, extract_run, classify_run, split_run).

    Attributes:
        run_type: EXTRACT, CLASSIFY or SPLITTER.
        processor: the member that holds the processor; that of its version is called like it.
    """

    run_type: str
    processor: str

    def run(self, run: Payload) -> Payload:
        """Make a full run canonical."""
        canonical = {key: value for key, value in run.items() if key not in ("dashboardUrl", "file")}
        canonical |= self._processor(run)
        if "dashboardUrl" in run:
            canonical["url"] = run["dashboardUrl"]
        for name, moved in zip(self._own, _MOVED, strict=True):
            said = run.get(name)
            news: Any = said
            if isinstance(said, dict):
                # what stands in the run itself now stands nowhere else, so that it can be hidden
                canonical[name] = {key: value for key, value in _without_creator(said).items() if key not in moved}
                news = {key: value for key, value in said.items() if key not in self._known} or None
            if news is not None:
                canonical[f"{name}News"] = news  # so that it is seen, and kept
        if run.get("file") is not None and run.get("files") is not None:
            canonical["fileNews"] = without_download_link(run["file"])
        files = run.get("files")
        if files is None:
            files = [] if run.get("file") is None else [run["file"]]
        canonical["files"] = [without_download_link(file) for file in files] if isinstance(files, list) else files
        if "config" in run:
            canonical["config"] = self.config(run["config"])
        # equal outputs are one object; its citations are moved once
        for output in {id(run[key]): run[key] for key in _OUTPUTS if isinstance(run.get(key), dict)}.values():
            _flatten_citations(output)
        return canonical

    def summary(self, summary: Payload) -> Payload:
        """Make a row of the list canonical: what only the run itself is read for is left to the run."""
        canonical = {key: value for key, value in summary.items() if key not in _OF_THE_RUN and key not in self._own}
        return canonical | self._processor(summary)

    @property
    def _own(self) -> tuple[str, str]:
        return self.processor, f"{self.processor}Version"

    @property
    def _known(self) -> frozenset[str]:
        return OF_DEFINITIONS | {f"{self.processor}Id"}

    def _processor(self, run: Payload) -> Payload:
        processor, version = (run.get(key) for key in self._own)
        said: Payload = {"type": self.run_type}
        if isinstance(processor, dict):
            said |= {"processorId": processor.get("id"), "processorName": processor.get("name")}
        if isinstance(version, dict):
            said |= {"processorVersionId": version.get("id"), "processorVersion": version.get("version")}
        return said

    def config(self, config: Any) -> Any:
        """Make a config canonical; a canonical one stays the same object, and so does what is none."""
        if not isinstance(config, dict) or ("type" in config and "parseConfig" not in config):
            return config
        canonical = {"type": self.run_type, **config}
        if "parseConfig" in canonical and "parser" not in canonical:
            canonical["parser"] = canonical.pop("parseConfig")
        return canonical


def file_without_download_link(file: Payload) -> Payload:
    """Copy a file without its download link; in both versions it is canonical otherwise."""
    return without_download_link(file)  # type: ignore[no-any-return]


def file_summary(file: Payload) -> Payload:
    """Make a row of the list of files canonical: API 2025-04-21 has files in full there, and what they have cost."""
    return {key: value for key, value in without_download_link(file).items() if key not in ("contents", "usage")}


def without_link_to_file(payload: Payload) -> Payload:
    """Copy what is about one file without the link to that (SDK 1.20.0, verify_run, edit_template and others)."""
    return {**payload, "file": without_download_link(payload["file"])} if "file" in payload else dict(payload)


def with_id_of_file(summary: Payload) -> Payload:
    """Copy a row of the list of parse runs, or of verify runs, with the id of its file in place of that."""
    file = summary.get("file")
    if file is not None and not isinstance(file, dict):
        return summary
    canonical = {key: value for key, value in summary.items() if key != "file"}
    return {**canonical, "fileId": file.get("id")} if file else canonical


def parse_run(run: Payload) -> Payload:
    """Make a full parse run canonical: no link to its output or to pictures in it (SDK 1.20.0, parse_run)."""
    canonical = without_link_to_file({key: value for key, value in run.items() if key != "outputUrl"})
    if "config" in run:
        canonical["config"] = parse_config(run["config"])
    if run.get("outputUrl") is not None:  # it was not asked for: what is there is not loaded, which must be seen
        canonical["hasOutputUrl"] = True
    _drop_images(canonical.get("output"))
    return canonical


def parser_run(run: Payload) -> Payload:
    """Make a parser run of 2025-04-21 canonical: what it has read in one place (SDK 0.2.0, parser_run)."""
    canonical = {key: value for key, value in run.items() if key not in ("chunks", "ocr")}
    if run.keys() & {"chunks", "ocr"}:
        canonical["output"] = {key: run[key] for key in ("chunks", "ocr") if key in run}
    return parse_run(canonical)


def parse_config(config: Any) -> Any:
    """Make the config of a parse run canonical: the part of a run's config that is about parsing."""
    if not isinstance(config, dict) or config.keys() == {"type", "parser"}:
        return config
    return {"type": "PARSE", "parser": config}


def _drop_images(output: Any) -> None:
    """Put the news that there is a picture in the place of each link to one."""
    left = [output]
    while left:  # blocks may nest deeper than calls can
        value = left.pop()
        if isinstance(value, list):
            left.extend(value)
        elif isinstance(value, dict):
            if value.pop("imageUrl", None) is not None:
                value["hasImage"] = True
            left.extend(value.values())


def _without_creator(definition: Payload) -> Payload:
    """Copy what a run says of its processor; of who made that the kind alone, a person or a key."""
    creator = definition.get("createdBy")
    if creator is None:
        return definition
    return {
        **definition,
        "createdBy": {"type": creator["type"]} if isinstance(creator, dict) and "type" in creator else None,
    }


def _flatten_citations(output: Payload) -> None:
    """Put what a citation says of its page beside its text, as 2025-04-21 does, in place."""
    metadata = output.get("metadata")
    for entry in metadata.values() if isinstance(metadata, dict) else ():
        citations = entry.get("citations") if isinstance(entry, dict) else None
        for citation in citations if isinstance(citations, list) else ():
            page = citation.get("page") if isinstance(citation, dict) else None
            if not isinstance(page, dict) or "number" not in page or _SIZES & citation.keys():
                continue
            for key, name in _PAGE_SIZES.items():
                if key in page:
                    citation[name] = page.pop(key)
            citation["page"] = page.pop("number")
            if page:
                citation["pageNews"] = page  # so that it is seen, and kept
