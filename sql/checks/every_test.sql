-- Every student has a score on each test of the pipeline, unless they missed it or left, and on no other test.
-- stages: first_scores, next_scores

-- No student can have two scores on one test, so counting is enough if nobody may miss a test or leave. Otherwise the
-- count must be near its expectation. By Hoeffding's inequality (1963) a count of n draws differs from its expectation
-- by t with probability below 2 exp(-2 t^2 / n), which is one in a million over a thousand comparisons if
-- t^2 > n ln(2 * 1000 * 1000000) / 2 = 10.71 n. A student without a test that nobody may miss has left for good.
WITH RECURSIVE
  given AS MATERIALIZED (
    SELECT
      tests.id AS test_id,
      row_number() OVER (ORDER BY tests.sequence) AS place,
      max(coalesce(json_extract(value, '$.params.missed'), 0)) AS missed,
      max(coalesce(json_extract(value, '$.params.left'), 0)) AS gone
    FROM json_each(:stages) JOIN tests ON tests.name = json_extract(value, '$.params.test')
    GROUP BY tests.id
  ),
  staying (place, here) AS (
    SELECT 0, 1
    UNION ALL SELECT given.place, here * (1 - gone) FROM staying JOIN given ON given.place = staying.place + 1
  ),
  everyone AS MATERIALIZED (SELECT count(*) AS students FROM students),
  taken AS MATERIALIZED (SELECT test_id, count(*) AS scores FROM scores GROUP BY test_id),
  counted AS (
    SELECT
      tests.id,
      tests.name,
      students,
      coalesce(taken.scores, 0) AS scores,
      coalesce(here * (1 - missed), 0) AS share,
      CASE
        WHEN missed = 0 AND here < 1 THEN (
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
  share * students AS must_be,
  returned,
  (
    SELECT min(id) FROM students
    WHERE share > 0 AND NOT EXISTS (SELECT 1 FROM scores WHERE student_id = students.id AND test_id = counted.id)
  ) AS first_student_without
FROM counted
WHERE
  returned > 0
  OR (scores - share * students) * (scores - share * students) > (0 < share AND share < 1) * 10.71 * students
