"""``python -m extend_source``."""

from extend_source.cli import main

main()
