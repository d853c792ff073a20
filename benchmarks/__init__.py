"""Benchmarks: this source beside other ways of loading the same runs."""
