"""A dlt source for Extend (extend.ai): processor runs as tidy tables in DuckDB or any dlt destination."""

from importlib.metadata import PackageNotFoundError, version

from extend_source.api import (
    AccessRefused,
    ApiUnreachable,
    ExtendError,
    ExtendTerminalError,
    ExtendTransientError,
    WorkspaceRefused,
)
from extend_source.config import ExtendSettings
from extend_source.locking import SyncUnderWay
from extend_source.progress import SyncProgress
from extend_source.runner import SyncResult, TooManyErrors, sync
from extend_source.session import SyncSession
from extend_source.source import extend_source

try:
    __version__ = version("dlt-source-extend")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

__all__ = [
    "AccessRefused",
    "ApiUnreachable",
    "ExtendError",
    "ExtendSettings",
    "ExtendTerminalError",
    "ExtendTransientError",
    "SyncProgress",
    "SyncResult",
    "SyncSession",
    "SyncUnderWay",
    "TooManyErrors",
    "WorkspaceRefused",
    "__version__",
    "extend_source",
    "sync",
]
