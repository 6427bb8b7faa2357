CREATE TABLE students (
  id INTEGER PRIMARY KEY,
  name VARCHAR(80, 2),
  roster_id INTEGER REFERENCES rosters (id)
);
CREATE TABLE rosters (id INTEGER PRIMARY KEY, name TEXT, teacher TEXT REFERENCES techers (name));
CREATE TABLE scores (
  student TEXT REFERENCES students (name),
  level INTEGER
);
CREATE VIEW low AS SELECT * FROM scores WHERE levle = 1;
