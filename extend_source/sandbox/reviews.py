"""What a human review does to a run: a second output, the switch to it, and the list of edits."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from extend_source.sandbox.evidence import join_path, walk
from extend_source.sandbox.records import Json
from extend_source.sandbox.seeding import chance


def review(payload: Json, changes: Mapping[str, Any], rng: random.Random) -> Json:
    """Return the payload keys a review changes.

    Args:
        payload: The run's payload before the review.
        changes: New values by path (extraction: a path of ``value``, or the name of a legacy field;
            classification: ``type``; splitter: ``splits[n].<key>``). Empty for a review without edits.
        rng: Decides whether an edit carries notes, a page and a field type.

    Returns:
        ``reviewed``, ``edited``, ``edits``, ``initialOutput``, ``reviewedOutput`` and ``output``.

    Raises:
        KeyError: A path does not exist in the output.
    """
    initial = payload.get("initialOutput") or payload["output"]
    reviewed = copy.deepcopy(payload.get("reviewedOutput") or initial)
    edits = copy.deepcopy(payload.get("edits") or {})
    for path, value in changes.items():
        original = _set(payload, reviewed, path, value)
        edits[path] = _edit(original, value, edits.get(path), rng)
    return {
        "reviewed": True,
        "edited": bool(edits),
        "edits": edits,
        "initialOutput": initial,
        "reviewedOutput": reviewed,
        "output": reviewed,
    }


def _edit(original: Any, value: Any, earlier: Json | None, rng: random.Random) -> Json:
    edit: Json = {"originalValue": earlier["originalValue"] if earlier else original, "editedValue": value}
    if chance(rng, 0.5):
        edit["notes"] = rng.choice(("Misread", "Missing in the document", None))
    if chance(rng, 0.5):
        edit["page"] = rng.randrange(1, 4)
    if chance(rng, 0.5):
        edit["fieldType"] = {str: "string", bool: "boolean"}.get(type(value), "number")
    return edit


def _set(payload: Json, output: Json, path: str, value: Any) -> Any:
    """Put a value into an output and return the one it replaces."""
    if payload["type"] == "CLASSIFY":
        return _reclassify(payload, output, value)
    if payload["type"] == "EXTRACT" and "fields" in payload["config"]:
        result = output[path]
        original, result["value"] = result["value"], value
        return original
    root = output["value"] if payload["type"] == "EXTRACT" else output
    for candidate, container, key in _places(root):
        if candidate == path:
            original, container[key] = container[key], value
            return original
    raise KeyError(path)


def _reclassify(payload: Json, output: Json, new_type: str) -> str:
    chosen = next(offer for offer in payload["config"]["classifications"] if offer["type"] == new_type)
    original = str(output["type"])
    output.update(id=chosen["id"], type=chosen["type"], confidence=1)
    return original


def _places(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, container, key) of everything below a value."""
    members: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    for key, inner in members:
        here = join_path(path, key)
        yield here, value, key
        yield from _places(inner, here)


def propose_changes(payload: Json, rng: random.Random) -> dict[str, Any]:
    """Return one to three corrections a reviewer could make to a run.

    Args:
        payload: A processed run.
        rng: Chooses what to correct.
    """
    output = payload["output"]
    if payload["type"] == "CLASSIFY":
        others = [offer["type"] for offer in payload["config"]["classifications"] if offer["type"] != output["type"]]
        return {"type": rng.choice(others)}
    if payload["type"] == "SPLITTER":
        return {"splits[0].identifier": f"corrected_{rng.randrange(1000)}"}
    if "fields" in payload["config"]:
        candidates = {key: result["value"] for key, result in output.items()}
    else:
        candidates = dict(walk(output["value"]))
    leaves = [path for path, value in candidates.items() if not isinstance(value, (dict, list))]
    chosen = rng.sample(leaves, k=min(len(leaves), rng.randrange(1, 4)))
    return {path: _corrected(candidates[path], rng) for path in chosen} | _row_removal(payload, chosen, rng)


def _row_removal(payload: Json, chosen: list[str], rng: random.Random) -> dict[str, Any]:
    """Now and then remove the last line of an invoice, reported as an edit of the whole list."""
    if "fields" in payload["config"]:
        return {}
    lines = payload["output"]["value"].get("line_items")
    touched = any(path.startswith("line_items") for path in chosen)
    return {"line_items": lines[:-1]} if lines and not touched and chance(rng, 0.2) else {}


def _corrected(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return rng.randrange(10**6) / 100
    return f"corrected {rng.randrange(10**4):04d}"
