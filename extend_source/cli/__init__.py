"""The shell: ``extend-source`` and ``python -m extend_source``, a thin skin over the public functions."""

from extend_source.cli import commands  # noqa: F401 - adds the commands to the app
from extend_source.cli.app import app, main

__all__ = ["app", "main"]
