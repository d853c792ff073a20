"""From what is wanted to Arrow tables: finding, fetching, recording."""
