"""A declarative pipeline that makes a synthetic world, loads it into SQLite and publishes it; ``school`` is one."""
