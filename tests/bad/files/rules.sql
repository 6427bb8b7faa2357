CREATE TABLE beds (
  id INTEGER PRIMARY KEY,
  floor TEXT,
  no INTEGER,
  price REAL, -- CHECK (price > 100) was the rule once.
  below INTEGER REFERENCES beds,
  CHECK (price > no / 2),
  FOREIGN KEY (no, floor) REFERENCES rooms (no, floor)
);
CREATE TABLE rooms (floor TEXT COLLATE NOCASE, no INTEGER, best INTEGER REFERENCES beds, PRIMARY KEY (floor, no));
