-- The tables of the database: the one place where column types and constraints live.
--
-- A comment behind a table or a column is its description: Datasette, the OpenAPI document and the
-- Parquet schema read it from here; the database stores the statements without them. Parents stand before their children; that is the order of loading.
-- CURRENT_TIMESTAMP, not datetime('now'): they mean the same, and DuckDB can only read the first.

CREATE TABLE rosters ( -- A class: one teacher, one subject, and the students in it.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the roster, dense from 1.
  name TEXT NOT NULL, -- Teacher and subject, different for every roster.
  created_at TEXT DEFAULT CURRENT_TIMESTAMP -- When the roster was entered, YYYY-MM-DD HH:MM:SS.
);

CREATE TABLE students ( -- A student of one roster. Synthetic: no real person.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the student, dense from 1 in roster order.
  roster_id INTEGER NOT NULL REFERENCES rosters (id), -- The class that the student is in.
  name TEXT NOT NULL, -- First and last name, different within a roster.
  external_id TEXT, -- The student's identifier in the school's own system.
  created_at TEXT DEFAULT CURRENT_TIMESTAMP -- When the student was entered, YYYY-MM-DD HH:MM:SS.
);
CREATE INDEX students_by_roster ON students (roster_id);

CREATE TABLE test_groups ( -- A series of tests that measure the same thing through a school year.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the test group.
  name TEXT NOT NULL -- Name of the test group.
);

CREATE TABLE tests ( -- One test of a group.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the test.
  group_id INTEGER NOT NULL REFERENCES test_groups (id), -- The group that the test belongs to.
  sequence INTEGER NOT NULL, -- Place of the test in its group, from 1.
  name TEXT NOT NULL, -- Short name of the test.
  administered_at TEXT -- Day of the test, YYYY-MM-DD.
);
CREATE INDEX tests_by_group ON tests (group_id, sequence);

CREATE TABLE reporting_categories ( -- A group of standards that a score report shows as one score.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the category: the key in scores.rc_scores.
  name TEXT NOT NULL, -- Name of the category.
  description TEXT -- What the category covers.
);

CREATE TABLE standards ( -- One learning standard, the finest level at which a test gives a score.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the standard: the key in scores.std_scores.
  rc_id INTEGER NOT NULL REFERENCES reporting_categories (id), -- The reporting category that the standard counts in.
  domain TEXT NOT NULL, -- Full name of the domain.
  sub_domain TEXT, -- Full name of the cluster within the domain.
  code TEXT NOT NULL, -- The standard's published code.
  description TEXT NOT NULL -- What a student who meets the standard can do.
);
CREATE INDEX standards_by_category ON standards (rc_id);

CREATE TABLE performance_levels ( -- A band of scale scores, from cut score to cut score.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the row.
  level INTEGER NOT NULL UNIQUE, -- The level, 1 is the lowest.
  name TEXT NOT NULL, -- Name of the level.
  description TEXT NOT NULL, -- What the level says of a student.
  min_score INTEGER NOT NULL, -- Lowest scale score of the level.
  max_score INTEGER, -- Highest scale score of the level; null for no upper end.
  color TEXT NOT NULL -- Colour in charts, #RRGGBB.
);

CREATE TABLE scores ( -- One student's result on one test.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- (student_id - 1) x number of tests + sequence of the test.
  student_id INTEGER NOT NULL REFERENCES students (id), -- Who took the test.
  test_id INTEGER NOT NULL REFERENCES tests (id), -- The test that was taken.
  overall_score INTEGER NOT NULL, -- Scale score of the whole test.
  level INTEGER NOT NULL REFERENCES performance_levels (level), -- Performance level of the overall score.
  rc_scores TEXT NOT NULL DEFAULT '{}', -- JSON object: reporting category id to scale score.
  std_scores TEXT NOT NULL DEFAULT '{}', -- JSON object: standard id to scale score.
  UNIQUE (student_id, test_id)
);
CREATE INDEX scores_by_test_and_level ON scores (test_id, level);

CREATE TABLE assignments ( -- A practice assignment given to struggling students between two tests.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the assignment.
  name TEXT NOT NULL, -- Name of the assignment.
  platform TEXT NOT NULL CHECK (platform IN ('ixl', 'lexiacore5', 'reflex', 'khan_academy')), -- Where the work is done.
  group_id INTEGER NOT NULL REFERENCES test_groups (id), -- The test group that it belongs to.
  rc_id INTEGER REFERENCES reporting_categories (id), -- The reporting category that it practises.
  created_after_test_id INTEGER NOT NULL REFERENCES tests (id), -- The test whose levels decided who got it.
  impacted_test_id INTEGER REFERENCES tests (id), -- The test on which its effect is expected.
  created_at TEXT DEFAULT CURRENT_TIMESTAMP -- When it was assigned, YYYY-MM-DD HH:MM:SS.
);

CREATE TABLE assignment_standards ( -- Which standards an assignment practises.
  assignment_id INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE, -- The assignment.
  standard_id INTEGER NOT NULL REFERENCES standards (id) ON DELETE CASCADE, -- A standard that it practises.
  PRIMARY KEY (assignment_id, standard_id)
);

CREATE TABLE assignment_students ( -- Who was given an assignment, and how far they came.
  assignment_id INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE, -- The assignment.
  student_id INTEGER NOT NULL REFERENCES students (id) ON DELETE CASCADE, -- The student.
  status TEXT NOT NULL DEFAULT 'not_started' CHECK (status IN ('not_started', 'started', 'completed')), -- How far the student came.
  started_at TEXT, -- Day the work began, YYYY-MM-DD; null when it did not.
  completed_at TEXT, -- Day the work was done, YYYY-MM-DD; null when it was not.
  PRIMARY KEY (assignment_id, student_id)
);
CREATE INDEX assignment_students_by_status ON assignment_students (assignment_id, status);
CREATE INDEX assignment_students_by_student ON assignment_students (student_id);

CREATE TABLE planted_effects ( -- The truth: what an assignment was planted to add to the scores of those who got it.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the row, dense from 1.
  assignment_id INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE, -- The assignment.
  standard_id INTEGER NOT NULL REFERENCES standards (id) ON DELETE CASCADE, -- A standard that it practises.
  status TEXT NOT NULL CHECK (status IN ('not_started', 'started', 'completed')), -- How far the students came.
  students INTEGER NOT NULL, -- Students with that status who took the impacted test and the one before it.
  effect REAL, -- Mean over them of the score expected with what they hold less that without, in scale points, clamp included; null when there are none.
  UNIQUE (assignment_id, standard_id, status)
);

CREATE TABLE impact_estimates ( -- The field's estimate of each effect, difference in differences, beside the truth.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Number of the row, dense from 1.
  scope TEXT NOT NULL CHECK (scope IN ('assignment', 'standard', 'category')), -- What is estimated: an assignment's effect on the mean of its standards or on one of them, or that of a category's assignments, pooled.
  assignment_id INTEGER REFERENCES assignments (id) ON DELETE CASCADE, -- The assignment; null for a category.
  rc_id INTEGER REFERENCES reporting_categories (id) ON DELETE CASCADE, -- The reporting category of the assignment, or of the standard.
  standard_id INTEGER REFERENCES standards (id) ON DELETE CASCADE, -- The standard, where there is one estimate a standard.
  treated INTEGER NOT NULL, -- Students who completed the assignment and took the tests; summed for a category.
  control INTEGER NOT NULL, -- Students of the same rosters who were not given it and took the tests; summed for a category.
  treated_gain REAL, -- Mean gain of the treated from the test that the assignment follows to the one that it impacts, in scale points.
  control_gain REAL, -- The same of the control group.
  effect REAL, -- The estimate: treated_gain less control_gain.
  standard_error REAL, -- Welch's standard error of the effect; null when a group has fewer than two students.
  degrees_of_freedom REAL, -- Welch and Satterthwaite's degrees of freedom; null for a category, whose statistic is normal.
  t REAL, -- The effect divided by its standard error.
  p REAL, -- Two-sided chance of a statistic so far from zero when there is no effect; 0 below the least floating-point number.
  low REAL, -- Lower end of the 95 % confidence interval.
  high REAL, -- Upper end of the 95 % confidence interval.
  planted REAL, -- The truth: mean planted effect over the treated, in scale points.
  expected_bias REAL, -- What the estimate is expected to find beyond that, given the scores before the impacted test.
  bias REAL, -- What it found beyond that: effect less planted.
  covered INTEGER CHECK (covered IN (0, 1)), -- 1 when the interval holds the planted effect, 0 when it does not.
  surprise REAL -- Bound for the chance of a bias so far from the expected one when the planted effects are in the data; null for a category.
);
CREATE INDEX impact_estimates_by_assignment ON impact_estimates (assignment_id);
