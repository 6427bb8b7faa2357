"""A declarative pipeline that makes a synthetic school year, loads it into SQLite and publishes it."""
