"""The ways of loading runs that are compared, each run as a process of its own.

    python -m benchmarks.loaders NAME URL FOLDER

FOLDER is empty and takes the database. For what reads the bodies from disk, URL is the folder that they are in.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CONNECTIONS = 16
"""Requests under way at once, wherever a loader can be told."""

POSTGRES = "BENCHMARK_POSTGRES"
"""The variable of the environment with the address of a PostgreSQL database, for those that load with this source."""

Loader = Callable[[str, Path], None]


def this_source(url: str, folder: Path, **settings: Any) -> None:
    """This source, as a user calls it, without a request budget."""
    import dlt

    from extend_source import sync

    pipeline = dlt.pipeline("bench", destination=_destination(folder), dataset_name="extend", pipelines_dir=str(folder))
    options = {"requests_per_second": 0, "max_concurrency": CONNECTIONS, **settings}
    sync(pipeline, api_key="k", base_url=url, **options)


def this_source_at_64(url: str, folder: Path) -> None:
    """This source with as many requests at once as by default."""
    this_source(url, folder, max_concurrency=64)


def this_source_with_raw(url: str, folder: Path) -> None:
    """This source with `keep_raw`, which `rebuild` reads from."""
    this_source(url, folder, keep_raw=True)


def rebuild_from_raw(_: str, folder: Path) -> None:
    """`rebuild`: flattening and load without HTTP, from what `this_source_with_raw` has left in the folder."""
    import dlt

    from extend_source import rebuild

    pipeline = dlt.pipeline("bench", destination=_destination(folder), dataset_name="extend", pipelines_dir=str(folder))
    rebuild(pipeline)


def plain_dlt(url: str, folder: Path, **settings: Any) -> None:
    """What a user of dlt would write: its REST source, the listing feeding a request for each run, nested JSON."""
    import dlt
    from dlt.sources.rest_api import rest_api_source

    source = rest_api_source(
        {
            "client": {
                "base_url": url,
                "auth": {"type": "bearer", "token": "k"},
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "nextPageToken",
                    "cursor_param": "nextPageToken",
                },
            },
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": [
                {
                    "name": "listed_runs",
                    "endpoint": {
                        "path": "processor_runs",
                        "params": {"maxPageSize": 1000},
                        "data_selector": "processorRuns",
                    },
                },
                {
                    "name": "processor_runs",
                    "endpoint": {
                        "path": "processor_runs/{resources.listed_runs.id}",
                        "data_selector": "processorRun",
                        "paginator": "single_page",
                    },
                    "parallelized": True,
                },
            ],
        }
    )
    pipeline = dlt.pipeline("bench", destination=_destination(folder), dataset_name="extend", pipelines_dir=str(folder))
    pipeline.run(source, **settings)


def plain_dlt_parquet(url: str, folder: Path) -> None:
    """The same with parquet as dlt's format on the way to DuckDB."""
    plain_dlt(url, folder, loader_file_format="parquet")


def vendor_sdk(url: str, folder: Path) -> None:
    """The vendor's SDK with a pool of threads, and four tables by hand: runs, fields, citations, pages."""
    import duckdb
    import pyarrow as pa
    from extend_ai import Extend

    client = Extend(token="k", base_url=url)  # noqa: S106 - the local server asks for none
    ids, token = [], None
    while True:
        page = client.processor_run.list(max_page_size=1000, next_page_token=token)
        ids += [run.id for run in page.processor_runs]
        token = page.next_page_token
        if not token:
            break
    rows: dict[str, list[dict[str, Any]]] = {"runs": [], "fields": [], "citations": [], "pages": []}
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for answer in pool.map(client.processor_run.get, ids):
            for table, row in _rows_by_hand(answer.processor_run.dict()):
                rows[table].append(row)
    with duckdb.connect(str(folder / "bench.duckdb")) as connection:
        for table, of_table in rows.items():
            if of_table:
                connection.register("new_rows", pa.Table.from_pylist(of_table))
                connection.execute(f"create table {table} as select * from new_rows")


def _rows_by_hand(run: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    run_id = run["id"]
    names = ("id", "status", "type", "processorId", "processorVersionId", "processorName", "url")
    yield "runs", {name: run.get(name) for name in names}
    output = run.get("output") or {}
    metadata = output.get("metadata") or {}
    for name, value in (output.get("value") or {}).items():
        entry = metadata.get(name) or {}
        confidence = entry.get("logprobsConfidence")
        yield "fields", {"run_id": run_id, "path": name, "value": json.dumps(value), "confidence": confidence}
        for citation in entry.get("citations") or ():
            box = json.dumps(citation.get("polygon"))
            text = citation.get("referenceText")
            yield "citations", {"run_id": run_id, "path": name, "page": citation.get("page"), "text": text, "box": box}
    for file in run.get("files") or ():
        for page in (file.get("contents") or {}).get("pages") or ():
            kept = {name: page.get(name) for name in ("pageNumber", "rawText", "markdown")}
            yield "pages", {"file_id": file["id"], **kept}


def duckdb_json(url: str, folder: Path) -> None:
    """DuckDB's own JSON reader and SQL over the bodies on disk: no HTTP, four tables with fewer columns than ours.

    The parts of a run are taken out of it once: what is asked of a JSON text is found by reading all of it again.
    """
    import duckdb

    bodies = Path(url) / "processor_runs" / "*"
    with duckdb.connect(str(folder / "bench.duckdb")) as connection:
        connection.execute(
            "create temp table bodies as select run->>'id' as id, run->>'status' as status, run->>'type' as type,"
            " run->>'processorId' as processor_id, run->>'processorVersionId' as version_id, run->>'url' as url,"
            " run->'metadata' as metadata, sha256(run::varchar) as sha256, run->'files' as files,"
            " run->'output'->'value' as output_value, run->'output'->'metadata' as output_metadata"
            " from (select processorRun as run from read_json(?, format = 'unstructured',"
            " columns = {processorRun: 'json'}, maximum_object_size = 4000000))",
            [str(bodies)],
        )
        connection.execute(
            "create table runs as select id, status, type, processor_id, version_id, url, metadata, sha256 from bodies"
        )
        connection.execute(
            "create table fields as with maps as (select id, output_metadata::map(varchar, json) as metadata,"
            " unnest(map_entries(output_value::map(varchar, json))) as field from bodies), cells as"
            " (select id, field.key as path, field.value as value, metadata[field.key] as metadata from maps)"
            " select id as run_id, path, value, try_cast(value->>'$' as double) as value_number,"
            " (metadata->>'ocrConfidence')::double as ocr_confidence,"
            " (metadata->>'logprobsConfidence')::double as logprobs_confidence from cells"
        )
        connection.execute(
            "create table citations as with maps as"
            " (select id, unnest(map_entries(output_metadata::map(varchar, json))) as field from bodies), cited as"
            " (select id, field.key as path, unnest((field.value->'citations')::json[]) as c from maps)"
            " select id as run_id, path, (c->>'page')::bigint as page, c->>'referenceText' as reference_text,"
            " c->'polygon' as polygon from cited"
        )
        connection.execute(
            "create table pages as with all_files as (select unnest(files::json[]) as file from bodies), all_pages as"
            " (select file->>'id' as file_id, unnest((file->'contents'->'pages')::json[]) as page from all_files)"
            " select file_id, (page->>'pageNumber')::bigint as page_number, page->>'rawText' as raw_text,"
            " page->>'markdown' as markdown from all_pages"
        )


_RUN_AS_STRUCT = """STRUCT(
    id VARCHAR, status VARCHAR, type VARCHAR, "processorId" VARCHAR, "processorVersionId" VARCHAR, url VARCHAR,
    metadata JSON,
    output STRUCT(
        "value" MAP(VARCHAR, JSON),
        metadata MAP(VARCHAR, STRUCT(
            "ocrConfidence" DOUBLE,
            "logprobsConfidence" DOUBLE,
            citations STRUCT(page BIGINT, "referenceText" VARCHAR, polygon JSON)[]
        ))
    ),
    files STRUCT(
        id VARCHAR,
        contents STRUCT(pages STRUCT("pageNumber" BIGINT, "rawText" VARCHAR, markdown VARCHAR)[])
    )[]
)"""


def duckdb_json_typed(url: str, folder: Path) -> None:
    """The same, the bodies read as structs with types: quicker for large bodies, slower for small ones."""
    import duckdb

    bodies = Path(url) / "processor_runs" / "*"
    with duckdb.connect(str(folder / "bench.duckdb")) as connection:
        connection.execute(
            "create temp table bodies as select processorRun as run from read_json(?, format = 'unstructured',"
            f" columns = {{processorRun: '{_RUN_AS_STRUCT}'}}, maximum_object_size = 4000000)",
            [str(bodies)],
        )
        connection.execute(
            "create table runs as select run.id, run.status, run.type, run.processorId as processor_id,"
            " run.processorVersionId as version_id, run.url, run.metadata from bodies"
        )
        connection.execute(
            "create table fields as with fields as (select run.id as run_id, run.output.metadata as metadata,"
            " unnest(map_entries(run.output.value)) as field from bodies)"
            " select run_id, field.key as path, field.value as value,"
            " try_cast(field.value->>'$' as double) as value_number,"
            " metadata[field.key].ocrConfidence as ocr_confidence,"
            " metadata[field.key].logprobsConfidence as logprobs_confidence from fields"
        )
        connection.execute(
            "create table citations as with fields as"
            " (select run.id as run_id, unnest(map_entries(run.output.metadata)) as field from bodies), cited as"
            " (select run_id, field.key as path, unnest(field.value.citations) as c from fields)"
            " select run_id, path, c.page, c.referenceText as reference_text, c.polygon from cited"
        )
        connection.execute(
            "create table pages as with all_files as (select unnest(run.files) as file from bodies), all_pages as"
            " (select file.id as file_id, unnest(file.contents.pages) as page from all_files)"
            " select file_id, page.pageNumber as page_number, page.rawText as raw_text, page.markdown from all_pages"
        )


def download_and_decode(url: str, _: Path) -> None:
    """The least that any way over HTTP must do: our client's requests and decoding, and nothing else."""
    from extend_source.api import ExtendClient, RequestBudget, lists_of

    async def download() -> None:
        budget = RequestBudget(None, CONNECTIONS)
        async with ExtendClient(api_key="k", base_url=url, budget=budget) as client:
            runs = lists_of(client.api_version, "processor_run")[0]
            ids = iter([summary["id"] async for page in client.pages(runs) for summary in page.summaries])

            async def work() -> None:
                for run_id in ids:
                    await client.get(runs, run_id)

            await asyncio.gather(*(work() for _ in range(CONNECTIONS)))

    asyncio.run(download())


def reconcile(url: str, folder: Path) -> None:
    """A sync that compares everything again."""
    this_source(url, folder, reconcile=True)


def nothing(_: str, __: Path) -> None:
    """Import what this source imports: the time that every process of it takes to start."""
    import extend_source  # noqa: F401


LOADERS: dict[str, Loader] = {
    loader.__name__: loader
    for loader in (
        this_source,
        this_source_at_64,
        this_source_with_raw,
        rebuild_from_raw,
        plain_dlt,
        plain_dlt_parquet,
        vendor_sdk,
        duckdb_json,
        duckdb_json_typed,
        download_and_decode,
        reconcile,
        nothing,
    )
}


def _destination(folder: Path) -> Any:
    """A DuckDB file, or the PostgreSQL database that the environment names."""
    import dlt

    address = os.environ.get(POSTGRES)
    return dlt.destinations.postgres(address) if address else dlt.destinations.duckdb(str(folder / "bench.duckdb"))


if __name__ == "__main__":
    LOADERS[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
