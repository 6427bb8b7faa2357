-- title: A student
-- description: One student with scores on every test, down to each standard. Keys of rcScores and stdScores are ids.
-- answer: object
-- parameters:
--   id: SELECT id FROM students
-- columns:
--   id: students.id
--   name: students.name
--   roster_id: students.roster_id
--   roster_name: rosters.name
--   external_id: students.external_id
--   scores:
--     - testId: integer
--       testName: text
--       sequence: integer
--       administeredAt: date?
--       overallScore: integer
--       level: integer
--       rcScores: {"*": {name: text, score: integer}}
--       stdScores: {"*": {code: text, description: text, rcId: integer, score: integer}}
--   created_at: datetime students.created_at
WITH
results AS (
  SELECT
    test_id, group_id, name, sequence, administered_at, overall_score, level,
    (
      SELECT json_group_object(key, json_object('name', name, 'score', value))
      FROM json_each(rc_scores)
      JOIN reporting_categories ON reporting_categories.id = CAST(key AS INTEGER)
    ) AS rc_scores,
    (
      SELECT
        json_group_object(
          key, json_object('code', code, 'description', description, 'rcId', rc_id, 'score', value)
        )
      FROM json_each(std_scores)
      JOIN standards ON standards.id = CAST(key AS INTEGER)
    ) AS std_scores
  FROM scores
  JOIN tests ON tests.id = scores.test_id
  WHERE student_id = :id
)
SELECT
  students.id, students.name, roster_id, rosters.name AS roster_name, external_id,
  (
    SELECT
      json_group_array(
        json_object(
          'testId', test_id,
          'testName', name,
          'sequence', sequence,
          'administeredAt', administered_at,
          'overallScore', overall_score,
          'level', level,
          'rcScores', json(rc_scores),
          'stdScores', json(std_scores)
        )
      )
    FROM (SELECT * FROM results ORDER BY group_id, sequence)
  ) AS scores,
  students.created_at
FROM students
JOIN rosters ON rosters.id = students.roster_id
WHERE students.id = :id
