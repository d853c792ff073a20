"""Which quality queries there are."""

QUALITY_QUERIES = (
    "field_fill_rate",
    "field_accuracy",
    "confidence_reliability",
    "confidence_auroc",
    "review_thresholds",
    "slowest_processors",
    "failure_reasons",
    "class_confusion",
    "split_sizes",
)
"""The names of the queries, in the order of the report; each is a file of ``reports/quality``."""
