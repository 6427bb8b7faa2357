"""Rows in files: SQLite, Parquet, checks and digests."""
