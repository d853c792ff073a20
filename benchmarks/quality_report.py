"""What the quality report takes on reviewed runs of very many values, and how that grows.

    python benchmarks/quality_report.py

Prints the seconds of the report on one reviewed run of 1,000 and of 10,000 lines, each of five fields that a reviewer
has touched, and on a processor whose runs have fields of their own, 1,200 and 12,000 in all; medians of three rounds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import dlt

from extend_source import quality_report, sync
from extend_source.sandbox import SandboxServer, Workspace

FIELDS, OWN_FIELDS, ROUNDS = 5, 40, 3
LINES = (1_000, 10_000)
RUNS = (30, 300)
MAX_SECONDS, MAX_TIMES = 20, 12


def run_of(run_id: str, before: Any, after: Any, metadata: dict[str, Any]) -> dict[str, Any]:
    """A reviewed extraction."""
    final = {"value": after, "metadata": metadata}
    return {
        "id": run_id,
        "type": "EXTRACT",
        "status": "PROCESSED",
        "processorId": "dp_1",
        "processorName": "Lists",
        "processorVersionId": "dpv_1",
        "config": {"type": "EXTRACT", "schema": {"type": "object", "properties": {}}},
        "initialOutput": {"value": before, "metadata": metadata},
        "reviewedOutput": final,
        "output": final,
        "reviewed": True,
        "edited": True,
        "edits": {},
        "files": [],
    }


def lines_run(lines: int) -> dict[str, Any]:
    """A run of which a reviewer has touched every value; each line has a confidence of its own, as has each value."""
    before = [{f"field_{field}": f"read {line} {field}" for field in range(FIELDS)} for line in range(lines)]
    after = [{name: text.replace("read", "meant") for name, text in line.items()} for line in before]
    metadata = {f"lines[{line}]": {"ocrConfidence": line % 100 / 100} for line in range(lines)}
    metadata |= {
        f"lines[{line}].{name}": {"ocrConfidence": line % 90 / 100, "logprobsConfidence": line % 80 / 100}
        for line, values in enumerate(before)
        for name in values
    }
    return run_of("dpr_lines", {"lines": before}, {"lines": after}, metadata)


def own_fields_run(number: int) -> dict[str, Any]:
    """A run with fields that no other run has, of which a reviewer has changed one."""
    before = {"totals": {f"item {number} {index}": index for index in range(OWN_FIELDS)}}
    after = {"totals": {**before["totals"], f"item {number} 0": 99}}
    return run_of(f"dpr_{number}", before, after, {})


def seconds_of_report(*runs: dict[str, Any]) -> tuple[float, float]:
    """Load runs into a new DuckDB file; return the seconds of the sync, and of a report, the median of some."""
    workspace = Workspace(runs=0)
    for run in runs:
        workspace.put_run(run)
    with tempfile.TemporaryDirectory() as folder, SandboxServer(workspaces=[workspace]) as server:
        destination = dlt.destinations.duckdb(str(Path(folder) / "bench.duckdb"))
        pipeline = dlt.pipeline("bench", destination=destination, dataset_name="extend", pipelines_dir=folder)
        begin = time.perf_counter()
        result = sync(pipeline, api_key=server.api_key, base_url=server.base_url, requests_per_second=0)
        synced = time.perf_counter() - begin
        assert result.fetched == len(runs), result
        taken = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            report = quality_report(pipeline)
            taken.append(time.perf_counter() - begin)
        assert any(query.rows for query in report.queries), "there is something to report"
    return synced, statistics.median(taken)


def main() -> None:
    """Measure both sizes of both, and say whether the report grows in proportion."""
    print("| what is reported on | values | sync, s | report, s | times the smaller |\n|---|---|---|---|---|")
    failures = []
    cases = {
        f"1 run x {{}} lines x {FIELDS} fields, all touched": [
            (lines, lines * FIELDS, [lines_run(lines)]) for lines in LINES
        ],
        f"{{}} runs x {OWN_FIELDS} fields of their own": [
            (runs, runs * OWN_FIELDS, [own_fields_run(number) for number in range(runs)]) for runs in RUNS
        ],
    }
    for what, sizes in cases.items():
        smaller = 0.0
        for size, values, runs in sizes:
            synced, seconds = seconds_of_report(*runs)
            times = seconds / smaller if smaller else 1
            smaller = smaller or seconds
            print(
                f"| {what.format(f'{size:,}')} | {values:,} | {synced:.1f} | {seconds:.2f} | {times:.1f} |", flush=True
            )
            if seconds > MAX_SECONDS or times > MAX_TIMES:
                failures.append(what)
    if failures:
        raise SystemExit(f"over {MAX_SECONDS} s, or over {MAX_TIMES} times as long: {', '.join(failures)}")


if __name__ == "__main__":
    main()
