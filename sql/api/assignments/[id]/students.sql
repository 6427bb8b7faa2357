-- title: Students of an assignment
-- description: The students who were given one assignment and their status, sorted by student id.
-- parameters:
--   id: SELECT id FROM assignments
-- columns:
--   student_id: assignment_students.student_id
--   name: students.name
--   roster_id: students.roster_id
--   status: assignment_students.status
--   started_at: assignment_students.started_at
--   completed_at: assignment_students.completed_at
SELECT student_id, students.name, roster_id, status, started_at, completed_at
FROM assignment_students
JOIN students ON students.id = assignment_students.student_id
WHERE assignment_id = :id
ORDER BY student_id
