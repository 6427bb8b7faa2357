-- Students have ids from 1 without gaps, in the order of their rosters.
WITH
  classes AS (
    SELECT roster_id, count(*) AS students, min(id) AS first_id, max(id) AS last_id FROM students GROUP BY roster_id
  ),
  placed AS (SELECT *, 1 + sum(students) OVER (ORDER BY roster_id) - students AS must_begin_at FROM classes)
SELECT * FROM placed WHERE first_id <> must_begin_at OR last_id <> must_begin_at + students - 1
