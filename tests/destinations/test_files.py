"""Destinations of files, where loads only add: what is current is read, by us and by readers, and nothing else."""

from __future__ import annotations

import logging
from pathlib import Path

import dlt
import duckdb
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source import create_current_views, erase, extend_source, run_ids_from_sql, sync
from extend_source.errors import InvalidSetting, UsageError
from extend_source.pipeline.read_only import location
from extend_source.sandbox import SandboxServer
from tests.destinations.places import Place
from tests.destinations.stories import BUNDLE, COLUMNS, EXPECTED, INVOICE, LETTER, letter, put, put_first
from tests.destinations.test_battery import cut_off

pytestmark = pytest.mark.thorough


@pytest.fixture
def lake(empty_server: SandboxServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Place:
    """An empty folder, in whose name is a space."""
    caplog.set_level(logging.CRITICAL, "dlt")
    folder = tmp_path / "a lake"
    folder.mkdir()
    return Place("filesystem", dlt.destinations.filesystem(str(folder / "bucket")), empty_server, folder)


FOLDERS_THAT_WORK = ["100%25 a%20b", "a#b & c;d", 'say "hi"', "größe 合計 😀", "a]b {c,d} ~$x (e)!", "a,b+c@d"]


@pytest.mark.case("1.11")
@pytest.mark.parametrize("name", FOLDERS_THAT_WORK)
def test_a_folder_of_nearly_any_name_is_read_back(name: str, empty_server: SandboxServer, tmp_path: Path) -> None:
    folder = tmp_path / name
    place = Place("filesystem", dlt.destinations.filesystem(str(folder / "bucket")), empty_server, tmp_path)
    put_first(empty_server)
    place.sync()
    found = sorted(path.name for path in (folder / "bucket" / "extend_data" / "processor_runs").iterdir())
    empty_server.requests.reset()

    result = place.on_another_machine().sync()

    assert (result.fetched, empty_server.requests.counts["get_run"]) == (0, 0)
    assert sorted(path.name for path in (folder / "bucket" / "extend_data" / "processor_runs").iterdir()) == found
    assert place.current(COLUMNS) == EXPECTED["first load"]


@pytest.mark.case("1.11")
@pytest.mark.core
@pytest.mark.parametrize("name", ["it's mine", "[data]", "a*b", "what?", "status=old", "a\\b"])
@pytest.mark.parametrize("form", ["path", "url"])
def test_a_folder_that_could_not_be_read_back_is_refused_before_anything_is_written(
    name: str, form: str, empty_server: SandboxServer, tmp_path: Path
) -> None:
    (character,) = (letter for letter in name if letter in "'[*?=\\")
    folder = tmp_path / name
    where = folder.as_uri() if form == "url" else str(folder)
    place = Place("filesystem", dlt.destinations.filesystem(where), empty_server, tmp_path)
    put_first(empty_server)
    empty_server.requests.reset()
    said = (
        f"The folder of the destination filesystem has {character} in its path, so that its files cannot be read back. "
        "Choose a folder without ' * ? [ = \\ in its path."
    )

    with pytest.raises(InvalidSetting) as caught:
        place.sync()
    with pytest.raises(PipelineStepFailed) as in_dlt:
        place.pipeline.run(
            extend_source(api_key=empty_server.api_key, base_url=empty_server.base_url, requests_per_second=0)
        )

    assert str(caught.value) == said
    assert said in str(in_dlt.value)
    assert not folder.exists()
    assert empty_server.requests.counts["get_run"] == 0


@pytest.mark.core
def test_another_machine_writes_the_views_too(lake: Place) -> None:
    put_first(lake.server)
    lake.sync()

    assert lake.on_another_machine().current(COLUMNS) == EXPECTED["first load"]


@pytest.mark.slow
@pytest.mark.core
def test_views_made_once_show_what_comes_later(lake: Place) -> None:
    put(lake.server, letter())
    lake.sync()
    with duckdb.connect() as reader:
        reader.execute(create_current_views(lake.pipeline).script or "")
        put(lake.server, letter("reminder"))
        lake.sync()

        assert reader.execute("select type from classifications_current").fetchall() == [("reminder",)]
        assert reader.execute("select type from classifications where type <> '' order by type").fetchall() == [
            ("letter",),
            ("reminder",),
        ]


def test_without_a_load_that_has_ended_there_is_nothing_to_view(lake: Place) -> None:
    with pytest.raises(UsageError, match="Nothing has landed yet"):
        create_current_views(lake.pipeline)

    put_first(lake.server)
    cut_off(lake, "extraction_fields")

    with pytest.raises(UsageError, match="Nothing has landed yet"):
        create_current_views(lake.pipeline)


def test_ids_are_selected_from_current_rows_only(lake: Place) -> None:
    put(lake.server, {**letter(), "status": "FAILED"})
    lake.sync()
    put_first(lake.server)
    lake.sync()

    assert run_ids_from_sql(lake.pipeline, "select id from processor_runs where status = 'FAILED'") == []
    assert run_ids_from_sql(lake.pipeline, "select r.id from extend_data.processor_runs as r order by 1") == [
        BUNDLE,
        INVOICE,
        LETTER,
    ]


def test_nothing_can_be_erased_and_the_refusal_says_what_to_do(lake: Place) -> None:
    with pytest.raises(UsageError, match=r"cannot delete rows\. Delete them at Extend, load into a new dataset"):
        erase(lake.pipeline, run_ids=[LETTER])


@pytest.mark.core
def test_a_source_made_for_another_kind_of_destination_is_refused_before_any_request(
    lake: Place, tmp_path: Path
) -> None:
    table = dlt.destinations.duckdb(str(tmp_path / "warehouse.duckdb"))
    pipeline = dlt.pipeline("tables", destination=table, dataset_name="extend", pipelines_dir=str(tmp_path / "tables"))
    lake.pipeline.activate()
    source = extend_source(api_key=lake.server.api_key, base_url=lake.server.base_url)

    with pytest.raises(Exception, match="made for another kind of destination") as caught:
        pipeline.run(source)

    assert isinstance(caught.value.__cause__.__cause__, InvalidSetting)  # type: ignore[union-attr]
    assert lake.server.requests.total == 0


def test_a_login_in_the_address_of_a_bucket_is_not_shown(tmp_path: Path) -> None:
    destination = dlt.destinations.filesystem("memory://loader:secret@lake")
    pipeline = dlt.pipeline("far", destination=destination, dataset_name="extend", pipelines_dir=str(tmp_path))

    assert location(pipeline) == "filesystem memory://lake"


def test_a_pipeline_without_a_destination_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="The pipeline nowhere has no destination"):
        create_current_views(dlt.pipeline("nowhere", pipelines_dir=str(tmp_path)))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("filesystem", "by superseding them: read the tables through the current views (extend-source views)"),
        ("duckdb", "by delete-insert: the tables hold the current rows only"),
    ],
)
def test_how_rows_are_replaced_is_said_once_in_the_log(
    name: str,
    how: str,
    empty_server: SandboxServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "INFO")
    destination = {
        "filesystem": dlt.destinations.filesystem(str(tmp_path / "bucket")),
        "duckdb": dlt.destinations.duckdb(str(tmp_path / "warehouse.duckdb")),
    }[name]
    pipeline = dlt.pipeline(
        f"logged_{name}", destination=destination, dataset_name="extend", pipelines_dir=str(tmp_path / "pipelines")
    )
    with caplog.at_level(logging.INFO, "dlt"):
        for _ in range(2):
            sync(pipeline, api_key=empty_server.api_key, base_url=empty_server.base_url)

    said = [record.getMessage() for record in caplog.records if "replaces rows" in record.getMessage()]
    assert said == [f"{name} replaces rows {how}"]
