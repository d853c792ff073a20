"""Processes that start with all modules imported, which takes a second: forked from one that shares nothing with the tests."""

from __future__ import annotations

import multiprocessing

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["extend_source.cli", "dlt.destinations.impl.duckdb.duck", "psycopg2"])
