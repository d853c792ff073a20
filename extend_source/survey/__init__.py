"""Where the real API differs from what this package expects, told without a value of what was read."""

from extend_source.survey.compare import CompareResult, compare, writable_report

__all__ = ["CompareResult", "compare", "writable_report"]
