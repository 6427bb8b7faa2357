"""Files that rows come from: a module for each format."""
