-- A student has a first and a last name, unique within the roster.
SELECT roster_id, name, count(*) AS students, min(id) AS first_id
FROM students
GROUP BY roster_id, name
HAVING count(*) > 1 OR name NOT LIKE '_% _%'
