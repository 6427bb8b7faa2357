-- From the second test on, the overall score is the mean of the rounded category scores, rounded half up.
-- stages: next_scores

-- The mean of k scores, rounded half up, is r if -k <= 2 (sum - k r) < k.
WITH
  nexts AS MATERIALIZED (
    SELECT DISTINCT tests.id AS test_id
    FROM json_each(:stages) JOIN tests ON tests.name = json_extract(value, '$.params.test')
  ),
  summed AS (
    SELECT
      student_id,
      test_id,
      overall_score,
      (SELECT count(*) FROM json_each(rc_scores)) AS number,
      (SELECT sum(value) FROM json_each(rc_scores)) AS total
    FROM scores CROSS JOIN nexts USING (test_id)
  )
SELECT * FROM summed WHERE 2 * (total - number * overall_score) NOT BETWEEN -number AND number - 1
