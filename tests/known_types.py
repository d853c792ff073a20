"""dlt works out anew what a type means each time it resolves a setting, thousands of times in a sync: here it remembers."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from dlt.common import typing, validation
from dlt.common.configuration.specs import base_configuration
from dlt.common.configuration.specs.base_configuration import BaseConfiguration

_FUNCTIONS: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (
        typing,
        (
            "extract_type_if_modifier",
            "extract_inner_type",
            "is_literal_type",
            "is_optional_type",
            "is_subclass",
            "is_typeddict",
            "is_union_type",
        ),
    ),
    (
        base_configuration,
        (
            "extract_inner_hint",
            "is_base_configuration_inner_hint",
            "is_context_inner_hint",
            "is_secret_hint",
        ),
    ),
    (validation, ("get_type_hints",)),
)
"""Functions of dlt that depend on nothing but the types they are given."""


def remember_types() -> None:
    """Have dlt ask each of these questions about a type once in this process."""
    for home, names in _FUNCTIONS:
        for name in names:
            function = getattr(home, name)
            replace_in_dlt(name, function, _remembered(function))
    fields = _remembered(BaseConfiguration.get_resolvable_fields.__func__)  # type: ignore[attr-defined]
    BaseConfiguration.get_resolvable_fields = classmethod(lambda spec: dict(fields(spec)))  # type: ignore[assignment,method-assign]


def replace_in_dlt(name: str, function: Any, replacement: Any) -> None:
    """Have all modules of dlt that have imported a function use another one in its place."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith("dlt.") and vars(module).get(name) is function:
            setattr(module, name, replacement)


def _remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    # by identity, as types that count as equal, such as two orders of one Union, may have different answers
    known: dict[Any, tuple[Any, Any]] = {}

    @functools.wraps(function)
    def ask(about: Any, *more: Any, **how: Any) -> Any:
        question = (id(about), *map(id, more), *((name, id(value)) for name, value in how.items()))
        if question not in known:
            known[question] = function(about, *more, **how), (about, more, how)  # kept, so that no other gets their ids
        return known[question][0]

    return ask
