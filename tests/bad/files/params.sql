SELECT id, name, $created AS created_at, $note AS note
FROM classes
