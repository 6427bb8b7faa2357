-- On a first test a category differs from the overall score, and a standard from its category, by an allowed jitter.
-- stages: first_scores

-- Not where the test has errors: then the rule is about true scores, which are not in the database.
WITH
  firsts AS MATERIALIZED (
    SELECT DISTINCT
      tests.id AS test_id,
      json_extract(value, '$.params.clamp[0]') AS least,
      json_extract(value, '$.params.clamp[1]') AS most,
      json_extract(value, '$.params.category_jitter[0]') AS category_down,
      json_extract(value, '$.params.category_jitter[1]') AS category_up,
      json_extract(value, '$.params.standard_jitter[0]') AS standard_down,
      json_extract(value, '$.params.standard_jitter[1]') AS standard_up
    FROM json_each(:stages) JOIN tests ON tests.name = json_extract(value, '$.params.test')
    WHERE json_extract(value, '$.params.error') IS NULL
  ),
  parts AS MATERIALIZED (
    SELECT DISTINCT rc_id, id AS standard_id, '$."' || rc_id || '"' AS rc_path, '$."' || id || '"' AS std_path
    FROM standards
  ),
  drawn AS (
    SELECT
      firsts.*,
      student_id,
      overall_score,
      rc_id,
      json_extract(rc_scores, rc_path) AS category_score,
      standard_id,
      json_extract(std_scores, std_path) AS standard_score
    FROM scores CROSS JOIN firsts USING (test_id) CROSS JOIN parts
  )
SELECT student_id, test_id, overall_score, rc_id, category_score, standard_id, standard_score
FROM drawn
WHERE
  category_score NOT BETWEEN min(max(overall_score + category_down, least), most)
    AND min(max(overall_score + category_up, least), most)
  OR standard_score NOT BETWEEN min(max(category_score + standard_down, least), most)
    AND min(max(category_score + standard_up, least), most)
