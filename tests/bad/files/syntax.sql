-- The rosters.
SELECT id, name,
  $created_at AS AS created_at
FROM classes
