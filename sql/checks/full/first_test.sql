-- Overall scores on a first test have the mean and standard deviation of the pipeline's normal distribution.
-- stages: first_scores

-- Half of a normal distribution is on each side of its mean, and 68.27 % within one standard deviation. Rounding to
-- whole scores moves the second share by less than 0.2420 / sd (the density at one sd, times half a point, on both
-- sides). By Hoeffding's inequality (1963) a count of n draws differs from its expectation by t with probability below
-- 2 exp(-2 t^2 / n), which is one in a million over a thousand comparisons if
-- t^2 > n ln(2 * 1000 * 1000000) / 2 = 10.71 n. Shares that the clamp affects are not checked, nor
-- tests with errors, nor students who differ by school or class: those are not independent draws.
WITH
  firsts AS MATERIALIZED (
    SELECT DISTINCT
      tests.id AS test_id,
      json_extract(value, '$.params.mean') AS mean,
      json_extract(value, '$.params.sd') AS sd,
      json_extract(value, '$.params.clamp[0]') AS least,
      json_extract(value, '$.params.clamp[1]') AS most
    FROM json_each(:stages) JOIN tests ON tests.name = json_extract(value, '$.params.test')
    WHERE coalesce(json_extract(value, '$.params.error'), json_extract(value, '$.params.variation')) IS NULL
  ),
  counted AS (
    SELECT
      firsts.*,
      least < mean - sd AND mean + sd < most AS open,
      count(*) AS students,
      sum(overall_score < mean) AS below,
      sum(overall_score > mean) AS above,
      sum(overall_score BETWEEN mean - sd AND mean + sd) AS within_sd
    FROM scores CROSS JOIN firsts USING (test_id)
    GROUP BY firsts.test_id
  ),
  compared AS (
    SELECT
      *,
      max(
        (mean <= most) * (below - 0.5 * students),
        (mean >= least) * (above - 0.5 * students),
        open * (within_sd - (0.6827 + 0.2420 / sd) * students),
        open * (0.6826 * students - within_sd),
        0
      ) AS excess
    FROM counted
  )
SELECT test_id, mean, sd, students, below, above, within_sd
FROM compared
WHERE excess * excess > 10.71 * students
