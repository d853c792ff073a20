"""Texts in and out: JSON without losing a digit, what no text may carry, and the words of messages."""
