-- A table, and another one.
CREATE TABLE tests (id INTEGER PRIMARY KEY);

CREATE TABLE rosters (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NUL
);
CREATE INDEX by_name ON rosters (name);
