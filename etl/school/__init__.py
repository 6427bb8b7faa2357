"""The school: its generators, and the report about them."""
