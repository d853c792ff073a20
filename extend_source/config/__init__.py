"""The settings: what there is, where values come from, prices, and how to install what is missing."""
