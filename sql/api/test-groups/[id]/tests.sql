-- title: Tests of a group
-- description: The tests of one group, in sequence.
-- parameters:
--   id: SELECT id FROM test_groups
-- columns:
--   id: tests.id
--   group_id: tests.group_id
--   sequence: tests.sequence
--   name: tests.name
--   administered_at: date tests.administered_at
SELECT id, group_id, sequence, name, administered_at
FROM tests
WHERE group_id = :id
ORDER BY sequence, id
