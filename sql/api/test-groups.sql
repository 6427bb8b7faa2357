-- title: Test groups
-- description: Every test group, which is a series of tests that measure the same thing.
-- columns:
--   id: test_groups.id
--   name: test_groups.name
SELECT id, name
FROM test_groups
ORDER BY id
