-- title: Standards of line items
-- description: The standards that each test and each assignment is about.
--   A test is about the standards that the scores of a class have; every student's scores have the same.
WITH
  sat AS (
    SELECT roster_id, test_id, min(scores.id) AS score_id
    FROM scores
    JOIN students ON students.id = scores.student_id
    GROUP BY roster_id, test_id
  ),
  given AS (
    SELECT DISTINCT roster_id, assignment_id
    FROM assignment_students
    JOIN students ON students.id = assignment_students.student_id
  ),
  items AS (
    SELECT 1 AS place, sat.test_id AS id, roster_id, 'test-' || sat.test_id AS name, CAST(key AS INTEGER) AS standard_id
    FROM sat
    JOIN scores ON scores.id = sat.score_id, json_each(std_scores)
    UNION ALL
    SELECT 2, given.assignment_id, roster_id, 'assignment-' || given.assignment_id, standard_id
    FROM given
    JOIN assignment_standards ON assignment_standards.assignment_id = given.assignment_id
  )
SELECT
  name || '-class-' || roster_id || '-standard-' || standard_id AS "sourcedId", NULL AS "status",
  NULL AS "dateLastModified", name || '-class-' || roster_id AS "lineItemSourcedId", 'unknown' AS "source",
  code AS "learningObjectiveId"
FROM items
JOIN standards ON standards.id = standard_id
ORDER BY place, items.id, roster_id, standard_id
