"""dlt reads the file of a schema again only where it has changed."""

from __future__ import annotations

import json
from pathlib import Path

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.schema import Schema
from dlt.common.storages import LiveSchemaStorage, SchemaStorage

from extend_source.pipeline.schema_files import schemas_read_once


@pytest.fixture
def pipeline(tmp_path: Path) -> dlt.Pipeline:
    """A pipeline that has loaded one table."""
    pipeline = dlt.pipeline("files", destination=dlt.destinations.duckdb(str(tmp_path / "files.duckdb")))
    pipeline.run([{"id": 1}], table_name="numbers")
    return pipeline


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the schemas whose file dlt reads."""
    read: list[str] = []
    load_schema = SchemaStorage.load_schema

    def noted(storage: SchemaStorage, name: str) -> Schema:
        read.append(name)
        return load_schema(storage, name)

    monkeypatch.setattr(SchemaStorage, "load_schema", noted)
    return read


def schema_file(pipeline: dlt.Pipeline) -> Path:
    return Path(pipeline.working_dir) / "schemas" / "files.schema.json"


def test_dlt_reads_the_file_each_time(pipeline, reads):
    assert pipeline.default_schema is pipeline.default_schema
    assert reads == ["files", "files"]  # once it reads less by itself, extend_source/pipeline/schema_files.py can go


def test_the_file_is_read_once(pipeline, reads):
    with schemas_read_once(pipeline):
        for _ in range(3):
            assert "numbers" in pipeline.default_schema.tables
        assert reads == ["files"]


def test_the_file_is_read_again_after_a_load(pipeline, reads):
    with schemas_read_once(pipeline):
        pipeline.run([{"id": 1}], table_name="letters")
        reads.clear()
        assert "letters" in pipeline.default_schema.tables
        assert "letters" in pipeline.default_schema.tables
        assert len(reads) <= 1
    stored = json.loads(schema_file(pipeline).read_text("utf-8"))
    assert {"numbers", "letters"} <= stored["tables"].keys()


def test_what_another_process_has_written_is_seen(pipeline):
    with schemas_read_once(pipeline):
        assert "letters" not in pipeline.default_schema.tables
        theirs = SchemaStorage(pipeline._schema_storage.config)
        schema = theirs.load_schema("files")
        schema.update_table({"name": "letters", "columns": {}})
        theirs.save_schema(schema)
        assert "letters" in pipeline.default_schema.tables


def test_names_follow_the_rules_of_the_destination(pipeline):
    with schemas_read_once(pipeline):
        assert pipeline._schema_storage["files"].naming.max_length != 40
        short = DestinationCapabilitiesContext.generic_capabilities()
        short.max_identifier_length = short.max_column_identifier_length = 40
        with Container().injectable_context(short):
            assert pipeline._schema_storage["files"].naming.max_length == 40


def test_changes_that_are_not_yet_written_are_kept(pipeline):
    with schemas_read_once(pipeline):
        schema = pipeline.default_schema
        schema.update_table({"name": "letters", "columns": {}})
        assert "letters" in pipeline.default_schema.tables


def test_a_file_that_is_gone_is_missed_as_before(pipeline):
    with schemas_read_once(pipeline):
        assert "numbers" in pipeline.default_schema.tables
        schema_file(pipeline).unlink()
        assert "numbers" in pipeline.default_schema.tables  # dlt keeps what it has read


def test_dlt_is_as_before_afterwards(pipeline, reads):
    with pytest.raises(KeyError), schemas_read_once(pipeline):
        raise KeyError
    assert type(pipeline._schema_storage) is LiveSchemaStorage
    assert pipeline.default_schema is pipeline.default_schema
    assert reads == ["files", "files"]
