-- Tests have sequence numbers from 1 to their count, and within a group a higher number means a later day.
SELECT tests.name, tests.sequence, tests.administered_at, earlier.name AS not_after
FROM tests
LEFT JOIN tests AS earlier
  ON earlier.id <> tests.id
  AND (
    earlier.sequence = tests.sequence
    OR (
      earlier.group_id = tests.group_id
      AND earlier.sequence < tests.sequence
      AND earlier.administered_at >= tests.administered_at
    )
  )
WHERE earlier.id IS NOT NULL OR tests.sequence NOT BETWEEN 1 AND (SELECT count(*) FROM tests)
