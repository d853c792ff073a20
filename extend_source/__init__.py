"""A dlt source for Extend (extend.ai): processor runs as tidy tables in DuckDB or any dlt destination."""

from importlib.metadata import PackageNotFoundError, version

from extend_source.config.settings import ExtendSettings, PrivacySettings
from extend_source.errors import (
    AccessRefused,
    ApiError,
    ApiUnreachable,
    ExtendError,
    ExtendTerminalError,
    ExtendTransientError,
    InvalidSetting,
    NoRawPayloads,
    RowsRefused,
    SyncError,
    SyncUnderWay,
    TooManyErrors,
    UsageError,
    WorkspaceRefused,
)
from extend_source.ingest.forecast import SyncForecast, SyncPart
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.session import SyncSession
from extend_source.migration.comparison import Comparison, Difference
from extend_source.migration.migrate import MigrateResult, migrate
from extend_source.operations.compact import CompactResult, compact
from extend_source.operations.erase import EraseResult, erase
from extend_source.operations.plan import PlanResult, plan
from extend_source.operations.rebuild import RebuildResult, rebuild
from extend_source.operations.run_ids import run_ids_from_file, run_ids_from_sql
from extend_source.operations.status import StatusResult, status
from extend_source.operations.sync import SyncResult, sync
from extend_source.pipeline.lake_compaction import CompactedTable
from extend_source.reports import (
    CreditFigures,
    CurrentViewsResult,
    ListedCredits,
    ModelsResult,
    QualityReport,
    QueryResult,
    create_current_views,
    create_models,
    credit_report,
    listed_credits,
    quality_report,
)
from extend_source.source import extend_source

try:
    __version__ = version("dlt-source-extend")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

__all__ = [
    "AccessRefused",
    "ApiError",
    "ApiUnreachable",
    "CompactResult",
    "CompactedTable",
    "Comparison",
    "CreditFigures",
    "CurrentViewsResult",
    "Difference",
    "EraseResult",
    "ExtendError",
    "ExtendSettings",
    "ExtendTerminalError",
    "ExtendTransientError",
    "InvalidSetting",
    "ListedCredits",
    "MigrateResult",
    "ModelsResult",
    "NoRawPayloads",
    "PlanResult",
    "PrivacySettings",
    "QualityReport",
    "QueryResult",
    "RebuildResult",
    "RowsRefused",
    "StatusResult",
    "SyncError",
    "SyncForecast",
    "SyncPart",
    "SyncProgress",
    "SyncResult",
    "SyncSession",
    "SyncUnderWay",
    "TooManyErrors",
    "UsageError",
    "WorkspaceRefused",
    "__version__",
    "compact",
    "create_current_views",
    "create_models",
    "credit_report",
    "erase",
    "extend_source",
    "listed_credits",
    "migrate",
    "plan",
    "quality_report",
    "rebuild",
    "run_ids_from_file",
    "run_ids_from_sql",
    "status",
    "sync",
]
