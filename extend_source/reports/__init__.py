"""What people ask of the loaded data: queries in SQL, one file each, run on the pipeline's destination."""

from extend_source.reports.quality import QUALITY_QUERIES, QualityReport, quality_report
from extend_source.reports.running import QueryResult

__all__ = ["QUALITY_QUERIES", "QualityReport", "QueryResult", "quality_report"]
