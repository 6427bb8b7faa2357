-- title: Rosters
-- description: Every roster, sorted by name.
-- columns:
--   id: rosters.id
--   name: rosters.name
--   created_at: datetime rosters.created_at
SELECT id, name, created_at
FROM rosters
ORDER BY name, id
