-- A student has a first and a last name, unique within the roster.

-- Only rosters with a name too many are grouped: grouping all students would sort them.
SELECT roster_id, name, count(*) AS students, min(id) AS first_id
FROM students
WHERE name NOT LIKE '_% _%' OR roster_id IN (
  SELECT id FROM rosters
  WHERE (SELECT count(*) > count(DISTINCT name) FROM students WHERE roster_id = rosters.id)
)
GROUP BY roster_id, name
HAVING count(*) > 1 OR name NOT LIKE '_% _%'
