"""A dlt source for Extend (extend.ai): processor runs as tidy tables in DuckDB or any dlt destination.

A name is imported when it is first asked for (PEP 562): whoever loads need not wait for the reports, and the shell's
help waits for nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extend_source.config.privacy_rules import PrivacySettings
    from extend_source.config.settings import ExtendSettings
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
    from extend_source.ingest.payload_batches import FlattenPlan, flatten_batches, flatten_files, sighted_processors
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
    from extend_source.reports.credits import credit_report
    from extend_source.reports.current import CurrentViewsResult, create_current_views
    from extend_source.reports.figures import CreditFigures
    from extend_source.reports.listed_credits import ListedCredits, listed_credits
    from extend_source.reports.models import ModelsResult, create_models
    from extend_source.reports.quality import QualityReport, quality_report
    from extend_source.reports.queries import QueryResult
    from extend_source.source import extend_source

    __version__: str

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
    "FlattenPlan",
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
    "flatten_batches",
    "flatten_files",
    "listed_credits",
    "migrate",
    "plan",
    "quality_report",
    "rebuild",
    "run_ids_from_file",
    "run_ids_from_sql",
    "sighted_processors",
    "status",
    "sync",
]

_HOMES = {
    "config.privacy_rules": ("PrivacySettings",),
    "config.settings": ("ExtendSettings",),
    "errors": (
        "AccessRefused",
        "ApiError",
        "ApiUnreachable",
        "ExtendError",
        "ExtendTerminalError",
        "ExtendTransientError",
        "InvalidSetting",
        "NoRawPayloads",
        "RowsRefused",
        "SyncError",
        "SyncUnderWay",
        "TooManyErrors",
        "UsageError",
        "WorkspaceRefused",
    ),
    "ingest.forecast": ("SyncForecast", "SyncPart"),
    "ingest.payload_batches": ("FlattenPlan", "flatten_batches", "flatten_files", "sighted_processors"),
    "ingest.progress": ("SyncProgress",),
    "ingest.session": ("SyncSession",),
    "migration.comparison": ("Comparison", "Difference"),
    "migration.migrate": ("MigrateResult", "migrate"),
    "operations.compact": ("CompactResult", "compact"),
    "operations.erase": ("EraseResult", "erase"),
    "operations.plan": ("PlanResult", "plan"),
    "operations.rebuild": ("RebuildResult", "rebuild"),
    "operations.run_ids": ("run_ids_from_file", "run_ids_from_sql"),
    "operations.status": ("StatusResult", "status"),
    "operations.sync": ("SyncResult", "sync"),
    "pipeline.lake_compaction": ("CompactedTable",),
    "reports.credits": ("credit_report",),
    "reports.current": ("CurrentViewsResult", "create_current_views"),
    "reports.figures": ("CreditFigures",),
    "reports.listed_credits": ("ListedCredits", "listed_credits"),
    "reports.models": ("ModelsResult", "create_models"),
    "reports.quality": ("QualityReport", "quality_report"),
    "reports.queries": ("QueryResult",),
    "source": ("extend_source",),
}
"""The public names, by the module that has each."""


if not TYPE_CHECKING:  # a type checker would take every name for one of this module

    def __getattr__(name: str) -> object:
        """Import a public name."""
        if name == "__version__":
            value: object = _version()
        else:
            home = next((module for module, names in _HOMES.items() if name in names), None)
            if home is None:
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
            value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Name what is there, and what can be asked for."""
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # takes longer than all else here

    try:
        return version("dlt-source-extend")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"
