-- title: Organisations
-- description: One district with one school.
SELECT
  'district' AS "sourcedId", NULL AS "status", NULL AS "dateLastModified", 'Example District' AS "name",
  'district' AS "type", NULL AS "identifier", NULL AS "parentSourcedId"
UNION ALL
SELECT 'school', NULL, NULL, 'Example School', 'school', NULL, 'district'
ORDER BY "sourcedId"
