-- title: Reporting categories
-- description: Every reporting category; its id is the key in a student's rcScores.
-- columns:
--   id: reporting_categories.id
--   name: reporting_categories.name
--   description: reporting_categories.description
SELECT id, name, description
FROM reporting_categories
ORDER BY id
