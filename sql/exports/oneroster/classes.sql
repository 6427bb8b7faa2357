-- title: Classes
-- description: One class a roster, in all terms.
WITH
  named AS (
    SELECT
      id, name,
      coalesce(nullif(substr(name, instr(name || ' - ', ' - ') + 3), ''), name) AS subject
    FROM rosters
  )
SELECT
  'class-' || id AS "sourcedId", NULL AS "status", NULL AS "dateLastModified", name AS "title", NULL AS "grades",
  'course-' || min(id) OVER (PARTITION BY subject) AS "courseSourcedId", NULL AS "classCode",
  'scheduled' AS "classType", NULL AS "location", 'school' AS "schoolSourcedId",
  (SELECT group_concat('term-' || id) FROM (SELECT id FROM tests ORDER BY administered_at, id)) AS "termSourcedIds",
  subject AS "subjects", NULL AS "subjectCodes", NULL AS "periods"
FROM named
ORDER BY id
