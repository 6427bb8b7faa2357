SELECT impact_estimates.*, assignments.name AS assignment, standards.code AS standard,
  reporting_categories.name AS category
FROM impact_estimates
LEFT JOIN assignments ON assignments.id = assignment_id
LEFT JOIN standards ON standards.id = standard_id
LEFT JOIN reporting_categories ON reporting_categories.id = impact_estimates.rc_id
ORDER BY impact_estimates.id
