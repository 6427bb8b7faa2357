-- title: Students by standards
-- description: >-
--   The score of each student of one roster in each standard on a test, lowest overall score first, with the mean of
--   each standard and the number of students below proficiency.
-- answer: object
-- parameters:
--   id: SELECT id FROM rosters
-- query:
--   test_id: SELECT id FROM tests
-- path: rosters/[id]/tests/[test_id]/student-standard-matrix
-- columns:
--   students: [{id: integer, name: text, overallScore: integer, level: integer, standardScores: {"*": integer}}]
--   standards: [{id: integer, code: text, description: text, rcId: integer, rcName: text}]
--   summary:
--     proficiencyThreshold: integer
--     classAvgByStandard: {"*": integer}
--     belowProfByStandard: {"*": integer}
WITH
proficiency AS ( -- the two highest levels are proficient
  SELECT min(min_score) AS min_score
  FROM (SELECT min_score FROM performance_levels ORDER BY level DESC LIMIT 2)
),
results AS ( -- CROSS JOIN: first the roster's students, then the score of each by its index
  SELECT students.id, students.name, scores.overall_score, scores.level, scores.std_scores
  FROM students
  CROSS JOIN scores ON scores.student_id = students.id AND scores.test_id = :test_id
  WHERE students.roster_id = :id
),
measured AS (
  SELECT
    CAST(standard.key AS INTEGER) AS standard_id,
    CAST(round(avg(standard.value)) AS INTEGER) AS mean,
    count(CASE WHEN standard.value < (SELECT min_score FROM proficiency) THEN 1 END) AS below
  FROM results, json_each(std_scores) AS standard
  GROUP BY standard_id
),
all_standards AS (
  SELECT standards.id, standards.code, standards.description, rc_id, reporting_categories.name AS rc_name
  FROM standards
  JOIN reporting_categories ON reporting_categories.id = standards.rc_id
)
SELECT
  (
    SELECT
      json_group_array(
        json_object(
          'id', id,
          'name', name,
          'overallScore', overall_score,
          'level', level,
          'standardScores', json(std_scores)
        )
      )
    FROM (SELECT * FROM results ORDER BY overall_score, id)
  ) AS students,
  (
    SELECT
      json_group_array(
        json_object('id', id, 'code', code, 'description', description, 'rcId', rc_id, 'rcName', rc_name)
      )
    FROM (SELECT * FROM all_standards ORDER BY rc_id, id)
  ) AS standards,
  (
    SELECT
      json_object(
        'proficiencyThreshold', (SELECT min_score FROM proficiency),
        'classAvgByStandard', json(json_group_object(standard_id, mean)),
        'belowProfByStandard', json(json_group_object(standard_id, below))
      )
    FROM (SELECT * FROM measured ORDER BY standard_id)
  ) AS summary
