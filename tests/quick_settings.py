"""dlt looks for each setting in every provider, two thousand times in a sync, and finds the same: here it looks once."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from dlt.common.configuration import resolve
from dlt.common.destination import utils

from tests.known_types import replace_in_dlt

_Answer = tuple[Any, list[Any]]

_look = resolve.resolve_single_provider_value

_OF_TABLES = ("prepare_load_table", "resolve_merge_strategy")
"""Functions of three arguments, the last of which dlt would look for, if its own calls did not give it."""


def quicken_settings() -> None:
    """Have dlt remember what its providers say for as long as the environment and their files stay as they are."""
    answers: dict[Any, _Answer] = {}
    seen: dict[Any, Any] = {}

    def look_once(provider: Any, *asked: Any) -> _Answer:
        if seen != (environment := os.environ._data):  # type: ignore[attr-defined]
            seen.clear()
            seen.update(environment)
            answers.clear()
        question = (provider, *asked)
        if question not in answers:
            answers[question] = _look(provider, *asked)
        value, traces = answers[question]
        return value, list(traces)

    resolve.resolve_single_provider_value = look_once
    for name in _OF_TABLES:
        function = getattr(utils, name)
        replace_in_dlt(name, function, _looking_if_needed(function))


def _looking_if_needed(function: Callable[..., Any]) -> Callable[..., Any]:
    plain = function.__wrapped__  # type: ignore[attr-defined]

    @functools.wraps(function)
    def call(*given: Any) -> Any:
        return plain(*given) if len(given) == 3 else function(*given)

    return call
