-- title: Score scales
-- description: The performance levels, once for each class.
WITH
  named AS (
    SELECT
      id,
      coalesce(nullif(substr(name, instr(name || ' - ', ' - ') + 3), ''), name) AS subject
    FROM rosters
  ),
  bands AS (
    SELECT group_concat('{' || min_score || iif(max_score IS NULL, '+', '-' || max_score) || ':' || name || '}') AS list
    FROM (SELECT min_score, max_score, name FROM performance_levels ORDER BY level)
  )
SELECT
  'scale-class-' || id AS "sourcedId", NULL AS "status", NULL AS "dateLastModified", 'Performance levels' AS "title",
  'ext:performanceLevels' AS "type", 'school' AS "orgSourcedId",
  'course-' || min(id) OVER (PARTITION BY subject) AS "courseSourcedId", 'class-' || id AS "classSourcedId",
  list AS "scoreScaleValue"
FROM named, bands
ORDER BY id
