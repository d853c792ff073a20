"""Processors, workflows and their versions, made canonical; see `adapters`.

API 2026-02-09 has three kinds of processors, which are told apart by their endpoints. A definition brings its draft
whole, beside what it is itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from extend_source.api.adapters import CARRIED, Adapt, Payload, RunAdapter, parse_config

_CONFIGS = {
    "extractorConfig": RunAdapter("EXTRACT", "extractor").config,
    "classifierConfig": RunAdapter("CLASSIFY", "classifier").config,
    "splitterConfig": RunAdapter("SPLITTER", "splitter").config,
    "parseConfig": parse_config,
}
"""What a step of a workflow calls a config of its own."""

_PROCESSORS = ("extractor", "classifier", "splitter")
_HEADERS, _CREATOR = "headers", "createdBy"


def processor(row: Payload) -> Payload:
    """Make a processor of 2025-04-21 canonical: its versions are listed by themselves (SDK 0.2.0, processor)."""
    return {key: value for key, value in row.items() if key != "versions"}


@dataclass(frozen=True)
class ProcessorAdapter:
    """Makes processors of one type canonical (SDK 1.20.0, extractor, classifier, splitter).

    Attributes:
        run_type: EXTRACT, CLASSIFY or SPLITTER.
        name: what the API calls them.
    """

    run_type: str
    name: str

    def row(self, row: Payload) -> Payload:
        """Make a row of the list canonical."""
        return {"type": self.run_type, **row}

    def definition(self, definition: Payload) -> Payload:
        """Make a full processor canonical."""
        return _with_draft(self.row(definition), "processor_version", self.version)

    def version(self, version: Payload) -> Payload:
        """Make a version canonical."""
        owner = f"{self.name}Id"
        canonical = {key: value for key, value in version.items() if key != owner}
        if owner in version:
            canonical["processorId"] = version[owner]
        canonical["processorType"] = self.run_type
        if "config" in version:
            canonical["config"] = RunAdapter(self.run_type, self.name).config(version["config"])
        return canonical


def workflow(definition: Payload) -> Payload:
    """Make a full workflow canonical (SDK 1.20.0, workflow)."""
    owner = {"workflowId": definition.get("id")}
    canonical = _with_draft(definition, "workflow_version", lambda draft: {**owner, **workflow_version(draft)})
    carried = {key: canonical.pop(key) for key in (CARRIED,) if key in canonical}
    return {**without_headers(canonical), **carried}


def workflow_version(version: Payload) -> Payload:
    """Make a version of a workflow canonical (SDK 1.20.0, workflow_version)."""
    clean = without_headers(version)
    steps = clean.get("steps")
    return {**clean, "steps": [_step(step) for step in steps]} if isinstance(steps, list) else clean


def _with_draft(definition: Payload, object_type: str, adapt: Adapt) -> Payload:
    """Take the draft out of a definition; one without an id cannot land, and nobody knows what is in it."""
    canonical = {key: value for key, value in definition.items() if key != "draftVersion"}
    draft = definition.get("draftVersion")
    if isinstance(draft, dict) and isinstance(draft.get("id"), str):
        canonical[CARRIED] = [(object_type, adapt(draft))]
    return canonical


def _step(step: Any) -> Any:
    """Put a step's processor, or its own config, beside what else it is set to."""
    config = step.get("config") if isinstance(step, dict) else None
    if not isinstance(config, dict):
        return step
    rest, canonical = dict(config), dict(step)
    for name in _PROCESSORS:
        if isinstance(rest.get(name), dict):
            canonical["processor"] = rest.pop(name)
    for name, adapt in _CONFIGS.items():
        if isinstance(rest.get(name), dict):
            canonical["runConfig"] = adapt(rest.pop(name))
    canonical["config"] = rest or None
    return canonical


def without_headers(definition: Payload) -> Payload:
    """Copy what describes a workflow, or a part of one, without what must not be kept.

    Headers of requests may hold keys of the customer, wherever they stand; those who made a part of it are people.
    Configs of processors stay as they are: a field of a document may be called like either.

    Args:
        definition: a workflow, a version, or a step; who made that itself is left to the rules of privacy.
    """
    return {key: _without(key, item) for key, item in definition.items() if key.lower() != _HEADERS}


def _without(name: str, value: Any) -> Any:
    if name in _CONFIGS:
        return value
    if isinstance(value, list):
        return [_without("", item) for item in value]
    if not isinstance(value, dict) or name == _CREATOR:
        return value
    return {key: _without(key, item) for key, item in value.items() if key.lower() != _HEADERS and key != _CREATOR}
