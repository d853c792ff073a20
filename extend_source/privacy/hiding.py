"""What becomes of a hidden scalar: three stars, or a token that is the same for equal values."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from extend_source.config.privacy_rules import PrivacyAction
from extend_source.tables.extraction import scalar_columns

MASK = "***"
GONE: Any = object()
"""Stands for a value that is dropped."""

_DIGITS = 32
_TOKEN = re.compile(r"hash:[0-9a-f]{32}")


class Hider:
    """Hides scalars. It holds no key, only the state of the function that the key has been put into."""

    def __init__(self, key: str | None) -> None:
        """Prepare.

        Args:
            key: the secret that tokens depend on; None where nothing is hashed.
        """
        self._keyed = hmac.new(key.encode(), digestmod=hashlib.sha256) if key else None

    def scalar(self, value: Any, action: PrivacyAction) -> Any:
        """Apply an action to a scalar; null stays, and what is hidden already as well.

        Args:
            value: a JSON scalar.
            action: what to do.

        Returns:
            The value, a text in its place, or `GONE`.
        """
        if action == "keep" or (value is None and action != "drop"):
            return value
        if action == "drop":
            return GONE
        if action == "mask" or value == MASK:
            return MASK
        return value if is_hidden(value) else self._token(scalar_columns(value)[1] or "")

    def json(self, value: Any, action: PrivacyAction) -> Any:
        """Apply an action to all scalars of a JSON value; its keys stay."""
        if action in ("keep", "drop"):
            return value if action == "keep" else GONE
        if isinstance(value, dict):
            return {key: self.json(item, action) for key, item in value.items()}
        if isinstance(value, list):
            return [self.json(item, action) for item in value]
        return self.scalar(value, action)

    def _token(self, text: str) -> str:
        assert self._keyed is not None, "the settings ask for a key wherever a rule says hash"
        function = self._keyed.copy()
        function.update(text.encode("utf-8", "surrogatepass"))
        return f"hash:{function.hexdigest()[:_DIGITS]}"


def is_hidden(value: Any) -> bool:
    """Tell whether a value is what has been made of a hidden one."""
    return isinstance(value, str) and (value == MASK or _TOKEN.fullmatch(value) is not None)
