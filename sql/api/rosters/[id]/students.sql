-- title: Students of a roster
-- description: The students of one roster who took a test, with their results.
-- answer: object
-- parameters:
--   id: SELECT id FROM rosters
-- query:
--   test_id: {values: SELECT id FROM tests, required: false, description: "The test; without it, the latest."}
--   level: {values: SELECT level FROM performance_levels, required: false, description: Only students at this level.}
--   rc:
--     values: SELECT id FROM reporting_categories
--     required: false
--     description: Only students who are below proficiency in this reporting category.
--   search: {type: text, required: false, description: "Only students whose name contains this text, in any case."}
--   sort:
--     values: >-
--       SELECT value FROM json_each('["name", "level", "overallScore"]')
--       UNION ALL SELECT 'rc_' || id FROM reporting_categories
--     default: name
--     description: The key to sort by; rc_1 is the score in reporting category 1.
--   order: {values: [asc, desc], default: asc, description: Whether the least or the greatest comes first.}
-- path: rosters/[id]/tests/[test_id]/students
-- columns:
--   students:
--     - id: integer
--       name: text
--       level: integer
--       overallScore: integer
--       rcScores: {"*": integer}
--       assignmentCount: integer
--       rosterId: integer
--       externalId: text?
--       createdAt: datetime?
--   total: integer
WITH
test AS (
  SELECT coalesce(:test_id, (SELECT id FROM tests ORDER BY administered_at DESC, id DESC LIMIT 1)) AS id
),
proficiency AS ( -- the two highest levels are proficient
  SELECT min(min_score) AS min_score
  FROM (SELECT min_score FROM performance_levels ORDER BY level DESC LIMIT 2)
),
results AS ( -- CROSS JOIN: first the roster's students, then the score of each by its index
  SELECT
    students.id, students.name, scores.level, scores.overall_score, scores.rc_scores,
    students.roster_id, students.external_id, students.created_at,
    (SELECT count(*) FROM assignment_students WHERE student_id = students.id) AS assignment_count,
    CASE :sort
      WHEN 'name' THEN students.name
      WHEN 'level' THEN scores.level
      WHEN 'overallScore' THEN scores.overall_score
      ELSE json_extract(scores.rc_scores, replace(:sort, 'rc_', '$."') || '"')
    END AS sorted_by
  FROM students
  CROSS JOIN scores ON scores.student_id = students.id AND scores.test_id = (SELECT id FROM test)
  WHERE students.roster_id = :id
    AND (:level IS NULL OR scores.level = :level)
    AND (:search IS NULL OR instr(lower(students.name), lower(:search)))
    AND (
      :rc IS NULL
      OR json_extract(scores.rc_scores, '$."' || :rc || '"') < (SELECT min_score FROM proficiency)
    )
)
SELECT
  json_group_array(
    json_object(
      'id', id,
      'name', name,
      'level', level,
      'overallScore', overall_score,
      'rcScores', json(rc_scores),
      'assignmentCount', assignment_count,
      'rosterId', roster_id,
      'externalId', external_id,
      'createdAt', created_at
    )
  ) AS students,
  count(*) AS total
FROM (
  SELECT *
  FROM results
  ORDER BY CASE :order WHEN 'asc' THEN sorted_by END, CASE :order WHEN 'desc' THEN sorted_by END DESC, name, id
)
