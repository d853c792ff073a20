"""A busy workspace: everything that the stand-in can show under API 2026-02-09."""

from __future__ import annotations

import extend_ai.version

from extend_source.sandbox import Workspace

assert extend_ai.version.__version__ == "1.20.0", "run by test_sdk_2026.py"


def fill(workspace: Workspace) -> None:
    """Add what the default population does not have, and let people and time change the rest."""
    workspace.add_run(inline=True, status="PROCESSED")
    workspace.add_run(inline=True, processor="classifier", status="PROCESSED")
    workspace.add_run(inline=True, processor="splitter", status="PROCESSED")
    workspace.add_run(inline=True, files=3, status="PROCESSED")
    workspace.add_run(files=5, status="PROCESSED")
    workspace.add_run(files=2)
    for key in workspace.processors:
        workspace.add_run(processor=key, status="PROCESSED")
        workspace.add_run(processor=key, status="PENDING")
        workspace.add_run(processor=key, status="PROCESSING")
        workspace.add_run(processor=key, status="CANCELLED")
    for _ in range(10):  # each failure once
        workspace.add_run(processor="price_lists", status="FAILED")
    for run_id in workspace.run_ids()[::3]:
        if workspace.runs[run_id].status == "PROCESSED":
            workspace.edit_run(run_id)
    workspace.delete_file(workspace.runs[workspace.run_ids()[5]].file_ids[0])
    workspace.set_processor_name("claims", "Claims of today")
