-- title: Assignments
-- description: >-
--   Every assignment, newest first, with the standards that it practises and the number of students by status.
-- query:
--   group_id: {values: SELECT id FROM test_groups, required: false, description: Only assignments of this test group.}
--   roster_id: {values: SELECT id FROM rosters, required: false, description: Counts only students of this roster.}
-- columns:
--   id: assignments.id
--   name: assignments.name
--   platform: assignments.platform
--   group_id: assignments.group_id
--   rc_id: assignments.rc_id
--   rc_name: reporting_categories.name?
--   standards: [text]
--   standard_ids: [integer]
--   total_students: integer
--   not_started: integer
--   started: integer
--   completed: integer
--   students: {notStarted: integer, started: integer, completed: integer}
--   created_at: datetime assignments.created_at
--   created_after_test_id: assignments.created_after_test_id
--   impacted_test_id: assignments.impacted_test_id
WITH
practised AS (
  SELECT assignment_id, json_group_array(code) AS codes, json_group_array(standard_id) AS ids
  FROM (
    SELECT assignment_id, standard_id, code
    FROM assignment_standards
    JOIN standards ON standards.id = standard_id
    ORDER BY assignment_id, standard_id
  )
  GROUP BY assignment_id
),
given AS (
  SELECT assignment_id, status
  FROM assignment_students
  WHERE :roster_id IS NULL OR student_id IN (SELECT id FROM students WHERE roster_id = :roster_id)
),
counted AS (
  SELECT
    assignment_id,
    count(CASE status WHEN 'not_started' THEN 1 END) AS not_started,
    count(CASE status WHEN 'started' THEN 1 END) AS started,
    count(CASE status WHEN 'completed' THEN 1 END) AS completed
  FROM given
  GROUP BY assignment_id
)
SELECT
  assignments.id, assignments.name, platform, group_id, rc_id,
  reporting_categories.name AS rc_name,
  coalesce(practised.codes, '[]') AS standards,
  coalesce(practised.ids, '[]') AS standard_ids,
  coalesce(not_started + started + completed, 0) AS total_students,
  coalesce(not_started, 0) AS not_started,
  coalesce(started, 0) AS started,
  coalesce(completed, 0) AS completed,
  json_object(
    'notStarted', coalesce(not_started, 0),
    'started', coalesce(started, 0),
    'completed', coalesce(completed, 0)
  ) AS students,
  assignments.created_at, created_after_test_id, impacted_test_id
FROM assignments
LEFT JOIN reporting_categories ON reporting_categories.id = assignments.rc_id
LEFT JOIN practised ON practised.assignment_id = assignments.id
LEFT JOIN counted ON counted.assignment_id = assignments.id
WHERE :group_id IS NULL OR group_id = :group_id
ORDER BY assignments.created_at DESC, assignments.id
