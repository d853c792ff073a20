"""The settings of the listener for webhooks: ``[sources.extend.listen]``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dlt.common.configuration import configspec
from dlt.common.configuration.exceptions import ConfigurationValueError
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretValue

from extend_source.config.settings import LISTEN, SECTION, refuse_misspelt_settings
from extend_source.error_codes import ErrorCode

MIN_SECRET_LENGTH = 16
"""Fewest characters of a secret. Extend's have more; one that can be guessed lets anyone send events."""

_WHERE = "SOURCES__EXTEND__LISTEN__SECRETS, or secrets under [sources.extend.listen] in .dlt/secrets.toml"


@configspec
class ListenSettings(BaseConfiguration):
    """All settings of the listener for webhooks.

    Attributes:
        secrets: the secrets of the endpoints and subscriptions that send events here (``wss_...``), each as Extend
            showed it once: a list, or a text with commas between. During a rotation: the old and the new one.
        queue_file: the SQLite file in which events wait. None: beside the folder of the pipeline.
        max_pending: the most events that may wait; further ones are answered with 503, and Extend sends them again.
        max_body_megabytes: the largest body of an event. Extend sends a link in the place of a payload that is large;
            from which size on is a setting of the endpoint there.
    """

    secrets: TSecretValue | None = None
    queue_file: str | None = None
    max_pending: int = 100_000
    max_body_megabytes: float = 8.0

    def __repr__(self) -> str:
        return "ListenSettings(...)"  # the secrets must not be shown

    __str__ = __repr__

    def on_resolved(self) -> None:
        """Check the values, and read secrets that came as text.

        Raises:
            ConfigurationValueError: one line that names the setting and what it takes.
        """
        self.secrets = tuple(_secrets(self.secrets))
        if self.max_pending < 1:
            raise ConfigurationValueError("listen.max_pending takes a whole number from 1 up.")
        if not 0 < self.max_body_megabytes < float("inf"):
            raise ConfigurationValueError("listen.max_body_megabytes takes a number above 0.")


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        value = _listed(value)
    if not isinstance(value, list | tuple | None):
        raise _wrong_secrets("takes a list of texts")
    for secret in value or ():
        if not isinstance(secret, str) or len(secret.strip()) < MIN_SECRET_LENGTH:
            raise _wrong_secrets(f"takes texts of at least {MIN_SECRET_LENGTH} characters, as Extend shows them")
        yield secret.strip()


def _listed(text: str) -> Any:
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            raise _wrong_secrets('takes a list, for example ["wss_..."], or a text with commas between') from None
    return [part for part in text.split(",") if part.strip()]


def _wrong_secrets(takes: str) -> ConfigurationValueError:
    return ErrorCode.NO_WEBHOOK_SECRET.on(ConfigurationValueError(f"listen.secrets {takes}: {_WHERE}."))


def listen_settings(*, needs_secrets: bool = True) -> ListenSettings:
    """Find the settings of the listener where dlt finds settings.

    Args:
        needs_secrets: False: nothing listens, so that no secret is needed.

    Returns:
        The settings; `secrets` is a tuple.

    Raises:
        ConfigurationValueError: a setting has a value that it does not take, there is no such setting, or there is no
            secret.
    """
    refuse_misspelt_settings()
    settings = resolve_configuration(ListenSettings(), sections=("sources", SECTION, LISTEN))
    if needs_secrets and not settings.secrets:
        raise ErrorCode.NO_WEBHOOK_SECRET.on(
            ConfigurationValueError(f"No webhook secret. Set {_WHERE}: Extend shows it once, as an endpoint is made.")
        )
    return settings
