"""Extractors, classifiers and splitters with their versions: what 2025-04-21 calls processors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.generation_2026.configs import run_config
from extend_source.sandbox.generation_2026.kinds import Kind, definition_id, old_definition_id, version_id
from extend_source.sandbox.records import Json, Processor, ProcessorVersion
from extend_source.sandbox.seeding import chance, make_id, rng_for
from extend_source.sandbox.workspace import NotFoundError, Workspace

_FIRST_DAY = datetime(2025, 1, 7, 9, 30, tzinfo=timezone.utc)
"""Around when the definitions of every workspace were made: before any of its runs."""

_DRAFT = "draft"
_AUTHORS: tuple[Json | None, ...] = (
    {"type": "user", "email": "ana.lopez@sandbox.invalid"},
    {"type": "api_key", "name": "nightly-ingest"},
    None,
)


def definitions(workspace: Workspace, kind: Kind) -> list[Processor]:
    """Return the definitions of a kind."""
    return [processor for processor in workspace.processors.values() if processor.type == kind.type]


def definition(workspace: Workspace, kind: Kind, given_id: str) -> Processor:
    """Return a definition by its id.

    Raises:
        NotFoundError: No such definition of this kind.
    """
    for processor in definitions(workspace, kind):
        if processor.id == old_definition_id(kind, given_id):
            return processor
    raise NotFoundError(given_id)


def created_at(processor: Processor) -> datetime:
    """Return when a definition was made."""
    return _made_at(processor.id)


@cache
def _made_at(processor_id: str) -> datetime:
    return _FIRST_DAY + timedelta(minutes=rng_for("definition", processor_id).randrange(60 * 24 * 20))


def updated_at(processor: Processor) -> datetime:
    """Return when a definition was last changed: renamed, or given a version."""
    versions = [version_created_at(processor, number) for number in range(len(processor.versions))]
    return max([created_at(processor), *versions, *([processor.renamed_at] if processor.renamed_at else [])])


def definition_summary(kind: Kind, processor: Processor, name: str | None = None) -> Json:
    """Return the summary of a definition.

    Args:
        kind: Its kind.
        processor: The definition.
        name: The name it had, its present one when not given.
    """
    return {
        "object": kind.definition,
        "id": definition_id(kind, processor.id),
        "name": processor.name if name is None else name,
        "createdAt": rfc3339(created_at(processor)),
        "updatedAt": rfc3339(updated_at(processor)),
    }


def definition_object(kind: Kind, processor: Processor) -> Json:
    """Return a definition with its draft."""
    return {**definition_summary(kind, processor), "draftVersion": _draft(kind, processor)}


def versions(kind: Kind, processor: Processor) -> list[Json]:
    """Return the versions of a definition in full, the draft first and then the newest."""
    published = [number for number, version in enumerate(processor.versions) if version.version != _DRAFT]
    return [_draft(kind, processor), *(_full_version(kind, processor, number) for number in reversed(published))]


def _draft(kind: Kind, processor: Processor) -> Json:
    """Return the draft, which is the newest version where there is no draft of its own."""
    number = len(processor.versions) - 1
    draft = _full_version(kind, processor, number)
    if processor.versions[number].version != _DRAFT:
        draft["id"] = make_id(kind.version_prefix, rng_for("draft", processor.id))
        draft["version"], draft["description"] = _DRAFT, None
    return draft


def _full_version(kind: Kind, processor: Processor, number: int) -> Json:
    return {**_version_summary(kind, processor, number), "config": run_config(processor.versions[number].config)}


def embedded_summaries(workspace: Workspace, kind: Kind, payload: Mapping[str, Any], at: datetime) -> Json:
    """Return what a run says of its definition and version, by key.

    Args:
        workspace: Where the run is.
        kind: The run's kind.
        payload: The run as 2025-04-21 shows it.
        at: Stands for times of definitions that the workspace does not know.
    """
    wanted, version, name = (payload.get(f"processor{part}") for part in ("Id", "VersionId", "Name"))
    known = next((each for each in definitions(workspace, kind) if each.id == wanted), None)
    number = next((n for n, each in enumerate(known.versions if known else ()) if each.id == version), None)
    if known is not None:
        summary = definition_summary(kind, known, str(name))
    else:
        times = {"createdAt": rfc3339(at), "updatedAt": rfc3339(at)}
        summary = {"object": kind.definition, "id": definition_id(kind, wanted), "name": str(name), **times}
    if known is not None and number is not None:
        version_summary = _version_summary(kind, known, number)
    else:
        made_up = ProcessorVersion(str(version), "1.0", {}, Decimal(0))
        version_summary = _version(kind, summary["id"], made_up, at, None, None)
    return {kind.definition: summary, f"{kind.definition}Version": version_summary}


def _version_summary(kind: Kind, processor: Processor, number: int) -> Json:
    version = processor.versions[number]
    author = _authorship(version.id)[1]
    description = description_of(version)
    parent = definition_id(kind, processor.id)
    return _version(kind, parent, version, version_created_at(processor, number), description, author)


def _version(
    kind: Kind, parent: str, version: ProcessorVersion, at: datetime, description: str | None, author: Json | None
) -> Json:
    return {
        "object": f"{kind.definition}_version",
        "id": version_id(kind, version.id),
        "description": description,
        "version": version.version,
        f"{kind.definition}Id": parent,
        "createdAt": rfc3339(at),
        "createdBy": author,
    }


def description_of(version: ProcessorVersion) -> str | None:
    """Return what the author of a version says of it."""
    return f"Version {version.version}" if _authorship(version.id)[0] else None


def version_created_at(processor: Processor, number: int) -> datetime:
    """Return when a version was made."""
    return processor.versions[number].created_at or created_at(processor) + timedelta(days=15 * number)


@cache
def _authorship(version_id: str) -> tuple[bool, Json | None]:
    """Return whether a version has a description, and who made it."""
    rng = rng_for("version", version_id)
    return chance(rng, 0.5), rng.choice(_AUTHORS)
