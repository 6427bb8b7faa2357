-- Names of tests, categories and assignments, and codes of standards, are unique.
WITH names (kind, name) AS (
  SELECT 'test', name FROM tests
  UNION ALL SELECT 'category', name FROM reporting_categories
  UNION ALL SELECT 'assignment', name FROM assignments
  UNION ALL SELECT 'standard', code FROM standards
)
SELECT kind, name, count(*) AS times FROM names GROUP BY kind, name HAVING count(*) > 1
