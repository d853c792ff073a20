"""What one does with a pipeline: a verb and its result in each module; none imports another."""
