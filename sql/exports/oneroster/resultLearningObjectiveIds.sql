-- title: Results by standard
-- description: The scale score of every standard of every test.
SELECT
  'score-' || scores.id || '-standard-' || standards.id AS "sourcedId", NULL AS "status", NULL AS "dateLastModified",
  'score-' || scores.id AS "resultSourcedId", 'unknown' AS "source", code AS "learningObjectiveId", value AS "score",
  NULL AS "textScore"
FROM scores, json_each(std_scores)
JOIN standards ON standards.id = CAST(key AS INTEGER)
ORDER BY scores.id
