"""Integrations run for real, in an environment of its own (`make test-integrations`); elsewhere their tests are not read."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("dagster") else ["test_*.py"]
