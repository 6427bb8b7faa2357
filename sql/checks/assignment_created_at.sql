-- An assignment is created at midnight on the day of the test that it follows.
SELECT assignments.id, assignments.created_at, tests.name AS follows, tests.administered_at
FROM assignments JOIN tests ON tests.id = assignments.created_after_test_id
WHERE assignments.created_at IS NOT tests.administered_at || ' 00:00:00'
