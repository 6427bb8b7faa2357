-- :ranges: a row for each impacted test and status: the test before, and the planted growth, null when not known.
-- A standard that two assignments cover is left out: which growth counted there, nobody can see.
WITH
  ranges AS MATERIALIZED (
    SELECT value ->> 0 AS test_id, value ->> 1 AS before_id, value ->> 2 AS status, value ->> 3 AS low,
      value ->> 4 AS high, value ->> 5 AS least, value ->> 6 AS most
    FROM json_each(:ranges)
  ),
  covered AS MATERIALIZED (
    SELECT min(assignment_id) AS assignment_id, '$."' || standard_id || '"' AS path
    FROM assignment_standards JOIN assignments ON assignments.id = assignment_id
    WHERE impacted_test_id IS NOT NULL
    GROUP BY impacted_test_id, standard_id HAVING count(*) = 1
  ),
  windows AS MATERIALIZED (
    SELECT DISTINCT assignments.id AS assignment_id, test_id, before_id
    FROM assignments JOIN ranges ON test_id = impacted_test_id
  ),
  given AS MATERIALIZED (
    SELECT DISTINCT assignment_id, roster_id
    FROM assignment_students JOIN students ON students.id = student_id
  ),
  -- CROSS JOIN: in this order, by the keys; SQLite cannot know how few rows the first and the last have
  growths AS MATERIALIZED (
    SELECT windows.test_id, coalesce(held.status, 'none') AS status,
      json_extract(was.std_scores, path) AS before, json_extract(now.std_scores, path) AS after
    FROM windows
    CROSS JOIN given ON given.assignment_id = windows.assignment_id
    CROSS JOIN students ON students.roster_id = given.roster_id AND students.id % :every = 0
    LEFT JOIN assignment_students AS held
      ON held.assignment_id = given.assignment_id AND held.student_id = students.id
    CROSS JOIN scores AS was ON was.student_id = students.id AND was.test_id = windows.before_id
    CROSS JOIN scores AS now ON now.student_id = students.id AND now.test_id = windows.test_id
    CROSS JOIN covered ON covered.assignment_id = given.assignment_id
  )
SELECT growths.test_id, growths.status, after - before AS growth, count(*) AS number,
  coalesce(before + low >= least AND before + high <= most, 1) AS free
FROM growths CROSS JOIN ranges ON ranges.test_id = growths.test_id AND ranges.status = growths.status
WHERE before IS NOT NULL AND after IS NOT NULL
GROUP BY growths.test_id, growths.status, growth, free
ORDER BY growths.test_id, growths.status, growth, free
