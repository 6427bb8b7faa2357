-- title: Score scales of line items
-- description: Every test is read by the performance levels.
WITH
  sat AS (
    SELECT DISTINCT roster_id, test_id
    FROM scores
    JOIN students ON students.id = scores.student_id
  )
SELECT
  'test-' || test_id || '-class-' || roster_id || '-scale' AS "sourcedId", NULL AS "status", NULL AS "dateLastModified",
  NULL AS "title", 'test-' || test_id || '-class-' || roster_id AS "lineItemSourcedId",
  'scale-class-' || roster_id AS "scoreScaleSourcedId"
FROM sat
ORDER BY test_id, roster_id
