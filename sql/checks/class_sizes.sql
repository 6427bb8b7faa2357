-- The number of students in a roster is within the pipeline's class sizes.
-- stages: classes
WITH classes AS MATERIALIZED (
  SELECT DISTINCT json_extract(value, '$.params.size[0]') AS least, json_extract(value, '$.params.size[1]') AS most
  FROM json_each(:stages)
)
SELECT roster_id, students, least, most
FROM (
  -- Counted by the index: GROUP BY would sort all students.
  SELECT id AS roster_id, (SELECT count(*) FROM students WHERE roster_id = rosters.id) AS students
  FROM rosters
) CROSS JOIN classes
WHERE students NOT BETWEEN least AND most
