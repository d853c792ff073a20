"""The shell: ``extend-source`` and ``python -m extend_source``, a thin skin over the public functions."""

from extend_source.cli import compaction, credits, first_steps, initialisation, migration, reports, syncs  # noqa: F401 - each adds its commands to the app
from extend_source.cli.app import app, main

__all__ = ["app", "main"]
