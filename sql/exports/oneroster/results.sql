-- title: Results
-- description: The scale score of every test, and how far everybody came with every assignment.
--   An assignment has no score. Its date is the day on which it was done or, if it was not, the day on which it was due.
WITH
  reached AS (
    SELECT
      1 AS place, scores.id AS id, 'score-' || scores.id AS name, 'test-' || test_id AS item, roster_id, student_id,
      'fully graded' AS score_status, overall_score AS score, administered_at AS day, performance_levels.name AS level,
      NULL AS in_progress, NULL AS missing
    FROM scores
    JOIN students ON students.id = scores.student_id
    JOIN tests ON tests.id = scores.test_id
    JOIN performance_levels ON performance_levels.level = scores.level
    UNION ALL
    SELECT
      2, assignments.id, 'assignment-' || assignments.id || '-student-' || student_id, 'assignment-' || assignments.id,
      roster_id, student_id, iif(status = 'completed', 'submitted', 'not submitted'), NULL,
      coalesce(completed_at, administered_at), NULL, iif(status = 'started', 'true', 'false'),
      iif(status = 'completed', 'false', 'true')
    FROM assignment_students
    JOIN students ON students.id = assignment_students.student_id
    JOIN assignments ON assignments.id = assignment_students.assignment_id
    JOIN tests ON tests.id = coalesce(impacted_test_id, created_after_test_id)
  )
SELECT
  name AS "sourcedId", NULL AS "status", NULL AS "dateLastModified",
  item || '-class-' || roster_id AS "lineItemSourcedId", 'student-' || student_id AS "studentSourcedId",
  score_status AS "scoreStatus", score AS "score", day AS "scoreDate",
  NULL AS "comment", level AS "textScore", 'class-' || roster_id AS "classSourcedId", in_progress AS "inProgress",
  NULL AS "incomplete", NULL AS "late", missing AS "missing"
FROM reached
ORDER BY place, id, student_id
