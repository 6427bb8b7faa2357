"""The live face of a build: the API and Datasette behind one HTTP server."""
