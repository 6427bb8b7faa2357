-- The number of students in a roster is within the pipeline's class sizes.
-- stages: classes
WITH classes AS MATERIALIZED (
  SELECT DISTINCT json_extract(value, '$.params.size[0]') AS least, json_extract(value, '$.params.size[1]') AS most
  FROM json_each(:stages)
)
SELECT rosters.id AS roster_id, count(students.id) AS students, least, most
FROM classes
CROSS JOIN rosters
LEFT JOIN students ON students.roster_id = rosters.id
GROUP BY rosters.id
HAVING count(students.id) NOT BETWEEN least AND most
