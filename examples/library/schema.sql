CREATE TABLE books (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL UNIQUE,
  author TEXT NOT NULL,
  published INTEGER NOT NULL -- The year.
);
CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  joined DATE NOT NULL,
  is_child BOOLEAN NOT NULL
);
CREATE TABLE loans (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  book_id INTEGER NOT NULL REFERENCES books (id),
  member_id INTEGER NOT NULL REFERENCES members (id),
  month INTEGER NOT NULL,
  is_late BOOLEAN NOT NULL -- Whether the book came back too late.
);
CREATE INDEX loans_by_member ON loans (member_id, month);
CREATE TABLE months (
  month INTEGER PRIMARY KEY,
  begins DATE NOT NULL,
  loans INTEGER NOT NULL,
  late_share DECIMAL(5, 4) NOT NULL
);
