"""Ids of runs from files, standard input and queries."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import dlt
import pytest

from extend_source.config.choices import looks_like_a_key
from extend_source.errors import UsageError
from extend_source.operations.run_ids import run_ids_from_file, run_ids_from_sql


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("dpr_1\ndpr_2\n", ["dpr_1", "dpr_2"]),
        ("dpr_1\r\n\r\n  dpr_2  ", ["dpr_1", "dpr_2"]),
        ("# from the ticket\n\n  # and these\ndpr_1\n#dpr_2\n", ["dpr_1"]),
        ("\ufeffdpr_1\n", ["dpr_1"]),
        ("id\ndpr_1\ndpr_2\n", ["dpr_1", "dpr_2"]),
        ("run_id\ndpr_1\n", ["dpr_1"]),
        ('name,Run_ID ,status\n"Acme, Inc.",dpr_1,FAILED\nOther,,FAILED\nshort\n"x",dpr_2,\n', ["dpr_1", "dpr_2"]),
        ("# exported\nstatus;id\nFAILED;dpr_1\n", ["dpr_1"]),
        ("status\tid\nFAILED\tdpr_1\n", ["dpr_1"]),
        ("id,run_id\n1,dpr_1\n", ["1"]),
    ],
)
def test_a_file_has_one_id_a_line_or_a_column_of_them(text: str, ids: list[str], tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text(text, encoding="utf-8", newline="")

    assert run_ids_from_file(file) == ids


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        *(
            (value, True)
            for value in ("sk_1", " sk_1", "'sk_1'", "Bearer sk_1", "EXTEND_API_KEY=sk_1", "x-api-key: sk_1")
        ),
        *((value, False) for value in ("dpr_Ab-sk_1", "dpr_sk_1", "ask_1", "-" * 10_000, "a-" * 10_000, "", None)),
    ],
)
def test_a_key_is_told_from_an_id_by_how_it_begins(value: str | None, is_one: bool) -> None:
    assert looks_like_a_key(value) is is_one


def test_a_dash_stands_for_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"dpr_1\ndpr_2\n")))

    assert run_ids_from_file("-") == ["dpr_1", "dpr_2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "'ids.txt' cannot be read: No such file or directory. Check the path."),
        (b"", "'ids.txt' has no run ids. Write one id a line, or a CSV with a column run_id."),
        (b"# nothing\n\n", "'ids.txt' has no run ids. Write one id a line, or a CSV with a column run_id."),
        (b"run_id\n", "'ids.txt' has no run ids. Write one id a line, or a CSV with a column run_id."),
        (b"run,status\ndpr_1,FAILED\n", "'ids.txt' has the columns run, status. Call the one with the ids id or run_id."),
        (b"\xff\xfe\x00d", "'ids.txt' is not a text file in UTF-8. Save it as text, one id a line."),
    ],
)  # fmt: skip
def test_a_file_without_ids_is_one_clear_line(content: bytes | None, message: str) -> None:
    if content is not None:
        Path("ids.txt").write_bytes(content)

    with pytest.raises(UsageError) as caught:
        run_ids_from_file("ids.txt")

    assert str(caught.value) == message


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        run_ids_from_file(tmp_path)


@pytest.fixture
def pipeline() -> dlt.Pipeline:
    """A pipeline with a table of ids."""
    made = dlt.pipeline("some_pipeline", destination="duckdb", dataset_name="extend")
    rows = [{"id": "dpr_1", "n": 3}, {"id": "dpr_2", "n": 1}, {"id": None, "n": 2}]
    made.run(rows, table_name="wanted")
    return made


def test_a_query_gives_the_ids_of_its_first_column_without_nulls(pipeline: dlt.Pipeline) -> None:
    assert run_ids_from_sql(pipeline, "select id, n from wanted order by n") == ["dpr_2", "dpr_1"]
    assert run_ids_from_sql(pipeline, "select id from extend.wanted where id like '%1'") == ["dpr_1"]


def test_a_query_without_rows_gives_no_ids(pipeline: dlt.Pipeline) -> None:
    assert run_ids_from_sql(pipeline, "select id from wanted where n > 3") == []


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "select id from missing",
            "The query failed: Catalog Error: Table with name missing does not exist! Check the SQL.",
        ),
        ("select", "The query failed: Parser Error: SELECT clause without selection list. Check the SQL."),
        ("select n from wanted", "The query's first column has '3', which is no run id. Select the ids."),
    ],
)
def test_a_query_that_fails_or_gives_no_ids_is_one_clear_line(pipeline: dlt.Pipeline, sql: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        run_ids_from_sql(pipeline, sql)

    assert str(caught.value) == message


def test_a_query_on_a_database_that_does_not_exist_makes_none() -> None:
    never_run = dlt.pipeline("never_run", destination="duckdb", dataset_name="extend")

    with pytest.raises(UsageError, match="Table with name processor_runs does not exist"):
        run_ids_from_sql(never_run, "select id from processor_runs")

    assert not Path("never_run.duckdb").exists()


def test_a_lake_takes_queries_too(tmp_path: Path) -> None:
    lake = dlt.pipeline("lake", destination=dlt.destinations.filesystem(str(tmp_path)), dataset_name="extend")
    lake.run([{"id": "dpr_1"}], table_name="wanted")

    assert run_ids_from_sql(lake, "select id from wanted") == ["dpr_1"]


def test_a_destination_without_sql_is_one_clear_line() -> None:
    with pytest.raises(UsageError) as caught:
        run_ids_from_sql(dlt.pipeline("dummy", destination="dummy", dataset_name="extend"), "select 1")

    assert str(caught.value) == "The destination dummy takes no SQL. Give a file of ids instead."
