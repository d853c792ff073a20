"""Runs all benchmarks, prints what they print, and writes it into ``benchmarks/RESULTS.md``.

    python -m benchmarks [--only compare,memory,...]

Each benchmark has a section in the file; with ``--only`` the other sections stay as they are.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
TITLE = """# Benchmark results

Ratios matter, not seconds: what is compared ran in turns on one machine. `make bench` writes this file; each section
says with which command, when, and on what. What came of it is said by hand in the last section, which stays.
"""


@dataclass(frozen=True)
class Benchmark:
    """A section of the results.

    Attributes:
        title: its heading.
        arguments: what comes after ``python -m``.
        about: what it shows, and what came of it that the figures do not say by themselves.
    """

    title: str
    arguments: str
    about: str


BENCHMARKS = {
    "compare": Benchmark(
        "Beside other ways of loading the same runs",
        "benchmarks.compare --sizes extract-79k --runs 1000 --rounds 5",
        "With the `.dlt/config.toml` of this project. Each way is a process of its own, its start included; `nothing`"
        " only imports what this source imports. `download_and_decode` makes this source's requests and decodes the"
        " answers, and nothing else. All are fed by nginx, but for `rebuild_from_raw`, which reads what has landed, and"
        " DuckDB's JSON reader in two ways, which reads files and makes fewer columns.",
    ),
    "compare_more": Benchmark(
        "The same with more runs",
        "benchmarks.compare --sizes extract-79k --runs 5000 --rounds 5"
        " --loaders nothing,download_and_decode,this_source,rebuild_from_raw,duckdb_json,duckdb_json_typed",
        "Without those that would take very long.",
    ),
    "compare_small": Benchmark(
        "The same with small payloads",
        "benchmarks.compare --sizes classify-5k,extract-30k --runs 1000 --rounds 5",
        "",
    ),
    "compare_large": Benchmark(
        "The same with large payloads",
        "benchmarks.compare --sizes extract-300k --runs 200 --rounds 5",
        "Fewer runs, as plain dlt would take very long.",
    ),
    "profile": Benchmark(
        "Profile",
        "benchmarks.profile",
        "Processor time of the threads that run Python, by the innermost frame that belongs to one of these; DuckDB's"
        " own threads are not seen. dlt and DuckDB stage and merge each of thirty tables in every load, however few its"
        " rows: it stays, as it is what makes a load replace exactly what it must. HTTP is httpx with one client a"
        " connection, the fastest way found that leaves DuckDB's output clean.",
    ),
    "transport": Benchmark(
        "Connections",
        "benchmarks.transport",
        "Bodies of 79 KB over loopback, without a request budget, decoding or flattening.",
    ),
    "memory": Benchmark(
        "Memory",
        "benchmarks.memory",
        "Peak memory of the whole process, DuckDB included; one run each. The peak comes while DuckDB loads a package."
        " `small` are the docs' settings for a small machine.",
    ),
    "history": Benchmark(
        "A sync without changes",
        "benchmarks.history",
        "Starting Python and dlt included.",
    ),
    "growth": Benchmark(
        "Cost by the length of the history",
        "benchmarks.growth",
        "What one changed run, none, and a reconcile cost; statements and their time as PostgreSQL logs them.",
    ),
    "lake": Benchmark(
        "Many small loads in a lake",
        "benchmarks.lake",
        "Reading all current views, of Parquet files, before and after `compact`.",
    ),
    "changes": Benchmark(
        "Requests",
        "benchmarks.changes",
        "Counted by the stand-in; one listing finds what has changed.",
    ),
    "budget": Benchmark(
        "Use of the request budget",
        "benchmarks.budget --seconds 60",
        "Where the other client is not told, the figures include finding the limit.",
    ),
    "webhooks": Benchmark(
        "Webhooks under fire",
        "benchmarks.webhooks --events 10000 --rate 200 --kills 3",
        "Receiver and worker are killed three times each; what is not taken is sent again. Events come in far faster"
        " than they can be loaded: how long they wait says how fast that is.",
    ),
    "webhooks_idle": Benchmark(
        "Webhooks one by one",
        "benchmarks.webhooks --events 60 --rate 0.5 --kills 0 --budget 10",
        "With a budget of 10 requests a second and nothing else to do.",
    ),
    "typed_tables": Benchmark(
        "Typed tables", "benchmarks.typed_tables", "A sync of 50 processors with and without typed tables."
    ),
    "credit_report": Benchmark(
        "Credit report",
        "benchmarks.credit_report",
        "The report computes the ledger once, in a temporary table, and then asks about a dozen questions of it.",
    ),
    "quality_report": Benchmark(
        "Quality report",
        "benchmarks.quality_report",
        "It fails where ten times the values take more than twelve times as long, or the report more than 20 seconds.",
    ),
    "reports_at_scale": Benchmark(
        "Reports at scale",
        "benchmarks.reports_at_scale",
        "Each report in a process of its own; DuckDB may use 400 MiB for the quality report.",
    ),
}


def section(benchmark: Benchmark) -> str:
    """Run a benchmark, showing what it prints, and write its section."""
    command = [sys.executable, "-m", *benchmark.arguments.split()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=RESULTS.parent.parent)  # noqa: S603
    printed = ""
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        printed += line
    if process.wait():
        raise SystemExit(f"{benchmark.arguments} failed")
    shown = printed.strip() if "|---" in printed else f"```text\n{printed.strip()}\n```"
    about = f"`python -m {benchmark.arguments}`, {date.today()}, {machine()}. {benchmark.about}".rstrip()
    return f"## {benchmark.title}\n\n{about}\n\n{shown}\n"


def machine() -> str:
    """Describe where the benchmarks run."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("dlt", "duckdb", "httpx", "pyarrow"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB, {platform.system()},"
        f" Python {platform.python_version()}, {versions}"
    )


def merged(old: str, new: dict[str, str]) -> str:
    """Put new sections in the place of old ones.

    Args:
        old: the file as it is.
        new: sections by the title of their benchmark.

    Returns:
        The file with all sections in the order of `BENCHMARKS`, and after them those that belong to none.
    """
    known = {part.split("\n", 1)[0]: f"## {part.strip()}\n" for part in re.split(r"(?m)^## ", old)[1:]}
    known.update(new)
    order = [benchmark.title for benchmark in BENCHMARKS.values()]
    titles = [*(title for title in order if title in known), *(title for title in known if title not in order)]
    return "\n".join([TITLE, *(known[title] for title in titles)])


def main() -> None:
    """Run the benchmarks that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(BENCHMARKS), help="some of them")
    for name in parser.parse_args().only.split(","):
        benchmark = BENCHMARKS[name]
        print(f"\n== {benchmark.title}", flush=True)
        made = section(benchmark)
        RESULTS.write_text(merged(RESULTS.read_text(), {benchmark.title: made}))


if __name__ == "__main__":
    main()
