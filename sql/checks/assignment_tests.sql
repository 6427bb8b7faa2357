-- An assignment belongs to the group of the test that it follows, and impacts a later test.
SELECT
  assignments.id,
  assignments.group_id,
  follows.name AS follows,
  follows.group_id AS group_of_test,
  impacts.name AS impacts
FROM assignments
JOIN tests AS follows ON follows.id = assignments.created_after_test_id
LEFT JOIN tests AS impacts ON impacts.id = assignments.impacted_test_id
WHERE
  assignments.group_id <> follows.group_id
  OR impacts.administered_at <= follows.administered_at
  OR (impacts.group_id = follows.group_id AND impacts.sequence <= follows.sequence)
