"""The report of any world, and the building blocks of reports."""
