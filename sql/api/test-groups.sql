-- title: Test groups
-- description: Every series of tests.
-- columns:
--   id: test_groups.id
--   name: test_groups.name
SELECT id, name
FROM test_groups
ORDER BY id
