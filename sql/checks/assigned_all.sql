-- Every student whom a window selects, by roster and level, has each assignment of that window.
-- stages: window

-- No other student has one (assigned_only) and none has it twice (primary key), so counting is enough.
WITH
  windows AS MATERIALIZED (
    SELECT DISTINCT
      tests.id AS test_id,
      level.value AS level,
      json_extract(stage.value, '$.params.rosters[0]') AS first_roster,
      json_extract(stage.value, '$.params.rosters[1]') AS last_roster
    FROM json_each(:stages) AS stage, json_each(stage.value, '$.params.levels') AS level
    JOIN tests ON tests.name = json_extract(stage.value, '$.params.after')
  ),
  chosen AS ( -- by roster: the order of rows in the file
    SELECT windows.test_id, students.id AS student_id
    FROM windows
    CROSS JOIN students ON roster_id BETWEEN first_roster AND last_roster
    CROSS JOIN scores
      ON scores.student_id = students.id
      AND scores.test_id = windows.test_id
      AND scores.level = windows.level
  ),
  counted AS (
    SELECT
      assignments.id AS assignment_id,
      test_id,
      number AS chosen,
      (SELECT count(*) FROM assignment_students WHERE assignment_id = assignments.id) AS assigned
    FROM (SELECT test_id, count(*) AS number FROM chosen GROUP BY test_id)
    JOIN assignments ON assignments.created_after_test_id = test_id
  )
SELECT
  *,
  (
    SELECT min(student_id) FROM chosen
    WHERE chosen.test_id = counted.test_id
      AND NOT EXISTS (
        SELECT 1 FROM assignment_students AS given
        WHERE given.assignment_id = counted.assignment_id AND given.student_id = chosen.student_id
      )
  ) AS first_student_without
FROM counted
WHERE assigned <> chosen
