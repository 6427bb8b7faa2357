-- title: Assignments of a student
-- description: The assignments of one student, newest first, with their standards and the tests before and after them.
-- answer: object
-- parameters:
--   id: SELECT id FROM students
-- columns:
--   assignments:
--     - assignmentId: integer
--       name: text
--       platform: text
--       standards: [{id: integer, code: text, description: text}]
--       status: text
--       startedAt: date?
--       completedAt: date?
--       preTestName: text
--       postTestName: text?
WITH
given AS (
  SELECT
    assignments.id, assignments.name, platform, status, started_at, completed_at, created_at,
    pre.name AS pre_test_name, post.name AS post_test_name,
    (
      SELECT json_group_array(json_object('id', id, 'code', code, 'description', description))
      FROM (
        SELECT standards.id, standards.code, standards.description
        FROM assignment_standards
        JOIN standards ON standards.id = assignment_standards.standard_id
        WHERE assignment_standards.assignment_id = assignments.id
        ORDER BY standards.id
      )
    ) AS standards
  FROM assignment_students
  JOIN assignments ON assignments.id = assignment_students.assignment_id
  JOIN tests AS pre ON pre.id = assignments.created_after_test_id
  LEFT JOIN tests AS post ON post.id = assignments.impacted_test_id
  WHERE student_id = :id
)
SELECT
  json_group_array(
    json_object(
      'assignmentId', id,
      'name', name,
      'platform', platform,
      'standards', json(standards),
      'status', status,
      'startedAt', started_at,
      'completedAt', completed_at,
      'preTestName', pre_test_name,
      'postTestName', post_test_name
    )
  ) AS assignments
FROM (SELECT * FROM given ORDER BY created_at DESC, id)
