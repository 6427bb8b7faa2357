-- The estimates agree with the planted effects: none is further from its expectation than chance allows.

-- `surprise` bounds the probability of such a distance, by Hoeffding's inequality (1963), for any number of students.
-- By Bonferroni's, the smallest of k bounds is below 1e-6 / k with probability at most 1e-6: the rate of false alarms.
SELECT scope, assignment_id, standard_id, treated, control, effect, planted, expected_bias, surprise
FROM impact_estimates
WHERE surprise * (SELECT count(surprise) FROM impact_estimates) < 0.000001
