-- title: Academic sessions
-- description: The school year, and one term up to each test.
--   An endDate is exclusive. The schoolYear is the year that the school year ends in.
WITH
  year AS (
    SELECT min(date(:as_of), min(administered_at)) AS first_day, max(administered_at) AS last_day
    FROM tests
  ),
  terms AS (
    SELECT id, name, administered_at, lag(administered_at) OVER (ORDER BY administered_at, id) AS previous
    FROM tests
  )
SELECT
  'year' AS "sourcedId", NULL AS "status", NULL AS "dateLastModified",
  strftime('%Y', first_day) || '-' || strftime('%Y', last_day) AS "title", 'schoolYear' AS "type",
  first_day AS "startDate", date(last_day, '+1 day') AS "endDate", NULL AS "parentSourcedId",
  strftime('%Y', last_day) AS "schoolYear"
FROM year
UNION ALL
SELECT
  'term-' || id, NULL, NULL, 'Up to ' || name, 'term', coalesce(date(previous, '+1 day'), first_day),
  date(administered_at, '+1 day'), 'year', strftime('%Y', last_day)
FROM terms, year
ORDER BY "startDate", "endDate" DESC
