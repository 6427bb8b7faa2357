-- title: Students of a roster
-- description: The students of one roster, sorted by name.
-- parameters:
--   id: SELECT id FROM rosters
-- columns:
--   id: students.id
--   roster_id: students.roster_id
--   name: students.name
--   external_id: students.external_id
--   created_at: students.created_at
SELECT id, roster_id, name, external_id, created_at
FROM students
WHERE roster_id = :id
ORDER BY name, id
