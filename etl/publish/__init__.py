"""The face of a build: the read-only API, the static files, the pages and the server."""
