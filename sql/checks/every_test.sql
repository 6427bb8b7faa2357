-- Every student has a score on every test that the pipeline gives, and none on another.

-- No student can have two scores on one test, so counting is enough.
WITH
  given AS MATERIALIZED (
    SELECT DISTINCT json_extract(value, '$.params.test') AS name
    FROM json_each(:pipeline, '$.stages')
    WHERE json_extract(value, '$.python') IN ('first_scores', 'next_scores')
  ),
  taken AS MATERIALIZED (SELECT test_id, count(*) AS scores FROM scores GROUP BY test_id),
  counted AS (
    SELECT
      tests.id,
      tests.name,
      coalesce(taken.scores, 0) AS scores,
      CASE WHEN tests.name IN (SELECT name FROM given) THEN (SELECT count(*) FROM students) ELSE 0 END AS must_be
    FROM tests LEFT JOIN taken ON taken.test_id = tests.id
  )
SELECT
  name,
  scores,
  must_be,
  (
    SELECT min(id) FROM students
    WHERE must_be > 0 AND NOT EXISTS (SELECT 1 FROM scores WHERE student_id = students.id AND test_id = counted.id)
  ) AS first_student_without
FROM counted
WHERE scores <> must_be
