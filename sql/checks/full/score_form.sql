-- Category and standard scores are compact JSON objects, {"1":5420,"2":5510}, with ids as keys, in order.
WITH keys AS MATERIALIZED (
  SELECT
    (SELECT group_concat(rc_id) FROM (SELECT DISTINCT rc_id FROM standards ORDER BY rc_id)) AS categories,
    (SELECT group_concat(id) FROM (SELECT id FROM standards ORDER BY id)) AS standards
)
SELECT scores.id, student_id, test_id, rc_scores, std_scores
FROM keys CROSS JOIN scores
WHERE
  rc_scores <> json(rc_scores)
  OR std_scores <> json(std_scores)
  OR categories IS NOT (SELECT group_concat(key) FROM json_each(rc_scores) WHERE type = 'integer')
  OR standards IS NOT (SELECT group_concat(key) FROM json_each(std_scores) WHERE type = 'integer')
