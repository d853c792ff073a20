"""Say once a day what has been spent, and alert when the month is heading above the budget.

    python pipelines/credit_report.py

Run it after a sync. Budget and prices come from `credit_budget` and `prices` under [sources.extend]. The page
`credits.html` needs the extra `report`. Exit code 1: the month is heading above the budget, or the report failed; 2:
a setting is wrong, or nothing has landed.
"""

from __future__ import annotations

import os
import sys

import dlt

from extend_source import credit_report
from extend_source.cli.errors import explain
from extend_source.reports.page import write_page
from extend_source.text.wording import figure


def main() -> int:
    """Report once; return the exit code."""
    destination = os.environ.get("EXTEND_DESTINATION", "duckdb")
    try:
        pipeline = dlt.pipeline("extend_pipeline", destination=destination, dataset_name="extend")
        figures = credit_report(pipeline)
        write_page(figures, os.environ.get("EXTEND_CREDIT_PAGE", "credits.html"))
    except Exception as error:
        code, line = explain(error)
        print(line, file=sys.stderr)
        return code
    month = figures.month
    budget = "" if month.budget is None else f"; the budget is {figure(month.budget)}"
    print(f"{month.month:%B %Y}: {figure(month.credits)} credits, heading for {figure(month.projected)}{budget}")
    sys.stdout.writelines(f"{line}\n" for line in figures.warnings)
    return int(month.budget is not None and month.projected is not None and month.projected > month.budget)


if __name__ == "__main__":
    sys.exit(main())
