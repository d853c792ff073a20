"""What the quality queries must find, worked out in plain Python from the rows that the tables must hold: no SQL."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from tests.acceptance.truth import Tables
from tests.acceptance.warehouse import Row

Rows = list[tuple[Any, ...]]

KINDS = ("confidence", "logprobs_confidence", "ocr_confidence", "review_agent_score")
CONTAINERS = ("object", "array")


def rounded(value: float | None, digits: int = 4) -> float | None:
    """A value as the queries round it: halves away from zero, after the noise of binary fractions is gone."""
    if value is None:
        return None
    return float(Decimal(f"{value:.9f}").quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def wilson(correct: int, total: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a share, in the textbook's form."""
    z = statistics.NormalDist().inv_cdf(0.975)
    share = correct / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return rounded(middle - half), rounded(middle + half)


def area(scored: Iterable[tuple[float, bool]]) -> float | None:
    """The share of pairs of a right and a wrong value in which the right one has more confidence; ties count half."""
    right, wrong = [], []
    for score, is_right in scored:
        (right if is_right else wrong).append(score)
    if not right or not wrong:
        return None
    return sum((a > b) + (a == b) / 2 for a in right for b in wrong) / (len(right) * len(wrong))


def percentile_95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[94] if len(values) > 1 else values[0]


def in_order(rows: Iterable[tuple[Any, ...]], key: Callable[[tuple[Any, ...]], Sequence[Any]]) -> Rows:
    """Rows sorted by some values: text byte by byte, None last."""

    def place(row: tuple[Any, ...]) -> list[tuple[bool, Any]]:
        return [(value is None, value.encode() if isinstance(value, str) else value or 0) for value in key(row)]

    return sorted(rows, key=place)


def name_of(runs: Iterable[Row]) -> str | None:
    return max((run["processor_name"] for run in runs if run["processor_name"] is not None), default=None)


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return groups


def is_below(path: str, container: str) -> bool:
    return path.startswith((f"{container}.", f"{container}["))


def is_filled(cell: Row) -> bool:
    return cell["value_type"] in ("integer", "number", "boolean") or bool(cell["value_text"])


def extractions(tables: Tables) -> list[Row]:
    """The processed extraction runs."""
    return [
        run
        for run in tables["processor_runs"]
        if run["status"] == "PROCESSED" and run["output_format"] in ("schema", "fields")
    ]


def cells_by_run(tables: Tables) -> dict[str, list[Row]]:
    """The values of each run; $ is an output with nothing in it."""
    named = [cell for cell in tables["extraction_fields"] if cell["path"] != "$"]
    return {run_id: cells for (run_id,), cells in grouped(named, "run_id").items()}


def changed_paths(tables: Tables) -> dict[str, set[str]]:
    paths: dict[str, set[str]] = defaultdict(set)
    for edit in tables["extraction_edits"]:
        if edit["change"] not in (None, "formatted"):
            paths[edit["run_id"]].add(edit["path"])
    return paths


def field_fill_rate(tables: Tables) -> Rows:
    by_run = cells_by_run(tables)
    names = {
        processor: {cell["path_template"] for run in runs for cell in by_run.get(run["id"], ())}
        for (processor,), runs in grouped(extractions(tables), "processor_id").items()
    }
    rows = []
    for (processor, version), runs in grouped(extractions(tables), "processor_id", "processor_version_id").items():
        cells = [(run["id"], cell) for run in runs for cell in by_run.get(run["id"], ())]
        for field in {cell["path_template"] for _, cell in cells}:
            filled = {
                run_id
                for run_id, cell in cells
                if is_filled(cell) and (cell["path_template"] == field or is_below(cell["path_template"], field))
            }
            own = [cell for _, cell in cells if cell["path_template"] == field]
            single = [cell for cell in own if cell["value_type"] not in CONTAINERS]
            full = [cell for cell in own if is_filled(cell)]
            counts = (len(single), len(full), rounded(len(full) / len(single)) if single else None)
            if any(is_below(other, field) for other in names[processor]):
                counts = (None, None, None)
            figures = []
            for kind in ("ocr_confidence", "logprobs_confidence", "confidence", "review_agent_score"):
                known = [cell[kind] for cell in own if cell[kind] is not None]
                figures += [rounded(statistics.fmean(known)), rounded(min(known))] if known else [None, None]
            rate = len(filled) / len(runs)
            rows.append(
                (processor, name_of(runs), version, field, len(runs), len(filled), rounded(rate), *counts, *figures)
            )
    return in_order(rows, lambda row: (row[5] / row[4], -row[4], row[1], row[0] or "", row[2] or "", row[3]))


def field_accuracy(tables: Tables) -> Rows:
    by_run, changed = cells_by_run(tables), changed_paths(tables)
    edits = grouped(tables["extraction_edits"], "run_id")
    rows = []
    for (processor,), runs in grouped(extractions(tables), "processor_id").items():
        reviewed = [run["id"] for run in runs if run["reviewed"]]
        judged: dict[str, list[bool]] = defaultdict(list)
        for run_id in reviewed:
            cells = by_run.get(run_id, [])
            for cell in cells:
                if cell["value_type"] not in CONTAINERS:
                    judged[cell["path_template"]].append(cell["path"] not in changed[run_id])
            paths = {cell["path"] for cell in cells}
            for edit in edits.get((run_id,), ()):
                values = [edit[f"{one}_value"] for one in ("initial", "original", "reviewed", "edited")]
                example = next(value for value in values if value is not None) if edit["change"] else "{"
                if edit["path"] not in {"$", *paths} and example[0] not in "{[":
                    judged[template_of(edit["path"])].append(False)
        for field, right in judged.items():
            share = rounded(len(reviewed) / len(runs))
            accuracy = rounded(sum(right) / len(right))
            counts = (len(runs), len(reviewed), share, len(right), len(right) - sum(right), accuracy)
            rows.append((processor, name_of(runs), field, *counts, *wilson(sum(right), len(right))))
    return in_order(rows, lambda row: (1 - row[7] / row[6], -row[6], row[1], row[0] or "", row[2]))


def template_of(path: str) -> str:
    parts = path.split("[")
    return parts[0] + "".join(f"[{part.lstrip('0123456789')}" for part in parts[1:])


def judged_scores(tables: Tables) -> dict[str, list[tuple[float, bool]]]:
    """The confidences of each kind in reviewed runs, and whether the value was right."""
    by_run, changed = cells_by_run(tables), changed_paths(tables)
    edits = {(edit["run_id"], edit["path"]): edit for edit in tables["extraction_edits"]}
    scores: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for run in extractions(tables):
        for cell in by_run.get(run["id"], ()) if run["reviewed"] else ():
            paths = changed[run["id"]]
            is_right = not any(path == cell["path"] or is_below(path, cell["path"]) for path in paths)
            for kind in KINDS:
                before = edits.get((run["id"], cell["path"]), {}).get(f"{kind}_before")
                score = cell[kind] if before is None else before
                if score is not None:
                    scores[kind].append((score, is_right))
    return scores


def bin_of(kind: str, score: float) -> float:
    return score if kind == "review_agent_score" else min(9, max(0, math.floor(score * 10)))


def confidence_reliability(tables: Tables) -> Rows:
    rows = []
    for kind, scores in sorted(judged_scores(tables).items()):
        bins: dict[float, list[tuple[float, bool]]] = defaultdict(list)
        for score, is_right in scores:
            bins[bin_of(kind, score)].append((score, is_right))
        for place, members in sorted(bins.items()):
            bounds = (place, place) if kind == "review_agent_score" else (place / 10, (place + 1) / 10)
            correct = sum(is_right for _, is_right in members)
            mean = statistics.fmean(score for score, _ in members)
            figures = (len(members), correct, rounded(mean), rounded(correct / len(members)))
            rows.append((kind, *bounds, *figures, *wilson(correct, len(members))))
    return rows


def confidence_auroc(tables: Tables) -> Rows:
    rows = []
    for kind, scores in sorted(judged_scores(tables).items()):
        errors = sum(not is_right for _, is_right in scores)
        bins = len({bin_of(kind, score) for score, _ in scores})
        verdict = "degenerate" if bins < 3 else "ok"
        verdict = "nothing but errors" if errors == len(scores) else verdict
        verdict = "not enough errors" if errors < 20 else verdict
        rows.append((kind, len(scores), errors, bins, rounded(area(scores)) if errors >= 20 else None, verdict))
    return rows


TARGETS = (0.95, 0.98, 0.99)


def single_scores(tables: Tables) -> dict[tuple[str | None, str, str], list[tuple[float, bool, bool]]]:
    """By processor, field and kind: the confidence of each single value, whether it was reviewed, and whether right."""
    by_run, changed = cells_by_run(tables), changed_paths(tables)
    edits = grouped(tables["extraction_edits"], "run_id")
    scores: dict[tuple[str | None, str, str], list[tuple[float, bool, bool]]] = defaultdict(list)
    for run in extractions(tables):
        of_run = {edit["path"]: edit for edit in edits.get((run["id"],), ())}
        read = {cell["path"]: cell for cell in by_run.get(run["id"], ())}
        for path in read.keys() | changed[run["id"]] - {"$"}:
            cell, edit = read.get(path), of_run.get(path, {})
            if cell is None:
                values = [edit[f"{one}_value"] for one in ("initial", "original", "reviewed", "edited")]
                is_single = next(value for value in values if value is not None)[0] not in "{["
            else:
                is_single = cell["value_type"] not in CONTAINERS
            for kind in KINDS if is_single else ():
                before = edit.get(f"{kind}_before")
                score = cell[kind] if before is None and cell is not None else before
                if score is not None:
                    is_right = path not in changed[run["id"]]
                    field = template_of(path) if cell is None else cell["path_template"]
                    scores[run["processor_id"], field, kind].append((score, bool(run["reviewed"]), is_right))
    return scores


def review_thresholds(tables: Tables) -> Rows:
    names = {processor: name_of(runs) for (processor,), runs in grouped(extractions(tables), "processor_id").items()}
    rows = []
    for (processor, field, kind), scores in single_scores(tables).items():
        steps = [(Decimal(f"{score:.9f}").quantize(Decimal("0.01"), ROUND_FLOOR), *rest) for score, *rest in scores]
        reviewed = sum(was_reviewed for _, was_reviewed, _ in steps)
        for target in TARGETS if reviewed else ():
            found: tuple[Any, ...] = (None,) * 6
            for step in sorted({step for step, was_reviewed, _ in steps if was_reviewed}):
                above = [is_right for other, was_reviewed, is_right in steps if was_reviewed and other >= step]
                low = wilson(sum(above), len(above))[0]
                if low is not None and low >= target:
                    share = rounded(sum(other >= step for other, _, _ in steps) / len(steps))
                    right = sum(above)
                    found = (float(step), len(above), right, rounded(right / len(above)), low, share)
                    break
            enough = wilson(reviewed, reviewed)[0]
            verdict = "not enough reviews" if enough is not None and enough < target else "not reached"
            verdict = verdict if found[0] is None else "ok"
            rows.append((processor, names[processor], field, kind, target, reviewed, *found, verdict))
    return in_order(
        rows,
        lambda row: (row[6] is None, row[4], -(row[11] or 0), -row[5], row[1], row[0] or "", row[2], row[3]),
    )


def slowest_processors(tables: Tables) -> Rows:
    timed = [
        run
        for run in tables["processor_runs"]
        if run["status"] == "PROCESSED" and run["reviewed"] is False and run["created_at"] and run["updated_at"]
    ]
    rows = []
    for (processor, kind), runs in grouped(timed, "processor_id", "type").items():
        seconds = [(run["updated_at"] - run["created_at"]).total_seconds() for run in runs]
        figures = [rounded(each, 1) for each in (statistics.median(seconds), percentile_95(seconds), max(seconds))]
        rows.append((processor, name_of(runs), kind, len(runs), *figures))
    return in_order(rows, lambda row: (-row[4], row[1], row[0] or "", row[2]))


def failure_reasons(tables: Tables) -> Rows:
    rows = []
    for (processor,), runs in grouped(tables["processor_runs"], "processor_id").items():
        failed = [run for run in runs if run["status"] == "FAILED"]
        for (reason,), such in grouped(failed, "failure_reason").items():
            seen = [run["updated_at"] or run["created_at"] for run in such]
            shares = (rounded(len(such) / len(failed)), rounded(len(such) / len(runs)))
            last = max((moment for moment in seen if moment), default=None)
            rows.append((processor, name_of(runs), reason, len(such), *shares, last))
    return in_order(rows, lambda row: (-row[3], row[1], row[0] or "", row[2]))


def class_confusion(tables: Tables) -> Rows:
    stages = {(row["run_id"], row["stage"]): row["type"] for row in tables["classifications"]}
    reviewed = [
        run
        for run in tables["processor_runs"]
        if run["reviewed"] and (run["id"], "initial") in stages and (run["id"], "reviewed") in stages
    ]
    rows = []
    for (processor,), runs in grouped(reviewed, "processor_id").items():
        pairs = Counter((stages[run["id"], "initial"], stages[run["id"], "reviewed"]) for run in runs)
        totals = Counter(stages[run["id"], "initial"] for run in runs)
        for (before, after), count in pairs.items():
            share = rounded(count / totals[before])
            rows.append((processor, name_of(runs), before, after, count, share, before != after))
    return in_order(rows, lambda row: (row[1], row[0] or "", row[2], -row[4], row[3]))


def split_sizes(tables: Tables) -> Rows:
    runs = {run["id"]: run for run in tables["processor_runs"]}
    final = [
        {**split, **runs[split["run_id"]], "class": split["type"]}
        for split in tables["splits"]
        if split["stage"] == "final"
    ]
    names = {processor: name_of(parts) for (processor,), parts in grouped(final, "processor_id").items()}
    rows = []
    for (processor, kind), parts in grouped(final, "processor_id", "class").items():
        ends = [(part["start_page"], part["end_page"]) for part in parts]
        pages = [last - first + 1 for first, last in ends if first is not None and last is not None]
        sizes = (min(pages), rounded(statistics.median(pages), 1), max(pages)) if pages else (None, None, None)
        rows.append((processor, names[processor], kind, len(parts), *sizes, len(parts) - len(pages)))
    return in_order(rows, lambda row: (row[1], row[0] or "", row[2]))


EXPECTED: dict[str, Callable[[Tables], Rows]] = {
    each.__name__: each
    for each in (
        field_fill_rate,
        field_accuracy,
        confidence_reliability,
        confidence_auroc,
        review_thresholds,
        slowest_processors,
        failure_reasons,
        class_confusion,
        split_sizes,
    )
}
"""The expected rows by the name of the query, in the order of the report."""
