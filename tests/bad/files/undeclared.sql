SELECT classes.id, subjects.name, $created_at AS created_at
FROM classes
JOIN subjects ON true
JOIN 'data/tests.csv' AS file ON true
JOIN information_schema.tables AS t ON true
