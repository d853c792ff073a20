"""dlt copies its schema, and sums it up, hundreds of times in a sync: here in a third of the time."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from dlt.common import json
from dlt.common.schema import utils

from tests.known_types import replace_in_dlt

_deepcopy = copy.deepcopy
_ATOMS = frozenset((str, int, float, bool, type(None)))
_VERSIONS = ("version", "version_hash", "imported_version_hash", "previous_hashes")
"""What no version hash depends on."""

_version_hash = utils.generate_version_hash
_known_hashes: dict[bytes, str] = {}


def quicken_schemas() -> None:
    """Have dlt copy plain dicts and lists by a function for just these, and sum up each schema once."""
    replace_in_dlt("deepcopy", _deepcopy, _copied)
    replace_in_dlt("generate_version_hash", _version_hash, _known_version_hash)


def _copied(value: Any, memo: dict[int, Any] | None = None) -> Any:
    return _deepcopy(value, memo) if memo is not None else _copy(value)


def _copy(value: Any) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is dict:
        return {name: each if type(each) in _ATOMS else _copy(each) for name, each in value.items()}
    if kind is list:
        return [each if type(each) in _ATOMS else _copy(each) for each in value]
    return _deepcopy(value)


def _known_version_hash(schema: Any) -> str:
    """The version hash: two schemas have the same if they are equal, the order of their columns included."""
    content = json.dumpb({name: value for name, value in schema.items() if name not in _VERSIONS})
    known = hashlib.blake2b(content, digest_size=16).digest()
    if known not in _known_hashes:
        _known_hashes[known] = _version_hash(schema)
    return _known_hashes[known]
