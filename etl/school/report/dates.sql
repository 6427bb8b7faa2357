SELECT created_after_test_id AS after_id, impacted_test_id AS impacted_id, event, day, count(*) AS students
FROM (
  SELECT assignment_id, 'started' AS event, started_at AS day FROM assignment_students WHERE started_at IS NOT NULL
  UNION ALL
  SELECT assignment_id, 'completed', completed_at FROM assignment_students WHERE completed_at IS NOT NULL
) JOIN assignments ON assignments.id = assignment_id
WHERE impacted_test_id IS NOT NULL
GROUP BY after_id, impacted_id, event, day ORDER BY after_id, impacted_id, event, day
