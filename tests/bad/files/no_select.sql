DELETE FROM classes WHERE $created_at IS NULL
