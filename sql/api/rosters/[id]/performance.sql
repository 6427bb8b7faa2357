-- title: Performance of a roster
-- description: The number and percentage of one roster's students at each performance level on a test.
-- answer: object
-- parameters:
--   id: SELECT id FROM rosters
-- query:
--   test_id: SELECT id FROM tests
-- path: rosters/[id]/tests/[test_id]/performance
-- columns:
--   levels: [{level: integer, name: text, description: text, color: text, count: integer, percentage: number}]
--   total: integer
WITH
results AS ( -- CROSS JOIN: first the roster's students, then the score of each by its index
  SELECT scores.level
  FROM students
  CROSS JOIN scores ON scores.student_id = students.id AND scores.test_id = :test_id
  WHERE students.roster_id = :id
),
levels AS (
  SELECT
    level, name, description, color,
    (SELECT count(*) FROM results WHERE level = performance_levels.level) AS students
  FROM performance_levels
)
SELECT
  json_group_array(
    json_object(
      'level', level,
      'name', name,
      'description', description,
      'color', color,
      'count', students,
      'percentage', coalesce(round(1000.0 * students / total) / 10, 0)
    )
  ) AS levels,
  total
FROM (SELECT * FROM levels ORDER BY level)
CROSS JOIN (SELECT count(*) AS total FROM results)
