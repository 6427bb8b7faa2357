-- Into each next test every standard's score moves by its growth, the largest of several, and is clamped.
-- stages: next_scores

-- Nothing in the database says who is driven, so anybody may be; each shard's numbers were held against who is.
WITH
  nexts AS MATERIALIZED (
    SELECT DISTINCT
      tests.id AS test_id,
      before.id AS before_id,
      json_extract(stage.value, '$.params.clamp[0]') AS lowest,
      json_extract(stage.value, '$.params.clamp[1]') AS highest,
      min(coalesce(json_extract(stage.value, '$.params.growth.driven'), 0), 0) AS driven_down,
      max(coalesce(json_extract(stage.value, '$.params.growth.driven'), 0), 0) AS driven_up,
      json_extract(stage.value, '$.params.growth.untouched[0]') AS least,
      json_extract(stage.value, '$.params.growth.untouched[1]') AS most,
      json_extract(stage.value, '$.params.growth.assigned') AS assigned
    FROM json_each(:stages) AS stage
    JOIN json_each(:pipeline, '$.stages') AS previous ON previous.key = json_extract(stage.value, '$.inputs.previous')
    JOIN tests ON tests.name = json_extract(stage.value, '$.params.test')
    JOIN tests AS before ON before.name = json_extract(previous.value, '$.params.test')
  ),
  growths AS MATERIALIZED (
    SELECT DISTINCT
      test_id,
      status.key AS status,
      json_extract(status.value, '$[0]') AS least,
      json_extract(status.value, '$[1]') AS most
    FROM nexts, json_each(assigned) AS status
  ),
  covered AS (
    SELECT student_id, growths.test_id, standard_id, max(growths.least) AS least, max(growths.most) AS most
    FROM assignment_students AS given
    CROSS JOIN assignments ON assignments.id = given.assignment_id
    CROSS JOIN growths ON growths.test_id = impacted_test_id AND growths.status = given.status
    CROSS JOIN assignment_standards ON assignment_standards.assignment_id = given.assignment_id
    GROUP BY student_id, growths.test_id, standard_id
  ),
  helped AS MATERIALIZED ( -- one document a student and test: looked up once, not once a standard
    SELECT student_id, test_id, json_group_object(standard_id, json_array(least, most)) AS ranges
    FROM covered
    GROUP BY student_id, test_id
  ),
  parts AS MATERIALIZED (SELECT DISTINCT id AS standard_id, '$."' || id || '"' AS path FROM standards),
  moves AS (
    SELECT
      now.student_id,
      now.test_id,
      standard_id,
      json_extract(was.std_scores, path) AS score_before,
      json_extract(now.std_scores, path) AS score,
      coalesce(json_extract(ranges, path || '[0]'), least) + driven_down AS least_growth,
      coalesce(json_extract(ranges, path || '[1]'), most) + driven_up AS most_growth,
      lowest,
      highest
    FROM scores AS now
    CROSS JOIN nexts USING (test_id)
    CROSS JOIN scores AS was ON was.student_id = now.student_id AND was.test_id = before_id
    LEFT JOIN helped ON helped.student_id = now.student_id AND helped.test_id = now.test_id
    CROSS JOIN parts
  )
SELECT student_id, test_id, standard_id, score_before, score, least_growth, most_growth
FROM moves
WHERE
  score NOT BETWEEN min(max(score_before + least_growth, lowest), highest)
    AND min(max(score_before + most_growth, lowest), highest)
