-- title: Students by one standard
-- description: >-
--   One standard, and the students of one roster sorted by their score in it on a test: whether they are proficient and
--   have an assignment that practises it.
-- answer: object
-- parameters:
--   id: SELECT id FROM rosters
-- query:
--   test_id: SELECT id FROM tests
--   standard_id: SELECT id FROM standards
-- path: rosters/[id]/tests/[test_id]/standards/[standard_id]/students
-- columns:
--   standard: {id: integer, code: text, description: text, rcId: integer, rcName: text}
--   students:
--     - id: integer
--       name: text
--       overallScore: integer
--       overallLevel: integer
--       standardScore: integer
--       isProficient: boolean
--       hasAssignment: boolean
WITH
proficiency AS ( -- the two highest levels are proficient
  SELECT min(min_score) AS min_score
  FROM (SELECT min_score FROM performance_levels ORDER BY level DESC LIMIT 2)
),
results AS ( -- CROSS JOIN: first the roster's students, then the score of each by its index
  SELECT
    students.id, students.name, scores.overall_score, scores.level,
    json_extract(scores.std_scores, '$."' || :standard_id || '"') AS score,
    EXISTS (
      SELECT 1
      FROM assignment_students
      JOIN assignment_standards ON assignment_standards.assignment_id = assignment_students.assignment_id
      WHERE student_id = students.id AND standard_id = :standard_id
    ) AS practises
  FROM students
  CROSS JOIN scores ON scores.student_id = students.id AND scores.test_id = :test_id
  WHERE students.roster_id = :id AND score IS NOT NULL
)
SELECT
  json_object(
    'id', standards.id,
    'code', standards.code,
    'description', standards.description,
    'rcId', reporting_categories.id,
    'rcName', reporting_categories.name
  ) AS standard,
  (
    SELECT
      json_group_array(
        json_object(
          'id', id,
          'name', name,
          'overallScore', overall_score,
          'overallLevel', level,
          'standardScore', score,
          'isProficient', json(iif(score >= (SELECT min_score FROM proficiency), 'true', 'false')),
          'hasAssignment', json(iif(practises, 'true', 'false'))
        )
      )
    FROM (SELECT * FROM results ORDER BY score, id)
  ) AS students
FROM standards
JOIN reporting_categories ON reporting_categories.id = standards.rc_id
WHERE standards.id = :standard_id
