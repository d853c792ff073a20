"""dlt works out anew what types, fields and names are each time it needs one, thousands of times in a sync: here it remembers."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from dlt.common import typing, validation
from dlt.common.configuration.specs import base_configuration
from dlt.common.configuration.specs.base_configuration import BaseConfiguration
from dlt.common.normalizers.naming import NamingConvention

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


def remember_names() -> None:
    """Have dlt count the fields of each kind of settings once, which it does to know if there are any, and so each name."""
    counted, normalized = BaseConfiguration.__len__, NamingConvention.normalize_path
    counts: dict[type, int] = {}
    paths: dict[tuple[type, int | None, str], str] = {}

    def count(settings: BaseConfiguration) -> int:
        kind = type(settings)
        if kind not in counts:
            counts[kind] = counted(settings)
        return counts[kind]

    def normalize(naming: NamingConvention, path: str) -> str:
        known = (type(naming), naming.max_length, path)
        if known not in paths:
            paths[known] = normalized(naming, path)
        return paths[known]

    BaseConfiguration.__len__ = count  # type: ignore[method-assign]
    NamingConvention.normalize_path = normalize  # type: ignore[method-assign]


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
        if not more and not how:
            question: Any = id(about)
        else:
            question = (id(about), *map(id, more), *((name, id(value)) for name, value in how.items()))
        answer = known.get(question)
        if answer is None:  # what was asked about is kept, so that no other gets its id
            answer = known[question] = function(about, *more, **how), (about, more, how)
        return answer[0]

    return ask
