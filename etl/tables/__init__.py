"""Rows in files: SQLite, Parquet, checks and digests; hashed and synced files."""
