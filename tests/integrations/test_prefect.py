"""Prefect runs the flow of pipelines/ for real, on a server that the test starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
from prefect.testing.utilities import prefect_test_harness

from extend_source.sandbox import SandboxServer
from tests.integrations.pages import ROOT, commands, environment, landed, run

pytestmark = pytest.mark.integrations


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


def states(name: str) -> list[tuple[str, int]]:
    """How the runs of a flow have ended, oldest first, and how often its task was tried."""
    with get_client(sync_client=True) as client:
        flow_ids = {flow.id for flow in client.read_flows() if flow.name == name}
        flow_runs = [each for each in client.read_flow_runs() if each.flow_id in flow_ids]
        tries = {each.flow_run_id: each.run_count for each in client.read_task_runs()}
    flow_runs.sort(key=lambda each: each.start_time)
    return [(each.state_name, tries[each.id]) for each in flow_runs]


def test_the_page_loads_what_is_new_and_a_refused_key_is_not_tried_again(
    api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxServer(runs=12) as server:
        [script] = commands("prefect.md")
        variables = environment(tmp_path, server, PREFECT_API_URL=api, REPOSITORY=str(ROOT))
        code, output = run(script, tmp_path, variables)
        for name, value in variables.items():
            if name.startswith(("SOURCES", "DLT")):
                monkeypatch.setenv(name, value)
        spec = importlib.util.spec_from_file_location("prefect_sync", ROOT / "pipelines" / "prefect_sync.py")
        assert spec is not None
        assert spec.loader is not None
        script_module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script_module)
        rows = script_module.extend_sync()
        monkeypatch.setenv("SOURCES__EXTEND__API_KEY", "sk_wrong")
        with pytest.raises(script_module.Refused, match=r"^EXT-209: .*Check the API key"):
            script_module.extend_sync()
        ids, requests = sorted(server.workspace.run_ids()), dict(server.requests.counts)

    assert (code, output.splitlines()[-1]) == (0, "processor_runs: 12 rows"), output[-3000:]
    assert rows.get("processor_runs", 0) == 0
    assert landed(tmp_path) == ids
    assert [requests[name] for name in ("list_runs", "get_run", "get_workflow_run")] == [3, 9, 3]
    assert states("extend_sync") == [("Completed", 1), ("Completed", 1), ("Failed", 1)]
