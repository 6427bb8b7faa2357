SELECT id, 'Français' AS name
FROM classes
