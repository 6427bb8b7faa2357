-- Overall scores are within the range that the pipeline clamps their test to.
-- stages: first_scores, next_scores
WITH sittings AS MATERIALIZED (
  SELECT DISTINCT
    tests.id AS test_id,
    json_extract(value, '$.params.clamp[0]') AS least,
    json_extract(value, '$.params.clamp[1]') AS most
  FROM json_each(:stages) JOIN tests ON tests.name = json_extract(value, '$.params.test')
)
SELECT scores.id, student_id, test_id, overall_score, least, most
FROM scores CROSS JOIN sittings USING (test_id)
WHERE
  overall_score NOT BETWEEN (SELECT max(least) FROM sittings) AND (SELECT min(most) FROM sittings) -- excludes nearly all rows
  AND overall_score NOT BETWEEN least AND most
