"""Webhooks of Extend as the trigger of loads: a listener that notes events, and a worker that loads what they name."""

from extend_source.integrations.webhooks.queue import EventQueue, pending_run_ids, queue_file

__all__ = ["EventQueue", "pending_run_ids", "queue_file"]
