-- A roster is named "{title} {teacher} - {subject}" with a title of the pipeline; a teacher has one title.
-- stages: classes
WITH
  titles AS MATERIALIZED (
    SELECT DISTINCT title.value AS title
    FROM json_each(:stages) AS stage, json_each(stage.value, '$.params.titles') AS title
  ),
  titled AS (
    SELECT
      id,
      name,
      ( -- the longest match: "Dr. Prof." before "Dr."
        SELECT title FROM titles
        WHERE substr(rosters.name, 1, length(title) + 1) = title || ' '
        ORDER BY length(title) DESC LIMIT 1
      ) AS title,
      instr(name, ' - ') AS dash
    FROM rosters
    WHERE EXISTS (SELECT 1 FROM titles)
  ),
  taught AS (SELECT *, substr(name, length(title) + 2, dash - length(title) - 2) AS teacher FROM titled),
  compared AS (SELECT *, nullif(max(title) OVER (PARTITION BY teacher), title) AS other_title FROM taught)
SELECT id, name, other_title
FROM compared
WHERE title IS NULL OR dash <= length(title) + 2 OR dash + 3 > length(name) OR other_title IS NOT NULL
