-- title: Assignments
-- description: Every assignment, with the standards that it practises and the number of students by status.
-- columns:
--   id: assignments.id
--   name: assignments.name
--   platform: assignments.platform
--   group_id: assignments.group_id
--   rc_id: assignments.rc_id
--   created_after_test_id: assignments.created_after_test_id
--   impacted_test_id: assignments.impacted_test_id
--   created_at: assignments.created_at
--   standards: [{id: integer, code: text}]
--   students: {notStarted: integer, started: integer, completed: integer}
SELECT
  id, name, platform, group_id, rc_id, created_after_test_id, impacted_test_id, created_at,
  (
    SELECT json_group_array(json_object('id', id, 'code', code))
    FROM (
      SELECT standards.id, standards.code
      FROM assignment_standards
      JOIN standards ON standards.id = assignment_standards.standard_id
      WHERE assignment_standards.assignment_id = assignments.id
      ORDER BY standards.id
    )
  ) AS standards,
  (
    SELECT json_object(
      'notStarted', count(CASE status WHEN 'not_started' THEN 1 END),
      'started', count(CASE status WHEN 'started' THEN 1 END),
      'completed', count(CASE status WHEN 'completed' THEN 1 END)
    )
    FROM assignment_students
    WHERE assignment_id = assignments.id
  ) AS students
FROM assignments
ORDER BY id
