-- The tables of the database, with all column types and constraints.
--
-- A comment after a table or a column is its description in Datasette, the OpenAPI document and the Parquet schema. The
-- database stores the statements without comments. Tables are loaded in this order, so parents come before children.
-- CURRENT_TIMESTAMP, not datetime('now'): they mean the same, but DuckDB only reads the first.

CREATE TABLE rosters ( -- A class: one teacher, one subject, and its students.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the roster, from 1 without gaps.
  name TEXT NOT NULL, -- Teacher and subject; unique.
  created_at TEXT DEFAULT CURRENT_TIMESTAMP -- When the roster was created, YYYY-MM-DD HH:MM:SS.
);

CREATE TABLE students ( -- A student of one roster. Synthetic: no real person.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the student, from 1 without gaps, in roster order.
  roster_id INTEGER NOT NULL REFERENCES rosters (id), -- The student's class.
  name TEXT NOT NULL, -- First and last name; unique within a roster.
  external_id TEXT, -- The student's id in the school's information system.
  created_at TEXT DEFAULT CURRENT_TIMESTAMP -- When the student was created, YYYY-MM-DD HH:MM:SS.
);
CREATE INDEX students_by_roster ON students (roster_id);

CREATE TABLE test_groups ( -- A series of tests that measure the same thing over a school year.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the test group.
  name TEXT NOT NULL -- Name of the test group.
);

CREATE TABLE tests ( -- One test of a group.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the test.
  group_id INTEGER NOT NULL REFERENCES test_groups (id), -- The group that the test belongs to.
  sequence INTEGER NOT NULL, -- Position of the test in its group, from 1.
  name TEXT NOT NULL, -- Short name of the test.
  administered_at TEXT -- Day of the test, YYYY-MM-DD.
);
CREATE INDEX tests_by_group ON tests (group_id, sequence);

CREATE TABLE reporting_categories ( -- A group of standards that is reported as one score.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the category: the key in scores.rc_scores.
  name TEXT NOT NULL, -- Name of the category.
  description TEXT -- What the category covers.
);

CREATE TABLE standards ( -- One learning standard: the finest level of a test's scores.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the standard: the key in scores.std_scores.
  rc_id INTEGER NOT NULL REFERENCES reporting_categories (id), -- The reporting category of the standard.
  domain TEXT NOT NULL, -- Full name of the domain.
  sub_domain TEXT, -- Full name of the cluster within the domain.
  code TEXT NOT NULL, -- The standard's published code.
  description TEXT NOT NULL -- What a student who meets the standard can do.
);
CREATE INDEX standards_by_category ON standards (rc_id);

CREATE TABLE performance_levels ( -- A range of scale scores between two cut scores.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the row.
  level INTEGER NOT NULL UNIQUE, -- The level; 1 is the lowest.
  name TEXT NOT NULL, -- Name of the level.
  description TEXT NOT NULL, -- What the level means for a student.
  min_score INTEGER NOT NULL, -- Lowest scale score of the level.
  max_score INTEGER, -- Highest scale score of the level; null for no upper limit.
  color TEXT NOT NULL -- Colour in charts, #RRGGBB.
);

CREATE TABLE scores ( -- One student's result on one test.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- (student_id - 1) x number of tests + sequence of the test.
  student_id INTEGER NOT NULL REFERENCES students (id), -- The student who took the test.
  test_id INTEGER NOT NULL REFERENCES tests (id), -- The test.
  overall_score INTEGER NOT NULL, -- Scale score of the whole test.
  level INTEGER NOT NULL REFERENCES performance_levels (level), -- Performance level of the overall score.
  rc_scores TEXT NOT NULL DEFAULT '{}', -- JSON object: reporting category id to scale score.
  std_scores TEXT NOT NULL DEFAULT '{}', -- JSON object: standard id to scale score.
  UNIQUE (student_id, test_id)
);
CREATE INDEX scores_by_test_and_level ON scores (test_id, level);

CREATE TABLE assignments ( -- A practice assignment given to struggling students between two tests.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the assignment.
  name TEXT NOT NULL, -- Name of the assignment.
  platform TEXT NOT NULL CHECK (platform IN ('ixl', 'lexiacore5', 'reflex', 'khan_academy')), -- The platform on which the work is done.
  group_id INTEGER NOT NULL REFERENCES test_groups (id), -- The test group of the assignment.
  rc_id INTEGER REFERENCES reporting_categories (id), -- The reporting category that it practises.
  created_after_test_id INTEGER NOT NULL REFERENCES tests (id), -- The test whose levels decided who was assigned it.
  impacted_test_id INTEGER REFERENCES tests (id), -- The test on which its effect is expected.
  created_at TEXT DEFAULT CURRENT_TIMESTAMP -- When it was assigned, YYYY-MM-DD HH:MM:SS.
);

CREATE TABLE assignment_standards ( -- Which standards an assignment practises.
  assignment_id INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE, -- The assignment.
  standard_id INTEGER NOT NULL REFERENCES standards (id) ON DELETE CASCADE, -- A standard that it practises.
  PRIMARY KEY (assignment_id, standard_id)
);

CREATE TABLE assignment_students ( -- The students who were given an assignment, and their status.
  assignment_id INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE, -- The assignment.
  student_id INTEGER NOT NULL REFERENCES students (id) ON DELETE CASCADE, -- The student.
  status TEXT NOT NULL DEFAULT 'not_started' CHECK (status IN ('not_started', 'started', 'completed')), -- The student's progress.
  started_at TEXT, -- Day the work was started, YYYY-MM-DD; null if it was not.
  completed_at TEXT, -- Day the work was completed, YYYY-MM-DD; null if it was not.
  PRIMARY KEY (assignment_id, student_id)
);
CREATE INDEX assignment_students_by_status ON assignment_students (assignment_id, status);
CREATE INDEX assignment_students_by_student ON assignment_students (student_id);

CREATE TABLE planted_effects ( -- The true effect of each assignment on the scores of the students who were given it.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the row, from 1 without gaps.
  assignment_id INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE, -- The assignment.
  standard_id INTEGER NOT NULL REFERENCES standards (id) ON DELETE CASCADE, -- A standard that it practises.
  status TEXT NOT NULL CHECK (status IN ('not_started', 'started', 'completed')), -- Status of the students.
  students INTEGER NOT NULL, -- Students with that status who took the impacted test and the one before it.
  effect REAL, -- Mean over these students of the expected score with their assignments minus that without, after clamping, in scale points; null if there are none.
  UNIQUE (assignment_id, standard_id, status)
);

CREATE TABLE impact_means ( -- Mean scores before and after each assignment of the students who completed it, and of classmates who were not given it.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the row, from 1 without gaps.
  assignment_id INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE, -- The assignment.
  standard_id INTEGER REFERENCES standards (id) ON DELETE CASCADE, -- The standard; null for the rounded mean of all standards that the assignment practises.
  treated INTEGER NOT NULL, -- Number of students who completed it and took both tests.
  control INTEGER NOT NULL, -- Number of students of the same rosters who were not given it and took both tests.
  treated_before REAL, -- Mean score of the treated on the test that it follows, in scale points; null if there are none.
  treated_after REAL, -- The same on the test that it impacts.
  treated_gain REAL, -- Their mean gain between the two.
  control_before REAL, -- Mean score of the control group on the test that it follows; null if there are none.
  control_after REAL, -- The same on the test that it impacts.
  control_gain REAL, -- Their mean gain between the two.
  UNIQUE (assignment_id, standard_id)
);

CREATE TABLE impact_estimates ( -- Estimates of each effect by three analyses, with the true effect.
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- Id of the row, from 1 without gaps.
  estimator TEXT NOT NULL CHECK (estimator IN ('did', 'did_fixed_effects', 'ancova')), -- The analysis: difference in differences; the same within rosters; the same within rosters, adjusted for the scores before.
  scope TEXT NOT NULL CHECK (scope IN ('assignment', 'standard', 'category')), -- What is estimated: the effect of an assignment on the mean of its standards or on one of them, or the pooled effect of a category's assignments.
  assignment_id INTEGER REFERENCES assignments (id) ON DELETE CASCADE, -- The assignment; null for a category.
  rc_id INTEGER REFERENCES reporting_categories (id) ON DELETE CASCADE, -- The reporting category of the assignment, or of the standard.
  standard_id INTEGER REFERENCES standards (id) ON DELETE CASCADE, -- The standard; null unless the scope is a standard.
  treated INTEGER NOT NULL, -- Number of students who completed the assignment and took the tests, in the rosters that the analysis uses; summed for a category.
  control INTEGER NOT NULL, -- Number of students of the same rosters who were not given it and took the tests; summed for a category.
  treated_gain REAL, -- Mean gain of the treated from the test that the assignment follows to the one that it impacts, in scale points; within rosters, the weighted mean over rosters.
  control_gain REAL, -- The same for the control group; in ancova, adjusted to the scores of the treated.
  effect REAL, -- The estimate: treated_gain minus control_gain.
  standard_error REAL, -- Standard error of the effect: Welch's, or clustered by roster; null if there are too few students or rosters.
  degrees_of_freedom REAL, -- Degrees of freedom: of Welch and Satterthwaite, or the number of rosters minus 1; null for a category, whose statistic is normal.
  t REAL, -- The effect divided by its standard error.
  p REAL, -- Two-sided p-value for no effect; 0 below the smallest floating-point number.
  low REAL, -- Lower end of the 95 % confidence interval.
  high REAL, -- Upper end of the 95 % confidence interval.
  planted REAL, -- The true effect: mean planted effect over the treated, in scale points.
  expected_bias REAL, -- Expected difference between the estimate and the planted effect, over the draws of growth alone.
  bias REAL, -- effect minus planted.
  covered INTEGER CHECK (covered IN (0, 1)), -- 1 if the interval contains the planted effect, 0 if not.
  surprise REAL -- Upper bound on the probability of a bias so far from the expected one, if the planted effects are in the data; null unless the estimator is did, and for a category.
);
CREATE INDEX impact_estimates_by_assignment ON impact_estimates (assignment_id);
