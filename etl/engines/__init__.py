"""Where shards run: on this machine, or on an engine for many."""
