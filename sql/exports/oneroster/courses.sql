-- title: Courses
-- description: One course a subject, which is what follows the dash in a roster's name.
WITH
  named AS (
    SELECT
      id,
      coalesce(nullif(substr(name, instr(name || ' - ', ' - ') + 3), ''), name) AS subject
    FROM rosters
  )
SELECT
  'course-' || min(id) AS "sourcedId", NULL AS "status", NULL AS "dateLastModified", 'year' AS "schoolYearSourcedId",
  subject AS "title", NULL AS "courseCode", NULL AS "grades", 'school' AS "orgSourcedId", subject AS "subjects",
  NULL AS "subjectCodes"
FROM named
GROUP BY subject
ORDER BY min(id)
