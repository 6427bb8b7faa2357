-- title: Users
-- description: The teachers, then the students. Nobody has an e-mail address or a telephone.
--   A teacher is what precedes the dash in a roster's name, a title and a last name; the title is the given name.
WITH
  teachers AS (
    SELECT min(id) AS id, substr(name, 1, instr(name || ' - ', ' - ') - 1) AS name
    FROM rosters
    GROUP BY 2
  ),
  people AS (
    SELECT 1 AS place, id, 'teacher-' || id AS sourced_id, name, NULL AS identifier
    FROM teachers
    UNION ALL
    SELECT 2, id, 'student-' || id, name, external_id
    FROM students
  )
SELECT
  sourced_id AS "sourcedId", NULL AS "status", NULL AS "dateLastModified", 'true' AS "enabledUser",
  sourced_id AS "username", NULL AS "userIds", substr(name, 1, instr(name || ' ', ' ') - 1) AS "givenName",
  coalesce(nullif(substr(name, instr(name || ' ', ' ') + 1), ''), name) AS "familyName", NULL AS "middleName",
  identifier AS "identifier", NULL AS "email", NULL AS "sms", NULL AS "phone", NULL AS "agentSourcedIds",
  NULL AS "grades", NULL AS "password", NULL AS "userMasterIdentifier", NULL AS "resourceSourcedIds",
  NULL AS "preferredGivenName", NULL AS "preferredMiddleName", NULL AS "preferredFamilyName",
  'school' AS "primaryOrgSourcedId", NULL AS "pronouns"
FROM people
ORDER BY place, id
