-- title: Impact of every assignment
-- description: The impact of every assignment, greatest first, without the scores of students.
-- answer: object
-- query:
--   group_id: {values: SELECT id FROM test_groups, required: false, description: Only assignments of this test group.}
-- columns:
--   impacts:
--     - assignmentId: integer
--       assignmentName: text
--       platform: text
--       standards: [text]
--       rcName: text?
--       createdAfterTestId: integer
--       rosterIds: [integer]
--       preTestName: text
--       postTestName: text
--       treatedCount: integer
--       treatedPreAvg: integer?
--       treatedPostAvg: integer?
--       treatedDelta: integer?
--       controlCount: integer
--       controlPreAvg: integer?
--       controlPostAvg: integer?
--       controlDelta: integer?
--       didImpact: integer?
--       didImpactPercent: number?
--       pValue: number?
--       isSignificant: boolean
--       standardImpacts: [{code: text, treatedDelta: "integer?", controlDelta: "integer?", didImpact: "integer?"}]
--   calculated_at: text
WITH
impacts AS (
  SELECT
    assignments.*,
    (
      SELECT json_group_array(code)
      FROM (
        SELECT code
        FROM assignment_standards
        JOIN standards ON standards.id = standard_id
        WHERE assignment_id = assignments.id
        ORDER BY standard_id
      )
    ) AS codes,
    (
      SELECT json_group_array(roster_id)
      FROM (
        SELECT DISTINCT roster_id
        FROM assignment_students
        JOIN students ON students.id = student_id
        WHERE assignment_id = assignments.id
        ORDER BY roster_id
      )
    ) AS roster_ids,
    (
      SELECT
        json_group_array(
          json_object(
            'code', code,
            'treatedDelta', CAST(round(treated_gain) AS INTEGER),
            'controlDelta', CAST(round(control_gain) AS INTEGER),
            'didImpact', CAST(round(treated_gain - control_gain) AS INTEGER)
          )
        )
      FROM (
        SELECT code, treated_gain, control_gain
        FROM impact_means
        JOIN standards ON standards.id = standard_id
        WHERE assignment_id = assignments.id
        ORDER BY treated_gain - control_gain DESC, code
      )
    ) AS standard_impacts,
    reporting_categories.name AS rc_name, pre_test.name AS pre_test_name, post_test.name AS post_test_name,
    means.treated, treated_before, treated_after, means.treated_gain,
    means.control, control_before, control_after, means.control_gain,
    means.treated_gain - means.control_gain AS impact,
    estimate.p, estimate.low > 0 OR estimate.high < 0 AS significant
  FROM assignments
  JOIN tests AS pre_test ON pre_test.id = created_after_test_id
  JOIN tests AS post_test ON post_test.id = impacted_test_id
  LEFT JOIN reporting_categories ON reporting_categories.id = assignments.rc_id
  LEFT JOIN impact_means AS means ON means.assignment_id = assignments.id AND means.standard_id IS NULL
  LEFT JOIN impact_estimates AS estimate
    ON estimate.assignment_id = assignments.id AND estimate.scope = 'assignment' AND estimate.estimator = 'did'
  WHERE :group_id IS NULL OR assignments.group_id = :group_id
)
SELECT
  json_group_array(
    json_object(
      'assignmentId', id,
      'assignmentName', name,
      'platform', platform,
      'standards', json(codes),
      'rcName', rc_name,
      'createdAfterTestId', created_after_test_id,
      'rosterIds', json(roster_ids),
      'preTestName', pre_test_name,
      'postTestName', post_test_name,
      'treatedCount', coalesce(treated, 0),
      'treatedPreAvg', CAST(round(treated_before) AS INTEGER),
      'treatedPostAvg', CAST(round(treated_after) AS INTEGER),
      'treatedDelta', CAST(round(treated_gain) AS INTEGER),
      'controlCount', coalesce(control, 0),
      'controlPreAvg', CAST(round(control_before) AS INTEGER),
      'controlPostAvg', CAST(round(control_after) AS INTEGER),
      'controlDelta', CAST(round(control_gain) AS INTEGER),
      'didImpact', CAST(round(impact) AS INTEGER),
      'didImpactPercent', round(1000 * impact / treated_before) / 10,
      'pValue', p,
      'isSignificant', json(iif(significant, 'true', 'false')),
      'standardImpacts', json(standard_impacts)
    )
  ) AS impacts,
  :as_of || 'T00:00:00Z' AS calculated_at
FROM (SELECT * FROM impacts ORDER BY impact DESC, id)
