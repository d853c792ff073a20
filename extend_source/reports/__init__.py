"""What people ask of the loaded data: queries and models in SQL, one file each, run on the pipeline's destination."""

from extend_source.reports.credits import credit_report
from extend_source.reports.current import CurrentViewsResult, create_current_views
from extend_source.reports.figures import CreditFigures
from extend_source.reports.grouping import Spend, spend_by
from extend_source.reports.listed_credits import ListedCredits, listed_credits
from extend_source.reports.models import ModelsResult, create_models
from extend_source.reports.products import ProductCredits, spend_by_product
from extend_source.reports.quality import QUALITY_QUERIES, QualityReport, quality_report
from extend_source.reports.queries import QueryResult

__all__ = [
    "QUALITY_QUERIES",
    "CreditFigures",
    "CurrentViewsResult",
    "ListedCredits",
    "ModelsResult",
    "ProductCredits",
    "QualityReport",
    "QueryResult",
    "Spend",
    "create_current_views",
    "create_models",
    "credit_report",
    "listed_credits",
    "quality_report",
    "spend_by",
    "spend_by_product",
]
