-- Every student has a score on each test of the pipeline, unless they missed it or left, and on no other test.
-- stages: first_scores, next_scores

-- No student can have two scores on one test, so counting is enough if nobody may miss a test or leave. Otherwise the
-- count must be near its expectation, which is in a range where the chronically absent have shares of their own. By Hoeffding's inequality (1963) a count of n draws differs from its expectation
-- by t with probability below 2 exp(-2 t^2 / n), which is one in a million over a thousand comparisons if
-- t^2 > n ln(2 * 1000 * 1000000) / 2 = 10.71 n. A student without a test that nobody may miss has left for good.
WITH RECURSIVE
  given AS MATERIALIZED (
    SELECT
      tests.id AS test_id,
      row_number() OVER (ORDER BY tests.sequence) AS place,
      min(missed, missed_chronic) AS least_missed,
      max(missed, missed_chronic) AS most_missed,
      min(gone, gone_chronic) AS least_gone,
      max(gone, gone_chronic) AS most_gone
    FROM (
      SELECT
        json_extract(value, '$.params.test') AS test,
        coalesce(json_extract(value, '$.params.missed'), 0) AS missed,
        coalesce(json_extract(value, '$.params.missed_chronic'), json_extract(value, '$.params.missed'), 0)
          AS missed_chronic,
        coalesce(json_extract(value, '$.params.left'), 0) AS gone,
        coalesce(json_extract(value, '$.params.left_chronic'), json_extract(value, '$.params.left'), 0) AS gone_chronic
      FROM json_each(:stages)
    ) JOIN tests ON tests.name = test
    GROUP BY tests.id
  ),
  staying (place, least_here, most_here) AS (
    SELECT 0, 1, 1
    UNION ALL
    SELECT given.place, least_here * (1 - most_gone), most_here * (1 - least_gone)
    FROM staying JOIN given ON given.place = staying.place + 1
  ),
  everyone AS MATERIALIZED (SELECT count(*) AS students FROM students),
  taken AS MATERIALIZED (SELECT test_id, count(*) AS scores FROM scores GROUP BY test_id),
  counted AS (
    SELECT
      tests.id,
      tests.name,
      students,
      coalesce(taken.scores, 0) AS scores,
      coalesce(least_here * (1 - most_missed), 0) AS least,
      coalesce(most_here * (1 - least_missed), 0) AS most,
      CASE
        WHEN most_missed = 0 AND least_here < 1 THEN (
          SELECT count(*)
          FROM scores JOIN tests AS later ON later.id = scores.test_id
          WHERE later.sequence > tests.sequence
            AND NOT EXISTS (
              SELECT 1 FROM scores AS own WHERE own.student_id = scores.student_id AND own.test_id = tests.id
            )
        )
        ELSE 0
      END AS returned
    FROM everyone CROSS JOIN tests
    LEFT JOIN given ON given.test_id = tests.id
    LEFT JOIN staying USING (place)
    LEFT JOIN taken ON taken.test_id = tests.id
  )
SELECT
  name,
  scores,
  least * students AS at_least,
  most * students AS at_most,
  returned,
  (
    SELECT min(id) FROM students
    WHERE most > 0 AND NOT EXISTS (SELECT 1 FROM scores WHERE student_id = students.id AND test_id = counted.id)
  ) AS first_student_without
FROM (SELECT *, max(scores - most * students, least * students - scores, 0) AS excess FROM counted) AS counted
WHERE returned > 0 OR excess * excess > (most > 0 AND least < 1) * 10.71 * students
