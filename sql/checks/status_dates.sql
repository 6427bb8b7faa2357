-- Completed work has both dates, in order, started work only the first, other work none; a date is YYYY-MM-DD.
SELECT assignment_id, student_id, status, started_at, completed_at
FROM assignment_students
WHERE
  CASE status
    WHEN 'completed' THEN started_at IS NULL OR completed_at IS NULL OR started_at > completed_at
    WHEN 'started' THEN started_at IS NULL OR completed_at IS NOT NULL
    ELSE started_at IS NOT NULL OR completed_at IS NOT NULL
  END
  OR started_at IS NOT date(started_at, '+0 days')
  OR completed_at IS NOT date(completed_at, '+0 days') -- date() turns 2025-09-31 into 2025-10-01
