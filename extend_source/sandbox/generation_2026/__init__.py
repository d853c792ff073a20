"""API 2026-02-09 over the same workspace: other paths, other bodies, other ids of the same runs."""

from extend_source.sandbox.generation_2026.endpoints import ENDPOINTS

__all__ = ["ENDPOINTS"]
