"""Edit runs, form detection runs and edit templates, made canonical; see `adapters`.

The output of an edit run is what it has filled in, as in 2025-04-21, and the file it has made stands beside it. No link
to a file is kept.
"""

from __future__ import annotations

from typing import Any

from extend_source.api.adapters import Payload, without_link_to_file

_OLDER_FILE = {"fileId": "id"}
_OF_OUTPUTS = frozenset({"filledValues", "editedFile"})
_LINKS = frozenset({"presignedUrl", "downloadUrl"})


def edit_run_2025(run: Payload) -> Payload:
    """Make an edit run of 2025-04-21 canonical (SDK 0.2.0, edit_run)."""
    canonical = without_link_to_file(run)
    if "editedFile" in run:
        canonical["editedFile"] = _edited_file(run["editedFile"])
    return canonical


def edit_run_2026(run: Payload) -> Payload:
    """Make an edit run of 2026-02-09 canonical (SDK 1.20.0, edit_run)."""
    canonical, output = without_link_to_file(run), run.get("output")
    if not isinstance(output, dict):
        return canonical
    canonical["output"] = output.get("filledValues")
    canonical["editedFile"] = _edited_file(output.get("editedFile"))
    news = {key: value for key, value in output.items() if key not in _OF_OUTPUTS}
    return {**canonical, "outputNews": news} if news else canonical  # so that it is seen, and kept


def _edited_file(file: Any) -> Any:
    """Leave the links out, and call the id alike in both versions."""
    if not isinstance(file, dict):
        return file
    return {_OLDER_FILE.get(key, key): value for key, value in file.items() if key not in _LINKS}
