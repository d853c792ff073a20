"""Extraction runs into two tables, with plain dlt."""

import dlt

from extend_source import extend_source

pipeline = dlt.pipeline("invoices", destination="duckdb", dataset_name="extend")
source = extend_source(processor_types=["EXTRACT"])
print(pipeline.run(source.with_resources("processor_runs", "extraction_fields")))
print(pipeline.dataset().row_counts().fetchall())
