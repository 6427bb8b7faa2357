-- Rosters and students are created at the pipeline's as_of.
WITH clock AS MATERIALIZED (SELECT DISTINCT json_extract(:pipeline, '$.as_of') AS as_of)
SELECT 'roster' AS kind, id, created_at, as_of FROM clock CROSS JOIN rosters WHERE created_at IS NOT as_of
UNION ALL
SELECT 'student', id, created_at, as_of FROM clock CROSS JOIN students WHERE created_at IS NOT as_of
