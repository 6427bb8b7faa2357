"""The pipeline file as it is written: text, nodes with their places, what it extends, the name of its build."""
