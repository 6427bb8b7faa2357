SELECT size, count(*) AS rosters
FROM (SELECT count(students.id) AS size FROM rosters LEFT JOIN students ON roster_id = rosters.id GROUP BY rosters.id)
GROUP BY size ORDER BY size
