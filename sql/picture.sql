-- title: Gains with and without practice
-- description: >-
--   The mean gain in the standards of an assignment, in scale points from the test before it to the test after it, of the
--   students who completed it and of classmates who were not given it.
SELECT assignments.name, treated_gain AS "completed it", control_gain AS "not given it"
FROM impact_estimates
JOIN assignments ON assignments.id = assignment_id
WHERE estimator = 'did' AND scope = 'assignment'
ORDER BY assignments.id
