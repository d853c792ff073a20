"""The files with the types, read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

Types = Mapping[str, "list[str] | dict[str, str]"]
"""Enums and objects by the name of their type."""


@cache
def types_of(api_version: str) -> Types:
    """Read the types of a version's bodies.

    Args:
        api_version: a supported one, such as ``2025-04-21``.

    Returns:
        The types, see `extend_source.api.shapes`.
    """
    types: Types = json.loads(files(__package__).joinpath(f"{api_version}.json").read_text("utf-8"))
    return types
