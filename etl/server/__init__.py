"""A build, live: the API and Datasette behind one HTTP server."""
