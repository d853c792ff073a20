"""What settings take of a few words, and how a wrong one is told without showing a secret."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dlt.common.configuration.exceptions import ConfigurationValueError

from extend_source.config.providers import looks_like_a_name

_LIKE_A_TIME = re.compile(r"[0-9]{1,4}[-/.][-0-9:/.+TZtz ]{1,30}|(?=.{1,20}$)[a-z]+(?: [a-z]+)*")

_LIKE_A_KEY = re.compile(r"(?<![\w-])sk_")
"""How Extend's keys begin, as the vendor's docs for agents show them; what is quoted or labelled is one as well.

Not what has it in the middle of an id, the random part of which may.
"""


def check_choices(name: str, values: Sequence[str] | None, choices: Sequence[str]) -> None:
    """Refuse what is none of the choices.

    Args:
        name: the setting.
        values: what it says; None: nothing.
        choices: what it takes.

    Raises:
        ConfigurationValueError: one line with the setting and what it takes.
    """
    for value in values or ():
        if value not in choices:
            raise ConfigurationValueError(f"{name} takes {', '.join(choices)}; not {shown_name(value)}.")


def refuse_keys(name: str, values: Sequence[str] | None) -> None:
    """Refuse API keys in the place of ids.

    Args:
        name: the setting.
        values: what it says; None: nothing.

    Raises:
        ConfigurationValueError: one line with the setting, and nothing of what it says.
    """
    if any(map(looks_like_a_key, values or ())):
        raise ConfigurationValueError(f"{name} takes ids; what is there looks like an API key, so it is not shown.")


def looks_like_a_key(value: Any) -> bool:
    """Tell whether an API key was pasted in the place of an id."""
    return isinstance(value, str) and _LIKE_A_KEY.search(value) is not None


def as_list(values: Sequence[str] | None) -> list[str] | None:
    """Copy the values of a setting into a list; None: it says nothing."""
    return None if values is None else list(values)


def shown_time(value: Any) -> str:
    """Quote a value in whose place a date or time belongs, unless it may be a secret that was pasted there."""
    is_like_one = isinstance(value, str) and _LIKE_A_TIME.fullmatch(value)
    return repr(value) if is_like_one else shown_name(value)


def shown_name(value: Any) -> str:
    """Quote a value in whose place a name belongs, unless it may be a secret that was pasted there."""
    is_word = isinstance(value, str) and value.isalpha() and looks_like_a_name(value.lower())
    if is_word or (isinstance(value, str) and looks_like_a_name(value)):
        return repr(value)
    return "what is there (not shown, as it may be a secret)"
