"""``python -m docs.generator [PAGE ...]`` writes what is generated; with ``--check`` it says what differs."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.generator.pages import check, write

chosen = [Path(argument).resolve() for argument in sys.argv[1:] if argument != "--check"] or None
sys.exit(check(chosen) if "--check" in sys.argv[1:] else write(chosen))
