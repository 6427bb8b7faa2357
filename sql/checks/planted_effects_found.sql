-- The planted effects are found again: no estimate strays further from what is expected than chance allows.

-- `surprise` bounds the chance of straying so far, by Hoeffding's inequality (1963), whatever the number of students.
-- By Bonferroni's the least of k of them is below one in a million divided by k with a chance of at most one in a
-- million: how often a build fails though everything planted is in its data.
SELECT scope, assignment_id, standard_id, treated, control, effect, planted, expected_bias, surprise
FROM impact_estimates
WHERE surprise * (SELECT count(surprise) FROM impact_estimates) < 0.000001
