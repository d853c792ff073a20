"""Integrations run for real, in an environment of its own (`make test-integrations`); elsewhere their tests are not read."""

from __future__ import annotations

import importlib.util
import os

collect_ignore_glob = [] if importlib.util.find_spec("dagster") else ["test_*.py"]

# else dlt, which finds Airflow here, asks its database for each setting
os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")
