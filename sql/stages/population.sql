-- The classes of a OneRoster bundle as numbers: no name of it goes on. Classes without students are left out.
WITH
  enrolled AS (
    SELECT
      classSourcedId,
      count(*) FILTER (WHERE role = 'student') AS size,
      min(userSourcedId) FILTER (WHERE role = 'teacher') AS teacher
    FROM enrollments
    GROUP BY classSourcedId
  )
SELECT
  dense_rank() OVER (ORDER BY coalesce(teacher, sourcedId)) - 1 AS teacher,
  dense_rank() OVER (ORDER BY courseSourcedId) - 1 AS subject,
  size
FROM classes
JOIN enrolled ON classSourcedId = sourcedId
WHERE size > 0
ORDER BY schoolSourcedId, length(sourcedId), sourcedId
