-- There is at least one test, category, standard and performance level.
WITH tables (name, rows) AS (
  SELECT 'performance_levels', count(*) FROM performance_levels
  UNION ALL SELECT 'test_groups', count(*) FROM test_groups
  UNION ALL SELECT 'tests', count(*) FROM tests
  UNION ALL SELECT 'reporting_categories', count(*) FROM reporting_categories
  UNION ALL SELECT 'standards', count(*) FROM standards
)
SELECT name AS empty_table FROM tables WHERE rows = 0
