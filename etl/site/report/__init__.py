"""The report of any world, and what the reports of worlds are put together from."""
