-- title: Students of an assignment
-- description: The students who were given one assignment and their status, sorted by name.
-- parameters:
--   id: SELECT id FROM assignments
-- query:
--   roster_id: {values: SELECT id FROM rosters, required: false, description: Only students of this roster.}
-- columns:
--   student_id: assignment_students.student_id
--   student_name: students.name
--   roster_id: students.roster_id
--   status: assignment_students.status
--   started_at: date assignment_students.started_at
--   completed_at: date assignment_students.completed_at
SELECT student_id, students.name AS student_name, roster_id, status, started_at, completed_at
FROM assignment_students
JOIN students ON students.id = assignment_students.student_id
WHERE assignment_id = :id AND (:roster_id IS NULL OR roster_id = :roster_id)
ORDER BY students.name, student_id
