-- title: Impact of an assignment by standard
-- description: >-
--   The impact of one assignment on each standard that it practises, greatest first: the gain of the students who
--   completed it, less the gain of classmates who were not given it.
-- answer: object
-- parameters:
--   id: SELECT id FROM assignments WHERE impacted_test_id IS NOT NULL
-- columns:
--   assignment_id: assignments.id
--   assignment_name: assignments.name
--   platform: assignments.platform
--   rc_name: reporting_categories.name?
--   pre_test_name: tests.name
--   post_test_name: tests.name
--   overall_did_impact: integer?
--   standards:
--     - standardId: integer
--       code: text
--       description: text
--       treatedCount: integer
--       treatedPreAvg: integer?
--       treatedPostAvg: integer?
--       treatedDelta: integer?
--       controlCount: integer
--       controlPreAvg: integer?
--       controlPostAvg: integer?
--       controlDelta: integer?
--       didImpact: integer?
--       pValue: number?
--       isSignificant: boolean
WITH
impacts AS (
  SELECT
    standards.id, code, description,
    means.treated, treated_before, treated_after, means.treated_gain,
    means.control, control_before, control_after, means.control_gain,
    means.treated_gain - means.control_gain AS impact,
    estimate.p, estimate.low > 0 OR estimate.high < 0 AS significant
  FROM impact_means AS means
  JOIN standards ON standards.id = means.standard_id
  LEFT JOIN impact_estimates AS estimate
    ON estimate.assignment_id = :id AND estimate.standard_id = standards.id AND estimate.estimator = 'did'
  WHERE means.assignment_id = :id
)
SELECT
  assignments.id AS assignment_id, assignments.name AS assignment_name, platform,
  reporting_categories.name AS rc_name,
  pre_test.name AS pre_test_name, post_test.name AS post_test_name,
  CAST(round(treated_gain - control_gain) AS INTEGER) AS overall_did_impact,
  (
    SELECT
      json_group_array(
        json_object(
          'standardId', id,
          'code', code,
          'description', description,
          'treatedCount', treated,
          'treatedPreAvg', CAST(round(treated_before) AS INTEGER),
          'treatedPostAvg', CAST(round(treated_after) AS INTEGER),
          'treatedDelta', CAST(round(treated_gain) AS INTEGER),
          'controlCount', control,
          'controlPreAvg', CAST(round(control_before) AS INTEGER),
          'controlPostAvg', CAST(round(control_after) AS INTEGER),
          'controlDelta', CAST(round(control_gain) AS INTEGER),
          'didImpact', CAST(round(impact) AS INTEGER),
          'pValue', p,
          'isSignificant', json(iif(significant, 'true', 'false'))
        )
      )
    FROM (SELECT * FROM impacts ORDER BY impact DESC, id)
  ) AS standards
FROM assignments
JOIN tests AS pre_test ON pre_test.id = created_after_test_id
JOIN tests AS post_test ON post_test.id = impacted_test_id
LEFT JOIN reporting_categories ON reporting_categories.id = assignments.rc_id
LEFT JOIN impact_means ON assignment_id = assignments.id AND standard_id IS NULL
WHERE assignments.id = :id
