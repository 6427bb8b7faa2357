-- Category and standard scores are within the range that the pipeline clamps their test to.
-- stages: first_scores, next_scores
WITH sittings AS MATERIALIZED (
  SELECT DISTINCT
    tests.id AS test_id,
    json_extract(value, '$.params.clamp[0]') AS least,
    json_extract(value, '$.params.clamp[1]') AS most
  FROM json_each(:stages) JOIN tests ON tests.name = json_extract(value, '$.params.test')
)
SELECT scores.id, student_id, test_id, least, most, rc_scores, std_scores
FROM scores CROSS JOIN sittings USING (test_id)
WHERE
  EXISTS (SELECT 1 FROM json_each(rc_scores) WHERE value NOT BETWEEN least AND most)
  OR EXISTS (SELECT 1 FROM json_each(std_scores) WHERE value NOT BETWEEN least AND most)
