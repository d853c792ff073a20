"""Tests that need the vendor's SDK 1.20.0 in place of 0.2.0; `test_sdk_2026.py` runs them in processes of their own."""
