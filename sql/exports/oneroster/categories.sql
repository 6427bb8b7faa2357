-- title: Categories
-- description: What is graded is a test or an assignment.
SELECT
  'tests' AS "sourcedId", NULL AS "status", NULL AS "dateLastModified", 'Tests' AS "title", NULL AS "weight"
WHERE EXISTS (SELECT 1 FROM scores)
UNION ALL
SELECT 'assignments', NULL, NULL, 'Assignments', NULL
WHERE EXISTS (SELECT 1 FROM assignment_students)
ORDER BY "sourcedId"
