-- The classes as the dashboard's rosters.
SELECT id, name, $created_at AS created_at
FROM classes
ORDER BY id
