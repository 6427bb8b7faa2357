-- title: Reporting categories of a roster
-- description: >-
--   The mean score of one roster in each reporting category on a test, by performance level. Levels without students
--   are left out.
-- answer: object
-- parameters:
--   id: SELECT id FROM rosters
-- query:
--   test_id: SELECT id FROM tests
-- path: rosters/[id]/tests/[test_id]/rc-breakdown
-- columns:
--   categories: [{rcId: integer, rcName: text, byLevel: [{level: integer, avgScore: integer}]}]
WITH
results AS ( -- CROSS JOIN: first the roster's students, then the score of each by its index
  SELECT scores.level, scores.rc_scores
  FROM students
  CROSS JOIN scores ON scores.student_id = students.id AND scores.test_id = :test_id
  WHERE students.roster_id = :id
),
means AS (
  SELECT CAST(category.key AS INTEGER) AS rc_id, level, CAST(round(avg(category.value)) AS INTEGER) AS mean
  FROM results, json_each(rc_scores) AS category
  GROUP BY rc_id, level
),
measured AS (
  SELECT rc_id, json_group_array(json_object('level', level, 'avgScore', mean)) AS by_level
  FROM (SELECT * FROM means ORDER BY rc_id, level)
  GROUP BY rc_id
)
SELECT
  json_group_array(
    json_object('rcId', id, 'rcName', name, 'byLevel', json(coalesce(by_level, '[]')))
  ) AS categories
FROM (SELECT * FROM reporting_categories LEFT JOIN measured ON rc_id = id ORDER BY id)
