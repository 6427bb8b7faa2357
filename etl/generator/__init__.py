"""What the author of a generator imports: random streams, types of params, the size of a result."""
