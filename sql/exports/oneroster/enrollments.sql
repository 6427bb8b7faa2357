-- title: Enrollments
-- description: The teacher of each class, then its students.
WITH
  taught AS (
    SELECT id, min(id) OVER (PARTITION BY substr(name, 1, instr(name || ' - ', ' - ') - 1)) AS teacher
    FROM rosters
  ),
  enrolled AS (
    SELECT 1 AS place, id AS roster_id, 'teacher' AS role, teacher AS person, 'true' AS is_primary
    FROM taught
    UNION ALL
    SELECT 2, roster_id, 'student', id, NULL
    FROM students
  )
SELECT
  'enrollment-' || role || '-' || person || '-' || roster_id AS "sourcedId", NULL AS "status",
  NULL AS "dateLastModified", 'class-' || roster_id AS "classSourcedId", 'school' AS "schoolSourcedId",
  role || '-' || person AS "userSourcedId", role AS "role", is_primary AS "primary", NULL AS "beginDate",
  NULL AS "endDate"
FROM enrolled
ORDER BY place, roster_id, person
