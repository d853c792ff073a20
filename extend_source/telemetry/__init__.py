"""What a sync tells while it works: log lines, spans, metrics, lineage. Nothing of it is imported unless asked for."""
