"""What every test gets: dlt as on a machine where it never ran, and Hypothesis without deadlines.

And what saves time in all of them: dlt remembers its types, schemas and settings, clients their certificates, databases have one
thread, files lie in memory, and garbage is looked for less often, and not among what the collection left.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.pipeline import PipelineContext
from hypothesis import settings

from extend_source.sandbox import clock
from tests.known_certificates import remember_certificates
from tests.known_types import remember_names, remember_types
from tests.quick_databases import quicken_databases
from tests.quick_schemas import quicken_schemas
from tests.quick_settings import quicken_settings

NOW = datetime(2026, 2, 2, 9, tzinfo=timezone.utc)
"""Where the clocks of stand-ins start in the tests, whatever the day."""

clock.present = lambda: NOW

SETTING_PREFIXES = ("SOURCES__", "DESTINATION__", "RUNTIME__", "EXTRACT__", "NORMALIZE__", "LOAD__", "DLT_")

# The machines that run the tests vary too much in speed for deadlines, and a red CI must be red again when rerun.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

OBJECTS = "SOURCES__EXTEND__OBJECTS"
os.environ[OBJECTS] = '["runs", "parsing"]'
"""Most tests are about runs, and count requests: other objects are loaded where a test names their groups."""

MEMORY = "/dev/shm"
ROOM = 2 * 2**30
"""The bytes that must be free in memory for the files of the tests to lie there: several times what they take."""

GARBAGE = 50_000
"""How many more objects there must be than at the last search for garbage before there is another one."""

remember_types()
remember_names()
remember_certificates()
quicken_schemas()
quicken_settings()
quicken_databases()


def pytest_configure() -> None:
    """Have temporary folders where no write waits for a disk, unless told otherwise or there is too little room."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        return
    os.environ["TMPDIR"] = MEMORY  # for processes that are started from here, too
    tempfile.tempdir = None


def pytest_collection_finish() -> None:
    """Search for garbage less often, and not among modules and thousands of tests, which stay to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)


@pytest.fixture(autouse=True)
def isolated_dlt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the settings, pipelines and current folder of the machine and of other tests away from this one."""
    for name in os.environ:
        if name.startswith(SETTING_PREFIXES) and name != OBJECTS:
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))  # pipelines; read by processes that a test starts, too
    monkeypatch.chdir(tmp_path)

    # dlt reads .dlt/config.toml and secrets.toml of the current folder and of the user when it loads its providers.
    context = Container()[PluggableRunContext]
    monkeypatch.setattr(context.context, "_global_dir", str(tmp_path / "dlt"))
    context.reload_providers()
    yield
    Container()[PipelineContext].deactivate()
