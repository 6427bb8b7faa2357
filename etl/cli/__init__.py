"""The command line: commands, options, display, exit codes."""
