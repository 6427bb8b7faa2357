-- title: Line items
-- description: Each test of a class that took it, each assignment of a class that got it.
--   An assignment is due on the day of the test that it impacts, in the term up to that test.
WITH
  sat AS (
    SELECT DISTINCT roster_id, test_id
    FROM scores
    JOIN students ON students.id = scores.student_id
  ),
  given AS (
    SELECT DISTINCT roster_id, assignment_id
    FROM assignment_students
    JOIN students ON students.id = assignment_students.student_id
  ),
  scale AS (
    SELECT min(min_score) AS low, max(max_score) AS high
    FROM performance_levels
  ),
  items AS (
    SELECT
      1 AS place, tests.id AS id, roster_id, 'test-' || tests.id AS name, tests.name AS title,
      administered_at AS assigned, administered_at AS due, 'tests' AS category, tests.id AS term, low, high
    FROM sat
    JOIN tests ON tests.id = sat.test_id, scale
    UNION ALL
    SELECT
      2, assignments.id, roster_id, 'assignment-' || assignments.id, assignments.name, date(created_at),
      administered_at, 'assignments', tests.id, NULL, NULL
    FROM given
    JOIN assignments ON assignments.id = given.assignment_id
    JOIN tests ON tests.id = coalesce(impacted_test_id, created_after_test_id)
  )
SELECT
  name || '-class-' || roster_id AS "sourcedId", NULL AS "status", NULL AS "dateLastModified", title AS "title",
  NULL AS "description", assigned AS "assignDate", due AS "dueDate", 'class-' || roster_id AS "classSourcedId",
  category AS "categorySourcedId", 'term-' || term AS "academicSessionSourcedId", low AS "resultValueMin",
  high AS "resultValueMax", 'school' AS "schoolSourcedId"
FROM items
ORDER BY place, id, roster_id
