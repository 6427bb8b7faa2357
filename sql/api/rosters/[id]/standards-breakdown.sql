-- title: Standards of a roster
-- description: >-
--   The mean score of one roster in each standard on a test, of all its students and by performance level, and how many
--   are below proficiency.
-- answer: object
-- parameters:
--   id: SELECT id FROM rosters
-- query:
--   test_id: SELECT id FROM tests
-- path: rosters/[id]/tests/[test_id]/standards-breakdown
-- columns:
--   categories:
--     - rcId: integer
--       rcName: text
--       standards:
--         - standardId: integer
--           code: text
--           description: text
--           domain: text
--           overallAvg: integer?
--           belowProficiencyCount: integer
--           totalCount: integer
--           belowProficiencyPct: integer
--           byLevel: [{level: integer, avgScore: integer, count: integer}]
WITH
proficiency AS ( -- the two highest levels are proficient
  SELECT min(min_score) AS min_score
  FROM (SELECT min_score FROM performance_levels ORDER BY level DESC LIMIT 2)
),
marks AS ( -- CROSS JOIN: first the roster's students, then the score of each by its index
  SELECT CAST(standard.key AS INTEGER) AS standard_id, scores.level, standard.value AS score
  FROM students
  CROSS JOIN scores ON scores.student_id = students.id AND scores.test_id = :test_id
  JOIN json_each(scores.std_scores) AS standard
  WHERE students.roster_id = :id
),
levels AS (
  SELECT
    standard_id, level,
    count(*) AS students,
    sum(score) AS points,
    count(CASE WHEN score < (SELECT min_score FROM proficiency) THEN 1 END) AS below
  FROM marks
  GROUP BY standard_id, level
),
measured AS (
  SELECT
    standard_id,
    sum(students) AS students,
    CAST(round(1.0 * sum(points) / sum(students)) AS INTEGER) AS mean,
    sum(below) AS below,
    json_group_array(
      json_object('level', level, 'avgScore', CAST(round(1.0 * points / students) AS INTEGER), 'count', students)
    ) AS by_level
  FROM (SELECT * FROM levels ORDER BY standard_id, level)
  GROUP BY standard_id
),
categories AS (
  SELECT
    rc_id,
    json_group_array(
      json_object(
        'standardId', id,
        'code', code,
        'description', description,
        'domain', domain,
        'overallAvg', mean,
        'belowProficiencyCount', coalesce(below, 0),
        'totalCount', coalesce(students, 0),
        'belowProficiencyPct', CAST(coalesce(round(100.0 * below / students), 0) AS INTEGER),
        'byLevel', json(coalesce(by_level, '[]'))
      )
    ) AS standards
  FROM (SELECT * FROM standards LEFT JOIN measured ON standard_id = id ORDER BY rc_id, id)
  GROUP BY rc_id
)
SELECT
  json_group_array(
    json_object('rcId', id, 'rcName', name, 'standards', json(coalesce(standards, '[]')))
  ) AS categories
FROM (SELECT * FROM reporting_categories LEFT JOIN categories ON rc_id = id ORDER BY id)
