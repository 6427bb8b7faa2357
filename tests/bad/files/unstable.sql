-- Not the same twice.
SELECT id, name || random() AS name, now() AS created_at, current_date, age(DATE '2025-01-01'), $created_at
FROM classes USING SAMPLE 2
