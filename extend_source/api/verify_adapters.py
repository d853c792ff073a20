"""Rows of the list of verify runs, made canonical; see `adapters` (SDK 1.20.0, verify_run_summary)."""

from __future__ import annotations

from extend_source.api.adapters import Payload, with_id_of_file


def verify_run_summary(summary: Payload) -> Payload:
    """Make a row of the list canonical: of its file the id and the name, as there may be no other row of it."""
    file = summary.get("file")
    canonical = with_id_of_file(summary)
    return {**canonical, "fileName": file.get("name")} if isinstance(file, dict) else canonical
