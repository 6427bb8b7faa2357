-- Roster names are unique.
SELECT name, count(*) AS rosters, min(id) AS first_id FROM rosters GROUP BY name HAVING count(*) > 1
