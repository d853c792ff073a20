"""Load runs by id, for example those that a webhook has named, into the tables of the scheduled sync.

    python pipelines/load_by_id.py dpr_Xj8mK2pL9nR4vT7qY5wZ dpr_Zk9mNP12Qw4yTv8BdR3H
    python pipelines/load_by_id.py --file ids.txt
    python pipelines/load_by_id.py --sql "select id from processor_runs where not reviewed" --refresh

Runs that have landed in a state that is final are left out, unless --refresh is given. The exit codes are the shell's.
"""

from __future__ import annotations

import argparse
import os
import sys

import dlt

from extend_source import run_ids_from_file, run_ids_from_sql, sync
from extend_source.cli.errors import code_of_result, explain


def main() -> int:
    """Load the runs that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(description="Load Extend runs by id.")
    parser.add_argument("ids", nargs="*", metavar="RUN_ID")
    parser.add_argument("--file", help="a file with one id a line; - is standard input")
    parser.add_argument("--sql", help="a query on the destination; its first column has the ids")
    parser.add_argument("--refresh", action="store_true", help="fetch again what has landed")
    options = parser.parse_args()
    destination = os.environ.get("EXTEND_DESTINATION", "duckdb")
    try:
        pipeline = dlt.pipeline("extend_pipeline", destination=destination, dataset_name="extend")
        ids = [*options.ids]
        ids += run_ids_from_file(options.file) if options.file else []
        ids += run_ids_from_sql(pipeline, options.sql) if options.sql else []
        result = sync(pipeline, run_ids=ids, refresh=options.refresh)
    except Exception as error:
        code, line = explain(error)
        print(line, file=sys.stderr)
        return code
    for run_id, message in result.errors.items():
        print(f"{run_id}: {message}", file=sys.stderr)
    print(f"{result.fetched} runs loaded, {result.known} already there, {result.gone} gone, {result.failed} failed")
    return code_of_result(result)


if __name__ == "__main__":
    sys.exit(main())
