"""A sync of some runs, and its counts."""

import dlt

from extend_source import sync

pipeline = dlt.pipeline("extend_pipeline", destination="duckdb", dataset_name="extend")
result = sync(pipeline, processor_types=["SPLITTER"])
print(f"{result.fetched} fetched, {result.known} already there, {result.failed} failed, complete: {result.complete}")
