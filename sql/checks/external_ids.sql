-- A student's external id is the pipeline's template, filled with the student's id.
-- stages: students
WITH template AS MATERIALIZED (
  SELECT DISTINCT json_extract(value, '$.params.external_id') AS template
  FROM json_each(:stages)
)
SELECT id, external_id, template
FROM template CROSS JOIN students
WHERE external_id IS NOT replace(template, '{id}', id)
