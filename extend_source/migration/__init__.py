"""A dataset of API 2025-04-21 made one of 2026-02-09: a sync into a second dataset, and a switch."""
