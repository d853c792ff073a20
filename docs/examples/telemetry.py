"""A sync whose spans and metrics go to the console, as an application would send them to its collector."""

import os

import dlt
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from extend_source import sync

tracing = TracerProvider()
tracing.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(tracing)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())]))

os.environ["SOURCES__EXTEND__OPENTELEMETRY"] = "true"
pipeline = dlt.pipeline("extend_pipeline", destination="duckdb", dataset_name="extend")
print(sync(pipeline).fetched, "runs")
