"""API 2026-02-09 over the same workspace: other paths, other bodies, other ids of the same runs."""

from extend_source.sandbox.generation_2026.endpoints import ENDPOINTS
from extend_source.sandbox.generation_2026.parse_endpoints import DOWNLOAD_PATH, download

__all__ = ["DOWNLOAD_PATH", "ENDPOINTS", "download"]
