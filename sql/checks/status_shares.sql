-- The share of each status after each test is that of the pipeline's windows, within the limits of chance.
-- stages: window

-- By Hoeffding's inequality (1963) a count of n draws differs from its expectation by t with probability below
-- 2 exp(-2 t^2 / n), which is one in a million over a thousand comparisons if
-- t^2 > n ln(2 * 1000 * 1000000) / 2 = 10.71 n. If windows after one test differ in their shares, or driven students
-- do, the expectation is between the smallest and the largest share. Shares that vary by class or score are not checked.
WITH
  shares AS MATERIALIZED (
    SELECT
      tests.id AS test_id,
      tests.name,
      status.key AS status,
      min(CASE WHEN varied THEN 0 ELSE status.value END) AS least,
      max(CASE WHEN varied THEN 1 ELSE status.value END) AS most
    FROM (
      SELECT
        value,
        coalesce(json_extract(value, '$.params.status.classes'), 0) > 0
          OR json_extract(value, '$.params.status.by_score') IS NOT NULL AS varied
      FROM json_each(:stages)
    ) AS stage, json_tree(stage.value, '$.params.status') AS status
    JOIN tests ON tests.name = json_extract(stage.value, '$.params.after')
    WHERE status.key IN ('completed', 'started', 'not_started')
    GROUP BY tests.id, status.key
  ),
  given AS MATERIALIZED (
    SELECT created_after_test_id AS test_id, status, sum(number) AS number
    FROM (SELECT assignment_id, status, count(*) AS number FROM assignment_students GROUP BY assignment_id, status)
    JOIN assignments ON assignments.id = assignment_id
    GROUP BY created_after_test_id, status
  ),
  counted AS (
    SELECT
      shares.*,
      sum(number) AS total,
      coalesce(sum(number) FILTER (WHERE given.status = shares.status), 0) AS found
    FROM shares JOIN given USING (test_id)
    GROUP BY shares.test_id, shares.status
  ),
  compared AS (SELECT *, max(found - most * total, least * total - found, 0) AS excess FROM counted)
SELECT name AS after, status, found, total, least, most FROM compared WHERE excess * excess > 10.71 * total
