"""The API key and download links are nowhere in what runs leave behind, whether they pass or fail."""

from __future__ import annotations

import io
import logging
import traceback
from pathlib import Path

import dlt
import httpx
import pytest

from extend_source import ExtendError, extend_source, sync
from extend_source.sandbox import PRESIGNED_URL_CANARY, Options, SandboxServer, Workspace
from tests.acceptance.shell import run_shell
from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.thorough

CANARY = "sk_canary_7f3a9c1e5b"


def files_with(folder: Path, *needles: str) -> list[str]:
    """The files below a folder that hold one of some texts, in any place and in UTF-8 or UTF-16."""
    forms = [form for needle in needles for form in (needle.encode(), needle.encode("utf-16-le"))]
    return [
        f"{path.relative_to(folder)}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ]


@pytest.mark.parametrize(
    ("faults", "code"), [([], 0), (["5xx:0.3"], 0), (["unauthorized:5+"], 4), (["truncated:1.0@list"], 1)]
)
def test_a_run_leaves_no_key_and_no_link_behind(faults: list[str], code: int, tmp_path: Path) -> None:
    workspace = Workspace(runs=20, embed_contents=True)
    with SandboxServer(workspaces=[workspace], options=Options(api_key=CANARY), faults=faults) as server:
        outcome = run_shell(
            tmp_path, "sync", "--file-contents", "fetch",
            SOURCES__EXTEND__BASE_URL=server.base_url, SOURCES__EXTEND__API_KEY=CANARY,
            SOURCES__EXTEND__REQUESTS_PER_SECOND="0", RUNTIME__LOG_LEVEL="DEBUG",
        )  # fmt: skip
        (tmp_path / "output.txt").write_text(outcome.stdout + outcome.stderr)

    assert outcome.code == code
    assert len(list(tmp_path.rglob("*"))) > 5
    assert files_with(tmp_path, CANARY, PRESIGNED_URL_CANARY) == []


@pytest.mark.parametrize(
    "name_and_value",
    [
        *(("BASE_URL", f"https://{part}") for part in (f"u:{CANARY}@api.extend.ai", f"{CANARY}@api.extend.ai")),
        *(("BASE_URL", f"https://api.extend.ai/{part}") for part in (f"?api_key={CANARY}", f"#{CANARY}")),
        ("BASE_URL", CANARY),
        ("BASE_URL", f"http://{CANARY}.invalid"),
        ("API_VERSION", CANARY),
        ("START_DATE", CANARY),
        *(("WORKSPACE_ID", value) for value in (CANARY, f"Bearer {CANARY}", f"'{CANARY}'")),
        *((name, f'["{CANARY}"]') for name in ("PROCESSOR_IDS", "RUN_SOURCE_IDS")),
    ],
    ids=[
        *("password", "user", "query", "fragment", "alone", "host", "version", "date"),
        *("workspace", "header of a workspace", "quoted workspace", "processor", "source"),
    ],
)
def test_a_secret_in_the_wrong_setting_is_refused_and_stored_and_shown_nowhere(
    name_and_value: tuple[str, str], tmp_path: Path
) -> None:
    name, value = name_and_value
    outcome = run_shell(
        tmp_path, "sync", **{"SOURCES__EXTEND__API_KEY": "another key", f"SOURCES__EXTEND__{name}": value}
    )
    (tmp_path / "output.txt").write_text(outcome.stdout + outcome.stderr)

    assert outcome.code in (2, 4)
    assert files_with(tmp_path, CANARY) == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(f"Authorization: Bearer {CANARY}")

    assert files_with(tmp_path, CANARY) == ["log.txt"]


def test_no_error_of_a_pipeline_shows_the_key_or_a_link(
    empty_server: SandboxServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for arguments in ({"base_url": empty_server.base_url}, {"base_url": "http://127.0.0.1:9"}):
        pipeline = dlt.pipeline("p", destination=dlt.destinations.duckdb(str(tmp_path / "x.duckdb")))
        for run in (
            lambda: pipeline.run(extend_source(api_key=CANARY, requests_per_second=0, **arguments)),  # noqa: B023
            lambda: sync(pipeline, api_key=CANARY, requests_per_second=0, **arguments),  # noqa: B023
        ):
            with pytest.raises(Exception, match="Check") as caught:
                run()
            lines = traceback.TracebackException.from_exception(caught.value, capture_locals=False).format()
            texts.append("".join(lines) + repr(caught.value))

    log = io.StringIO()
    log.write(caplog.text)
    assert CANARY not in "".join(texts) + log.getvalue()
    assert len(texts) == 4


@pytest.mark.slow
@pytest.mark.core
def test_the_published_sample_lands_without_its_link(
    empty_warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sample = Path(__file__).parent.parent / "samples" / "get-processor-run.2025-04-21.json"
    link = httpx.Response(200, content=sample.read_bytes()).json()["processorRun"]["files"][0]["presignedUrl"]
    body = sample.read_bytes()[len(b'{"success": true, "processorRun": ') :]
    assert link in body.decode()
    run = httpx.Response(200, content=sample.read_bytes()).json()["processorRun"]
    empty_warehouse.server.workspace.put_run(run)

    empty_warehouse.sync(run_ids=[run["id"]])

    from tests.leaves import missing_leaves

    assert missing_leaves(run, empty_warehouse.cells()) == []
    assert files_with(empty_warehouse.folder, link) == []
    assert link not in caplog.text
    assert link not in str(empty_warehouse.cells())


def test_sync_raises_the_apis_own_error(empty_server: SandboxServer, tmp_path: Path) -> None:
    pipeline = dlt.pipeline("p", destination=dlt.destinations.duckdb(str(tmp_path / "x.duckdb")))

    with pytest.raises(ExtendError) as caught:
        sync(pipeline, api_key="sk_wrong", base_url=empty_server.base_url)

    assert caught.value.status_code == 401


@pytest.mark.parametrize("words", [("sync", "--run-id"), ("erase", "--run-id"), ("erase", "--file-id")])
@pytest.mark.parametrize("value", [CANARY, f"Bearer {CANARY}", f"EXTEND_API_KEY={CANARY}"])
def test_a_key_in_the_place_of_an_id_is_sent_nowhere_stored_nowhere_and_not_shown(
    words: tuple[str, str], value: str, empty_server: SandboxServer, tmp_path: Path
) -> None:
    key_and_address = {
        "SOURCES__EXTEND__API_KEY": empty_server.api_key,
        "SOURCES__EXTEND__BASE_URL": empty_server.base_url,
    }
    assert run_shell(tmp_path, "sync", **key_and_address).code == 0
    asked_before = empty_server.requests.total

    outcome = run_shell(tmp_path, *words, value, **key_and_address)
    (tmp_path / "output.txt").write_text(outcome.stdout + outcome.stderr)

    assert outcome.code == 2
    assert "looks like an API key" in outcome.stderr
    assert empty_server.requests.total == asked_before
    assert files_with(tmp_path, CANARY) == []
