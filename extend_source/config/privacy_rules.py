"""The settings of privacy: the rules, and what they take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

from dlt.common.configuration import configspec
from dlt.common.configuration.exceptions import ConfigurationValueError
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

from extend_source.config.choices import check_choices, shown_name
from extend_source.error_codes import ErrorCode

PrivacyAction = Literal["keep", "hash", "mask", "drop"]

PRIVACY_ACTIONS: tuple[str, ...] = get_args(PrivacyAction)
"""What a privacy rule can do, from the mildest to the strictest."""

DocumentSignatures = Literal["cut", "keep"]
DOCUMENT_SIGNATURES: tuple[str, ...] = get_args(DocumentSignatures)
OnUnmatched = Literal["warn", "error"]
ON_UNMATCHED: tuple[str, ...] = get_args(OnUnmatched)
MIN_KEY_LENGTH = 16
"""Fewest characters of a key for tokens: who guesses it can try all values that a token may stand for."""

PRIVACY_SETTINGS = ("key", "default", "fields", "columns", "document_signatures", "on_unmatched")

_MIN_DIFFERENT_CHARACTERS = 5


@configspec
class PrivacySettings(BaseConfiguration):
    """The rules by which personal data are hidden before anything is written: ``[sources.extend.privacy]``.

    Attributes:
        key: the secret of the tokens that ``hash`` makes; the same key makes the same token of a value. It is kept
            nowhere. Needed where a rule says ``hash``.
        default: what happens to the extracted fields that no rule names: keep, hash, mask or drop.
        fields: rules by path template, ``{"line_items[].iban": "mask"}``; as text: JSON.
        columns: rules by table and column, ``{"files.name": "drop"}``; as text: JSON.
        document_signatures: what happens to the signatures of links in a document's own content: cut or keep.
        on_unmatched: what a sync does about rules that no field has matched: warn or error.
    """

    key: TSecretStrValue | None = None
    default: str = "keep"
    fields: Any | None = None
    columns: Any | None = None
    document_signatures: str = "cut"
    on_unmatched: str = "warn"

    def __repr__(self) -> str:
        return "PrivacySettings(...)"  # the key must not be shown

    __str__ = __repr__

    @property
    def has_rules(self) -> bool:
        """Tell whether there are rules beside those that always hold."""
        return bool(self.fields or self.columns) or self.default != "keep"

    def on_resolved(self) -> None:
        """Check the values, and read rules that came as text.

        Raises:
            ConfigurationValueError: one line that names the setting and what it takes.
        """
        check_choices("privacy.default", [self.default], PRIVACY_ACTIONS)
        check_choices("privacy.document_signatures", [self.document_signatures], DOCUMENT_SIGNATURES)
        check_choices("privacy.on_unmatched", [self.on_unmatched], ON_UNMATCHED)
        self.fields = fields = _rules("privacy.fields", self.fields, '{"passport_number": "hash"}')
        self.columns = columns = _rules("privacy.columns", self.columns, '{"files.name": "drop"}')
        actions = [self.default, *fields.values(), *columns.values()]
        if "hash" in actions and not self.key:
            raise ErrorCode.NO_PRIVACY_KEY.on(
                ConfigurationValueError(
                    "privacy needs a key to hash with: set SOURCES__EXTEND__PRIVACY__KEY, or key under "
                    "[sources.extend.privacy] in .dlt/secrets.toml."
                )
            )
        if self.key is not None:
            _check_key(str(self.key))


def _check_key(key: str) -> None:
    """Refuse a key that can be guessed at once; whether it is a good one cannot be told."""
    if len(key.strip()) < MIN_KEY_LENGTH or len(set(key)) < _MIN_DIFFERENT_CHARACTERS:
        raise ErrorCode.NO_PRIVACY_KEY.on(
            ConfigurationValueError(
                f"privacy.key takes at least {MIN_KEY_LENGTH} characters, and not the same few again and again; "
                "make one with: openssl rand -hex 32"
            )
        )


def _rules(name: str, value: Any, example: str) -> dict[str, str]:
    """Read rules; names that a TOML file has split at their dots are put together again."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ConfigurationValueError(f"{name} takes rules as JSON, for example {example}.") from None
    if not isinstance(value, Mapping | None):
        raise ConfigurationValueError(f"{name} takes a table of rules, for example {example}.")
    rules: dict[str, str] = {}
    for key, action in (value or {}).items():
        if isinstance(action, Mapping):
            rules.update((f"{key}.{rest}", inner) for rest, inner in _rules(name, action, example).items())
        elif action in PRIVACY_ACTIONS:
            rules[key] = action
        else:
            raise ConfigurationValueError(
                f"{name} {key!r} takes {', '.join(PRIVACY_ACTIONS)}; not {shown_name(action)}."
            )
    return rules
