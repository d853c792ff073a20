"""The three kinds of runs, what 2026-02-09 calls them and what belongs to them, and the ids of both versions."""

from __future__ import annotations

from dataclasses import dataclass

from extend_source.sandbox.records import ProcessorType


@dataclass(frozen=True)
class Kind:
    """A kind of run. Ids differ from those of 2025-04-21 by their prefix alone, unless the workspace says otherwise.

    Attributes:
        type: What 2025-04-21 calls it.
        run: ``object`` of its runs; with an ``s`` the path of their endpoint.
        run_prefix: Prefix of its runs' ids.
        definition: ``object`` of its definitions, also the name of the key that holds one.
        definition_prefix: Prefix of the definitions' ids.
        version_prefix: Prefix of the ids of their versions.
    """

    type: ProcessorType
    run: str
    run_prefix: str
    definition: str
    definition_prefix: str
    version_prefix: str


KINDS = (
    Kind("EXTRACT", "extract_run", "exr", "extractor", "ex", "exv"),
    Kind("CLASSIFY", "classify_run", "clr", "classifier", "cl", "clv"),
    Kind("SPLITTER", "split_run", "splr", "splitter", "spl", "splv"),
)
KIND_OF: dict[str, Kind] = {kind.type: kind for kind in KINDS}
"""The kinds by what 2025-04-21 calls them."""

_RUN_2025, _DEFINITION_2025, _VERSION_2025 = "dpr", "dp", "dpv"


def run_id(kind: Kind, old_id: object, *, same_suffix: bool) -> str:
    """Return the id of a run.

    Args:
        kind: The kind of the run.
        old_id: Its id under 2025-04-21.
        same_suffix: What follows the prefix is the same in both; else it is written from back to front.
    """
    return _turned(with_prefix(old_id, _RUN_2025, kind.run_prefix), kind.run_prefix, turn=not same_suffix)


def definition_id(kind: Kind, old_id: object) -> str:
    """Return the id of a definition, of which ``old_id`` is the one under 2025-04-21."""
    return with_prefix(old_id, _DEFINITION_2025, kind.definition_prefix)


def version_id(kind: Kind, old_id: object) -> str:
    """Return the id of a version, of which ``old_id`` is the one under 2025-04-21."""
    return with_prefix(old_id, _VERSION_2025, kind.version_prefix)


def old_run_id(kind: Kind, new_id: str, *, same_suffix: bool) -> str:
    """Return the id under 2025-04-21 of a run, no id for one that 2026-02-09 does not give to runs of the kind."""
    turned = _turned(new_id, kind.run_prefix, turn=not same_suffix)
    old_id = with_prefix(turned, kind.run_prefix, _RUN_2025)
    return old_id if run_id(kind, old_id, same_suffix=same_suffix) == new_id else ""


def old_definition_id(kind: Kind, new_id: str) -> str:
    """Return the id under 2025-04-21 of a definition, no id for one that 2026-02-09 does not give to the kind."""
    old_id = with_prefix(new_id, kind.definition_prefix, _DEFINITION_2025)
    return old_id if definition_id(kind, old_id) == new_id else ""


def _turned(given: str, prefix: str, *, turn: bool) -> str:
    start = f"{prefix}_"
    return start + given.removeprefix(start)[::-1] if turn and given.startswith(start) else given


def with_prefix(given: object, old: str, new: str) -> str:
    """Return an id with another prefix; an id that a test made up without the usual one stays as it is."""
    text = str(given)
    return new + text.removeprefix(old) if text.startswith(f"{old}_") else text
