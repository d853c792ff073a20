"""dlt looks for each setting in every provider, two thousand times in a sync, and finds the same: here it looks once."""

from __future__ import annotations

import os
from typing import Any

from dlt.common.configuration import resolve

_Answer = tuple[Any, list[Any]]

_look = resolve.resolve_single_provider_value


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
        answer = answers.get(question)
        if answer is None:
            answer = answers[question] = _look(provider, *asked)
        return answer[0], list(answer[1])

    resolve.resolve_single_provider_value = look_once
