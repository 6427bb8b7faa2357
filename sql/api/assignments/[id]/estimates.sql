-- title: Estimates of an assignment
-- description: >-
--   The estimated effects of one assignment, by each estimator, over all its standards and for each, with the planted
--   effects.
-- parameters:
--   id: SELECT id FROM assignments
-- columns:
--   id: impact_estimates.id
--   estimator: impact_estimates.estimator
--   scope: impact_estimates.scope
--   assignment_id: impact_estimates.assignment_id
--   rc_id: impact_estimates.rc_id
--   standard_id: impact_estimates.standard_id
--   treated: impact_estimates.treated
--   control: impact_estimates.control
--   treated_gain: impact_estimates.treated_gain
--   control_gain: impact_estimates.control_gain
--   effect: impact_estimates.effect
--   standard_error: impact_estimates.standard_error
--   degrees_of_freedom: impact_estimates.degrees_of_freedom
--   t: impact_estimates.t
--   p: impact_estimates.p
--   low: impact_estimates.low
--   high: impact_estimates.high
--   planted: impact_estimates.planted
--   expected_bias: impact_estimates.expected_bias
--   bias: impact_estimates.bias
--   covered: impact_estimates.covered
--   surprise: impact_estimates.surprise
SELECT
  id, estimator, scope, assignment_id, rc_id, standard_id, treated, control, treated_gain, control_gain, effect,
  standard_error, degrees_of_freedom, t, p, low, high, planted, expected_bias, bias, covered, surprise
FROM impact_estimates
WHERE assignment_id = :id
ORDER BY id
