"""The views that people ask first: rows typed by hand, and sums that agree with those of the tables."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from extend_source import erase
from extend_source.api import CURRENT_VERSION
from extend_source.config.groups import GROUPS
from extend_source.config.settings import API_VERSION
from extend_source.reports.models import DOCUMENT_MODELS, create_models, load_model
from extend_source.reports.quality import quality_report
from extend_source.sandbox import SandboxServer, Workspace
from extend_source.sandbox.workflows import add_workflow_run, workflow_runs
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.warehouse import AnyWarehouse, Warehouse
from tests.reports.test_credit_models import file_of, run_of

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
QUESTIONS = sorted(DOCS.glob("queries/ask_*.sql"))

SCHEMA = {"type": "object", "properties": {"total": {"type": "integer"}, "vendor": {"type": "string"}}}


@pytest.fixture
def any_empty(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """An empty warehouse in front of the stand-in without runs, in each destination."""
    return make_warehouse(empty_server)


def noon(day: int) -> datetime:
    return datetime(2025, 11, day, 12, tzinfo=timezone.utc)


def entry(ocr: float) -> dict[str, Any]:
    return {"ocrConfidence": ocr, "logprobsConfidence": 0.5, "citations": []}


def extraction(run_id: str, value: dict[str, Any], first: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An extraction, reviewed if there is a first value."""
    metadata = {name: entry(0.25) for name in value}
    run = run_of(run_id, 2, config={"type": "EXTRACT", "schema": SCHEMA}, output={"value": value, "metadata": metadata})
    if first is not None:
        before = {"value": first, "metadata": {name: entry(0.75) for name in first}}
        run |= {"reviewed": True, "edited": True, "initialOutput": before, "reviewedOutput": run["output"]}
    return {**run, "url": f"https://dashboard.extend.ai/runs/{run_id}", **more}


def put_documents(workspace: Workspace) -> None:
    """Serve a packet that was split in two, one part of which was classified and extracted."""
    packet, invoice = file_of("file_packet", 5), file_of("file_invoice", 3, parentFileId="file_packet")
    invoice |= {"name": "invoice.pdf", "metadata": {"pageCount": 3, "parentSplit": {"id": "s_1", "type": "bill"}}}
    letter = file_of("file_letter", 2, parentFileId="file_packet", name="letter.pdf")
    letter["metadata"]["parentSplit"] = {"id": "s_2", "type": "letter"}
    parts = [
        {"id": "s_1", "type": "bill", "identifier": "4711", "startPage": 1, "endPage": 3, "fileId": "file_invoice"},
        {"id": "s_2", "type": "letter", "startPage": 4, "endPage": 5, "fileId": "file_letter"},
    ]
    said = {"id": "c_1", "type": "invoice", "confidence": 0.9}
    first = {"id": "c_2", "type": "receipt", "confidence": 0.5}
    reviewed = {"reviewed": True, "edited": True, "initialOutput": first, "reviewedOutput": said}
    runs = [
        run_of("dpr_1", 5, type="SPLITTER", processorName="Mail", files=[packet], output={"splits": parts}),
        run_of("dpr_2", 1, type="CLASSIFY", processorName="Classes", files=[invoice], output=said, **reviewed),
        extraction("dpr_3", {"total": 8, "vendor": "ACME"}, {"total": 7}, files=[invoice]),
        extraction("dpr_4", {"total": None, "vendor": "Umbrella"}, files=[letter, packet]),
        run_of("dpr_5", None, status="FAILED", failureReason="NO_FILE", output=None),
    ]
    for day, run in enumerate(runs, 1):
        workspace.put_run(run, created_at=noon(day))


@pytest.fixture
def asked(any_empty: AnyWarehouse) -> AnyWarehouse:
    put_documents(any_empty.server.workspace)
    any_empty.sync(objects=list(GROUPS))
    create_models(any_empty.pipeline)
    return any_empty


def test_the_views_say_what_a_packet_went_through(asked: AnyWarehouse) -> None:
    documents = "run_id, file_position, file_name, pages, run_type, processor_name, class, status, reviewed, credits"
    assert asked.query(f"select {documents} from documents order by run_id, file_position") == [
        ("dpr_1", 0, "a.pdf", 5, "SPLITTER", "Mail", None, "PROCESSED", None, 5),
        ("dpr_2", 0, "invoice.pdf", 3, "CLASSIFY", "Classes", "invoice", "PROCESSED", True, 1),
        ("dpr_3", 0, "invoice.pdf", 3, "EXTRACT", "Letters", "invoice", "PROCESSED", True, 2),
        ("dpr_4", 0, "letter.pdf", 2, "EXTRACT", "Letters", "letter", "PROCESSED", None, 2),
        ("dpr_4", 1, "a.pdf", 5, "EXTRACT", "Letters", None, "PROCESSED", None, 0),
        ("dpr_5", 0, None, None, "EXTRACT", "Letters", None, "FAILED", None, None),
    ]
    links = (
        "select url, failure_reason, workflow_name from documents where run_id in ('dpr_3', 'dpr_5') order by run_id"
    )
    assert asked.query(links) == [
        ("https://dashboard.extend.ai/runs/dpr_3", None, None),
        (None, "NO_FILE", None),
    ]
    splits = "position, type, identifier, pages, file_name, document_name, processor_name"
    assert asked.query(f"select {splits} from final_splits order by position") == [
        (0, "bill", "4711", 3, "invoice.pdf", "a.pdf", "Mail"),
        (1, "letter", None, 2, "letter.pdf", "a.pdf", "Mail"),
    ]
    classes = "run_id, class, confidence, first_class, first_confidence, corrected, file_name"
    assert asked.query(f"select {classes} from final_classifications") == [
        ("dpr_2", "invoice", 0.9, "receipt", 0.5, True, "invoice.pdf")
    ]
    edits = "run_id, path, change, value_before, value_after, basis, ocr_confidence_before, file_name"
    assert asked.query(f"select {edits} from edits order by path") == [
        ("dpr_3", "total", "changed", "7", "8", "computed", 0.75, "invoice.pdf"),
        ("dpr_3", "vendor", "added", None, '"ACME"', "computed", None, "invoice.pdf"),
    ]
    quality = "processor_name, field, runs, runs_reviewed, cells, filled, fill_rate, cells_reviewed, wrong, accuracy"
    found = asked.query(f"select {quality}, ocr_confidence from field_quality order by field")
    assert [tuple(float(one) if field > 5 else one for field, one in enumerate(row)) for row in found] == [
        ("Letters", "total", 2, 1, 2, 1, 0.5, 1, 1, 0, 0.25),
        ("Letters", "vendor", 2, 1, 2, 2, 1, 1, 1, 0, 0.25),
    ]


def insert(warehouse: AnyWarehouse, table: str, columns: str, *rows: tuple[Any, ...]) -> None:
    """Add rows to a table, as a load would have."""
    texts = (", ".join("null" if value is None else f"'{value}'" for value in (*row, "1")) for row in rows)
    values = ", ".join(f"({text})" for text in texts)
    warehouse.execute(f"insert into {table} ({columns}, _dlt_load_id) values {values}")


WORKFLOW_RUN = "id, workflow_id, workflow_name, status, started_at, ended_at, reviewed_at, created_at"


def at(minute: float) -> str:
    """A moment of a day, as text."""
    return f"2025-11-20T10:{int(minute):02}:{60 * (minute % 1):04.1f}Z"


def ended(run_id: str, workflow: str | None, status: str, *times: float | None) -> tuple[Any, ...]:
    """A workflow run as it was fetched: when it started, ended, and was reviewed."""
    moments = [None if minute is None else at(minute) for minute in times]
    return (run_id, workflow, "As sent", status, *moments, moments[0], at(50))


def put_workflow_runs(warehouse: AnyWarehouse) -> None:
    """Type nine runs of two workflows, and one of an unknown workflow."""
    fetched = [
        ended("wr_1", "w_1", "PROCESSED", 0, 1, None),
        ended("wr_2", "w_1", "PROCESSED", 1, 3, None),
        ended("wr_3", "w_1", "PROCESSED", 2, 12, 11),
        ended("wr_4", "w_1", "REJECTED", 3, 8.125, 7),
        ended("wr_5", "w_1", "FAILED", 9, 4, None),  # a clock went wrong: no time
        ended("wr_6", "w_1", "NEEDS_REVIEW", 5, None, None),
        ended("wr_7", "w_2", "NEEDS_REVIEW", 6, None, None),  # the listing has news of it
        ended("wr_8", "w_2", "SETTLED", None, None, None),
        ended("wr_9", None, "CANCELLED", 8, 9, None),
    ]
    insert(warehouse, "workflow_runs", f"{WORKFLOW_RUN}, fetched_at", *fetched)
    listed = [
        ("wr_1", "w_1", "As listed", "PROCESSING", at(0), None, None, at(0), at(49)),  # older than what was fetched
        ("wr_7", "w_2", "As sent", "PROCESSED", at(6), at(20), at(19), at(6), at(51)),
        ("wr_10", "w_2", "As listed", "PROCESSING", at(9), None, None, at(9), at(49)),
    ]
    insert(warehouse, "workflow_run_summaries", f"{WORKFLOW_RUN}, listed_at", *listed)
    insert(warehouse, "workflows", "id, name", ("w_1", "Accounts payable"))


def test_a_document_names_the_workflow_run_that_made_its_run_once_and_all_by_their_present_names(
    asked: AnyWarehouse,
) -> None:
    put_workflow_runs(asked)
    steps = [
        ("wr_3", 0, "dpr_2"),
        ("wr_3", 1, "dpr_3"),
        ("wr_3", 2, "dpr_3"),  # two steps with the same result
        ("wr_3", 3, None),
        ("wr_2", 0, "dpr_3"),  # an earlier run has made it
        ("wr_7", 0, "dpr_4"),
        ("wr_gone", 0, "dpr_5"),
    ]
    insert(asked, "workflow_step_runs", "workflow_run_id, position, result_id", *steps)
    insert(asked, "processors", "id, name", ("dp_1", "Letters and bills"))
    insert(asked, "processor_versions", "id, version", ("dpv_1", "1.2"))

    of_workflow = "workflow_id, workflow_name, workflow_run_id, workflow_run_status"
    found = f"select run_id, file_position, {of_workflow} from documents order by run_id, file_position"
    assert asked.query(found) == [
        ("dpr_1", 0, None, None, None, None),
        ("dpr_2", 0, "w_1", "Accounts payable", "wr_3", "PROCESSED"),
        ("dpr_3", 0, "w_1", "Accounts payable", "wr_2", "PROCESSED"),
        ("dpr_4", 0, "w_2", "As sent", "wr_7", "PROCESSED"),
        ("dpr_4", 1, "w_2", "As sent", "wr_7", "PROCESSED"),
        ("dpr_5", 0, None, None, "wr_gone", None),
    ]
    names = "select distinct processor_id, processor_name, processor_version from documents"
    assert asked.query(names) == [("dp_1", "Letters and bills", "1.2")]

    counts = "received, under_way, needs_review, rejected, failed, cancelled, done, other, reviewed"
    times = "median_seconds_to_end, median_seconds_to_review, last_received_at"
    rows = asked.query(f"select workflow_id, workflow_name, {counts}, {times} from workflow_funnel order by 1")
    # w_1 ended after 60, 120, 307.5 and 600 seconds, and was reviewed after 240 and 540
    assert [(*row[:11], *(None if each is None else float(each) for each in row[11:13])) for row in rows] == [
        ("", "As sent", 1, 0, 0, 0, 0, 1, 0, 0, 0, 60, None),
        ("w_1", "Accounts payable", 6, 0, 1, 1, 1, 0, 3, 0, 2, 213.8, 390),
        ("w_2", "As sent", 3, 1, 0, 0, 0, 0, 1, 1, 1, 840, 780),
    ]
    assert [row[13].astimezone(timezone.utc).minute for row in rows] == [8, 9, 9]


EVALUATION_RUN = "id, evaluation_set_id, processor_id, processor_name, processor_version_id, status, created_at"


def put_evaluations(warehouse: AnyWarehouse) -> None:
    """Type six runs of a set, one of another set, and what they have measured."""
    of_set = ("ev_1", "dp_1", "Letters, then")
    runs = [
        ("bpr_1", *of_set, "dpv_1", "PROCESSED", at(0)),
        ("bpr_2", *of_set, "dpv_1", "PROCESSED", at(1)),
        ("bpr_3", *of_set, "dpv_2", "PROCESSED", at(2)),
        ("bpr_4", *of_set, "dpv_2", "PROCESSED", at(3)),
        ("bpr_5", *of_set, "dpv_3", "PROCESSING", at(4)),
        ("bpr_6", *of_set, "dpv_4", "PROCESSED", at(5)),
        ("bpr_7", "ev_2", "dp_2", "Mail", None, "PROCESSED", at(6)),
    ]
    insert(warehouse, "evaluation_set_runs", EVALUATION_RUN, *runs)
    insert(warehouse, "evaluation_sets", "id, name", ("ev_1", "Approved"))
    insert(warehouse, "processors", "id, name", ("dp_1", "Letters"))
    insert(warehouse, "processor_versions", "id, version", ("dpv_1", "1.0"), ("dpv_2", "2.0"))
    figures = [
        *(("bpr_1", "run", None, "accuracy", 0.5), ("bpr_1", "run", None, "num_files", 4)),
        *(("bpr_1", "run", None, "num_pages", 9), ("bpr_1", "field", "total", "accuracy", 0.1)),
        *(("bpr_2", "run", None, "accuracy", 0.625), ("bpr_2", "run", None, "f1", 0.25)),
        *(("bpr_3", "run", None, "accuracy", 0.75), ("bpr_3", "run", None, "num_files", 4)),
        ("bpr_3", "run", None, "num_files_processed", 3),
        ("bpr_4", "run", None, "accuracy", 0.875),
        ("bpr_6", "run", None, "f1", 0.9),
        *(("bpr_7", "run", None, "precision", 0.5), ("bpr_7", "run", None, "recall", 1)),
    ]
    rows = [(run_id, place, *figure) for place, (run_id, *figure) in enumerate(figures)]
    columns = "evaluation_set_run_id, position, scope, subject, metric, value"
    insert(warehouse, "evaluation_set_run_metrics", columns, *rows)


def test_an_evaluation_is_compared_with_the_last_one_of_another_version_that_measures_alike(
    asked: AnyWarehouse,
) -> None:
    put_evaluations(asked)

    names = "run_id, evaluation_set_name, processor_name, processor_version, status, files, pages"
    scores = "measure, score, previous_run_id, previous_version, change"
    rows = asked.query(f"select {names}, {scores} from evaluation_trend order by run_id")
    named = ("Approved", "Letters")
    assert [tuple(float(one) if isinstance(one, Decimal) else one for one in row) for row in rows] == [
        ("bpr_1", *named, "1.0", "PROCESSED", 4, 9, "accuracy", 0.5, None, None, None),
        ("bpr_2", *named, "1.0", "PROCESSED", None, None, "accuracy", 0.625, None, None, None),
        ("bpr_3", *named, "2.0", "PROCESSED", 3, None, "accuracy", 0.75, "bpr_2", "1.0", 0.125),
        ("bpr_4", *named, "2.0", "PROCESSED", None, None, "accuracy", 0.875, "bpr_2", "1.0", 0.25),
        ("bpr_5", *named, None, "PROCESSING", None, None, None, None, None, None, None),
        ("bpr_6", *named, None, "PROCESSED", None, None, "f1", 0.9, None, None, None),
        ("bpr_7", None, "Mail", None, "PROCESSED", None, None, "f1", 0.6667, None, None, None),
    ]


def test_the_credits_of_a_run_are_still_those_of_the_run_once_its_first_file_is_erased(asked: AnyWarehouse) -> None:
    erase(asked.pipeline, file_ids=["file_letter"])
    found = asked.query("select file_position, file_id, credits from documents where run_id = 'dpr_4'")
    assert found == [(1, "file_packet", 2)]
    assert asked.query("select sum(credits) from documents") == [(10,)]


@pytest.mark.thorough
@pytest.mark.parametrize("version", [API_VERSION, CURRENT_VERSION])
def test_workflow_runs_are_counted_and_named_as_the_stand_in_has_them(warehouse: Warehouse, version: str) -> None:
    workspace = warehouse.server.workspace
    for status in ("NEEDS_REVIEW", "REJECTED", "CANCELLED", "PROCESSING"):
        add_workflow_run(workspace, processors=("classifier", "invoices"), status=status)
    warehouse.sync(objects=list(GROUPS), api_version=version)
    create_models(warehouse.pipeline)
    there = list(workflow_runs(workspace))

    columns = {
        "done": "PROCESSED",
        **{name: name.upper() for name in ("needs_review", "rejected", "failed", "cancelled")},
    }
    states = Counter((run.workflow.id, run.status) for run in there)
    with warehouse.reading():
        funnel = warehouse.query(
            f"select workflow_id, workflow_name, received, {', '.join(columns)} from workflow_funnel"
        )
        medians = warehouse.query("select median_seconds_to_end, median_seconds_to_review from workflow_funnel")
        named = warehouse.query(
            "select distinct run_id, workflow_run_id from documents where workflow_run_id is not null"
        )
        (counted,) = warehouse.query("select count(*), count(distinct (run_id, file_position)) from documents")
    assert {(row[0], row[1]): row[2] for row in funnel} == Counter(
        (run.workflow.id, run.workflow.name) for run in there
    )
    assert {
        (row[0], status): number for row in funnel for status, number in zip(columns.values(), row[3:], strict=True)
    } == {(row[0], status): states[row[0], status] for row in funnel for status in columns.values()}
    assert any(row[0] is not None for row in medians)
    assert any(row[1] is not None for row in medians)
    assert len(named) == sum(len(run.runs) for run in there if run.has_ended)
    assert {workflow_run for _, workflow_run in named} == {run.id for run in there if run.has_ended}
    assert counted[0] == counted[1] >= warehouse.count("processor_runs")


def test_each_view_and_each_column_of_it_is_described(asked: AnyWarehouse) -> None:
    views, columns = {
        "duckdb": (
            "select view_name, comment from duckdb_views() where schema_name = 'extend'",
            "select table_name, column_name, comment from duckdb_columns() where schema_name = 'extend'",
        ),
        "postgres": (
            "select relname, obj_description(oid) from pg_class where relkind = 'v'",
            "select relname, attname, col_description(oid, attnum) from pg_class join pg_attribute on attrelid = oid"
            " where relkind = 'v' and attnum > 0",
        ),
    }[asked.pipeline.destination.destination_name]
    comments = dict(asked.query(views))
    of_columns = {(view, column): comment for view, column, comment in asked.query(columns)}
    for name in DOCUMENT_MODELS:
        model = load_model(name)
        assert comments[name].startswith(f"One row per {model.grain}.")
        assert {column: of_columns[name, column] for column in model.columns} == model.columns


@pytest.mark.thorough
def test_the_views_agree_with_the_tables_and_the_quality_report(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.server.workspace.advance(86_400)
    any_warehouse.sync()
    create_models(any_warehouse.pipeline)

    with any_warehouse.reading():
        (of_documents,) = any_warehouse.query("select count(distinct run_id), sum(credits) from documents")
        assert of_documents == any_warehouse.query("select count(*), sum(credits) from processor_runs")[0]
        sums = "select processor_id, field, sum(cells_reviewed), sum(wrong) from field_quality group by 1, 2"
        found = {row[:2]: (int(row[2]), int(row[3])) for row in any_warehouse.query(sums) if row[2]}
        fills = "select processor_id, processor_version_id, field, cells, filled from field_quality where cells > 0"
        filled = {row[:3]: row[3:] for row in any_warehouse.query(fills)}
    accuracy, rates = quality_report(any_warehouse.pipeline, ["field_accuracy", "field_fill_rate"]).queries
    said = [dict(zip(accuracy.columns, row, strict=True)) for row in accuracy.rows]
    assert found == {(row["processor_id"], row["field"]): (row["cells"], row["wrong"]) for row in said}
    said = [dict(zip(rates.columns, row, strict=True)) for row in rates.rows]
    assert filled == {
        (row["processor_id"], row["processor_version_id"], row["field"]): (row["cells"], row["cells_filled"])
        for row in said
        if row["cells"]
    }


def test_eleven_questions_are_asked_in_the_docs_each_by_one_query_of_few_joins() -> None:
    page = (DOCS / "how-to" / "questions.md").read_text("utf-8")
    assert len(QUESTIONS) == 11
    for question in QUESTIONS:
        (query,) = sqlglot.parse(question.read_text("utf-8"), read="duckdb")
        assert query is not None
        assert len(list(query.find_all(exp.Join))) <= 2
        assert f'query("{question.stem}")' in page


@pytest.mark.thorough
def test_each_question_of_the_docs_has_an_answer(warehouse: Warehouse) -> None:
    warehouse.sync(objects=list(GROUPS))
    create_models(warehouse.pipeline)
    answers = {question.stem: warehouse.query(question.read_text("utf-8")) for question in QUESTIONS}
    assert [name for name, rows in answers.items() if not rows] == []
