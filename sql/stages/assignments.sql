-- The assignments, with names resolved to ids. Each is created at midnight on the day of the test that it follows.
SELECT
  interventions.id,
  interventions.name,
  interventions.platform,
  after.group_id,
  reporting_categories.id AS rc_id,
  after.id AS created_after_test_id,
  impacts.id AS impacted_test_id,
  after.administered_at || ' 00:00:00' AS created_at
FROM interventions
JOIN tests AS after ON after.name = interventions.after
LEFT JOIN tests AS impacts ON impacts.name = interventions.impacts
LEFT JOIN reporting_categories ON reporting_categories.name = interventions.category
ORDER BY interventions.id
