SELECT id, name, $created_at AS created_at FROM classes;
SELECT 1;
