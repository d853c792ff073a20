"""dlt copies its schema, sums it up, and writes hints as YAML hundreds of times in a sync: here in a third of the time."""

from __future__ import annotations

import copy
import functools
import hashlib
from types import SimpleNamespace
from typing import Any

import yaml
from dlt.common import json
from dlt.common.normalizers.json.relational import DataItemNormalizer
from dlt.common.schema import Schema, utils
from dlt.extract import extract

from tests.known_types import replace_in_dlt

_deepcopy = copy.deepcopy
_ATOMS = frozenset((str, int, float, bool, type(None)))
_VERSIONS = ("version", "version_hash", "imported_version_hash", "previous_hashes")
"""What no version hash depends on."""

_version_hash = utils.generate_version_hash
_known_hashes: dict[bytes, str] = {}

_validate = DataItemNormalizer._validate_normalizer_config
_valid_configs: set[tuple[type, int | None, str]] = set()
"""What normalizers are told, of which nothing is to be changed, by the names that it was looked at for."""


def quicken_schemas() -> None:
    """Have dlt copy plain dicts and lists by a function for just these, check and sum up once, and write YAML in C."""
    replace_in_dlt("deepcopy", _deepcopy, _copied)
    replace_in_dlt("generate_version_hash", _version_hash, _known_version_hash)
    DataItemNormalizer._validate_normalizer_config = staticmethod(_validate_once)  # type: ignore[assignment,method-assign]
    if yaml.__with_libyaml__:
        extract.yaml = SimpleNamespace(dump=functools.partial(yaml.dump, Dumper=yaml.CDumper))


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


def _validate_once(schema: Schema, config: Any) -> None:
    known = (type(schema.naming), schema.naming.max_length, repr(config))
    if known not in _valid_configs:
        _validate(schema, config)
        if repr(config) == known[-1]:
            _valid_configs.add(known)
