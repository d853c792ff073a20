"""The settings page: every setting of the source, its default, its unit and its meaning.

dlt resolves each setting from the arguments of `extend_source`, from ``SOURCES__EXTEND__<NAME>`` in the
environment, or from ``[sources.extend]`` in ``.dlt/config.toml`` and ``.dlt/secrets.toml``.
"""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

SECTION = "extend"
"""The dlt config section and the name of the source: ``[sources.extend]``."""

DEFAULT_BASE_URL = "https://api.extend.ai"
"""The production deployment (docs "Deployments")."""

DEPLOYMENTS = {
    "US": DEFAULT_BASE_URL,
    "US2": "https://api.us2.extend.app",
    "EU1": "https://api.eu1.extend.ai",
}
"""The public deployments and their base URLs (docs "Deployments"); self-hosted ones have their own."""

API_VERSION = "2025-04-21"
SUPPORTED_API_VERSIONS = (API_VERSION,)

FileContents = Literal["embedded", "fetch", "none"]
ProcessorType = Literal["EXTRACT", "CLASSIFY", "SPLITTER"]
RunStatus = Literal["PENDING", "PROCESSING", "PROCESSED", "FAILED", "CANCELLED"]

PROCESSOR_TYPES: tuple[str, ...] = get_args(ProcessorType)
RUN_STATUSES: tuple[str, ...] = get_args(RunStatus)
FILE_CONTENTS: tuple[str, ...] = get_args(FileContents)
