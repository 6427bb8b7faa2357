-- There are as many rosters as the pipeline has classes, with ids from 1 without gaps.
-- stages: classes
WITH classes AS MATERIALIZED (
  SELECT DISTINCT json_extract(value, '$.params.count') AS classes
  FROM json_each(:stages)
)
SELECT classes, count(rosters.id) AS rosters, min(rosters.id) AS first_id, max(rosters.id) AS last_id
FROM classes LEFT JOIN rosters
GROUP BY classes
HAVING count(rosters.id) <> classes OR min(rosters.id) <> 1 OR max(rosters.id) <> classes
