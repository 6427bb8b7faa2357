SELECT assignments.id, assignments.name, assignments.platform, created_after_test_id AS after_id,
  impacted_test_id AS impacted_id, held.completed, held.started, held.not_started, held.rosters, held.first, held.last,
  held.levels
FROM assignments LEFT JOIN (
  SELECT assignment_id, sum(status = 'completed') AS completed, sum(status = 'started') AS started,
    sum(status = 'not_started') AS not_started, count(DISTINCT roster_id) AS rosters, min(roster_id) AS first,
    max(roster_id) AS last, group_concat(DISTINCT level) AS levels
  FROM assignment_students
  JOIN assignments ON assignments.id = assignment_id
  JOIN students ON students.id = assignment_students.student_id
  LEFT JOIN scores ON scores.student_id = students.id AND scores.test_id = created_after_test_id
  GROUP BY assignment_id
) AS held ON held.assignment_id = assignments.id
ORDER BY assignments.id
