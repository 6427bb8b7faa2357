SELECT id, name, $created_at AS created_at
FROM classes, read_text('/etc/passwd'), query('SELECT random()')
