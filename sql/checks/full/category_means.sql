-- From the second test on, a category score is the mean of its standards' scores, rounded half up.
-- stages: next_scores

-- The mean of k scores, rounded half up, is r if -k <= 2 (sum - k r) < k.
WITH
  nexts AS MATERIALIZED (
    SELECT DISTINCT tests.id AS test_id
    FROM json_each(:stages) JOIN tests ON tests.name = json_extract(value, '$.params.test')
  ),
  parts AS MATERIALIZED (SELECT DISTINCT rc_id, '$."' || id || '"' AS path FROM standards),
  categories AS MATERIALIZED (
    SELECT rc_id, count(*) AS number, '$."' || rc_id || '"' AS path FROM standards GROUP BY rc_id
  ),
  summed AS (
    SELECT
      student_id,
      test_id,
      rc_id,
      number,
      (SELECT sum(json_extract(std_scores, parts.path)) FROM parts WHERE parts.rc_id = categories.rc_id) AS total,
      json_extract(rc_scores, categories.path) AS category_score
    FROM scores CROSS JOIN nexts USING (test_id) CROSS JOIN categories
  )
SELECT * FROM summed WHERE 2 * (total - number * category_score) NOT BETWEEN -number AND number - 1
