-- title: Roles
-- description: Every user has one role at the school.
WITH
  people AS (
    SELECT min(id) AS id, 'teacher' AS role
    FROM rosters
    GROUP BY substr(name, 1, instr(name || ' - ', ' - ') - 1)
    UNION ALL
    SELECT id, 'student'
    FROM students
  )
SELECT
  'role-' || role || '-' || id AS "sourcedId", NULL AS "status", NULL AS "dateLastModified",
  role || '-' || id AS "userSourcedId", 'primary' AS "roleType", role AS "role", NULL AS "beginDate",
  NULL AS "endDate", 'school' AS "orgSourcedId", NULL AS "userProfileSourcedId"
FROM people
ORDER BY role DESC, id
