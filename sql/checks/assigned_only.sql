-- Only students whom a window selects have its assignments, with dates between the window's two tests.
-- stages: window
WITH windows AS MATERIALIZED (
  SELECT DISTINCT
    stage.key AS window,
    after.id AS test_id,
    after.administered_at AS first_day,
    until.administered_at AS last_day,
    level.value AS level,
    json_extract(stage.value, '$.params.rosters[0]') AS first_roster,
    json_extract(stage.value, '$.params.rosters[1]') AS last_roster
  FROM json_each(:stages) AS stage, json_each(stage.value, '$.params.levels') AS level
  JOIN tests AS after ON after.name = json_extract(stage.value, '$.params.after')
  JOIN tests AS until ON until.name = json_extract(stage.value, '$.params.until')
)
SELECT given.assignment_id, given.student_id, roster_id, scores.level, window, started_at, completed_at
FROM assignment_students AS given
CROSS JOIN assignments ON assignments.id = given.assignment_id
CROSS JOIN students ON students.id = given.student_id
LEFT JOIN scores ON scores.student_id = given.student_id AND scores.test_id = created_after_test_id
LEFT JOIN windows
  ON windows.test_id = created_after_test_id
  AND windows.level = scores.level
  AND roster_id BETWEEN first_roster AND last_roster
WHERE
  window IS NULL
  OR started_at NOT BETWEEN first_day AND last_day
  OR completed_at NOT BETWEEN first_day AND last_day
