"""What the commands do: modules, each imported when a command of it runs, as it brings dlt."""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "compaction",
    "credits",
    "first_steps",
    "initialisation",
    "listening",
    "migration",
    "notebook",
    "plans",
    "reports",
    "rewriting",
    "status",
    "syncs",
]

if TYPE_CHECKING:
    from extend_source.cli import (
        compaction,
        credits,
        first_steps,
        initialisation,
        listening,
        migration,
        notebook,
        plans,
        reports,
        rewriting,
        status,
        syncs,
    )
else:

    def __getattr__(name: str) -> object:
        """Import a module of commands."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        return import_module(f"extend_source.cli.{name}")
