-- The standards that each assignment practises.
SELECT interventions.id AS assignment_id, standards.id AS standard_id
FROM intervention_standards
JOIN interventions ON interventions.name = intervention_standards.intervention
JOIN standards ON standards.code = intervention_standards.standard
ORDER BY assignment_id, standard_id
