"""The checked model of a pipeline: its stages, reference data, schema and rules."""
