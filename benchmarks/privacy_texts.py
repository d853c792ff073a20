"""How the time of hiding grows with the number of hidden values in one run.

    python -m benchmarks.privacy_texts

Prints the processor seconds for 1,000, 2,000 and 4,000 IBANs of one bank, all of one beginning, each with a citation of
its own that shows another one, and the ratios to the first; medians of three rounds.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from extend_source.config.privacy_rules import PrivacySettings
from extend_source.config.settings import ExtendSettings
from extend_source.privacy import privacy_rules

COUNTS = (1_000, 2_000, 4_000)
ROUNDS = 3


def run_of(count: int) -> dict[str, Any]:
    """An extraction of lines with an IBAN each."""
    lines = [{"iban": f"DE8937040044{number:010d}", "sku": f"A-{number}"} for number in range(count)]
    citations = [{"page": 1, "referenceText": f"A-{number} DE89 3704 0044 7{number:09d}"} for number in range(count)]
    metadata = {f"lines[{number}].sku": {"citations": [one]} for number, one in enumerate(citations)}
    return {"id": "dpr_1", "type": "EXTRACT", "config": {}, "output": {"value": {"lines": lines}, "metadata": metadata}}


def seconds(count: int) -> float:
    """Measure the median of some rounds."""
    rules = privacy_rules(
        ExtendSettings(api_key="sk_benchmark", privacy=PrivacySettings(fields={"lines[].iban": "mask"}))
    )
    assert rules is not None
    took = []
    for _ in range(ROUNDS):
        run = run_of(count)
        begin = time.process_time()
        rules.clean_run(run)
        took.append(time.process_time() - begin)
    return statistics.median(took)


def main() -> None:
    """Measure all counts."""
    seconds(100)
    print("| hidden values | processor seconds | times the first |", "|---|---|---|", sep="\n")
    first = None
    for count in COUNTS:
        took = seconds(count)
        first = first or took
        print(f"| {count:,} | {took:.2f} | {took / first:.1f} |", flush=True)


if __name__ == "__main__":
    main()
