-- title: Planted effects
-- description: The planted effect of each assignment, by standard and status, as an exact expectation in scale points.
-- columns:
--   id: planted_effects.id
--   assignment_id: planted_effects.assignment_id
--   standard_id: planted_effects.standard_id
--   status: planted_effects.status
--   students: planted_effects.students
--   effect: planted_effects.effect
SELECT id, assignment_id, standard_id, status, students, effect
FROM planted_effects
ORDER BY id
