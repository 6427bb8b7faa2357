-- title: Impact of an assignment
-- description: >-
--   The impact of one assignment: how much more the students who completed it gained than classmates who were not given
--   it, in the mean of the standards that it practises, from the test before it to the test after it.
-- answer: object
-- parameters:
--   id: SELECT id FROM assignments WHERE impacted_test_id IS NOT NULL
-- columns:
--   assignment_id: assignments.id
--   assignment_name: assignments.name
--   platform: assignments.platform
--   standards: [text]
--   rc_name: reporting_categories.name?
--   created_after_test_id: assignments.created_after_test_id
--   roster_ids: [integer]
--   pre_test_name: tests.name
--   post_test_name: tests.name
--   treated_count: integer
--   treated_pre_avg: integer?
--   treated_post_avg: integer?
--   treated_delta: integer?
--   control_count: integer
--   control_pre_avg: integer?
--   control_post_avg: integer?
--   control_delta: integer?
--   did_impact: integer?
--   did_impact_percent: number?
--   p_value: impact_estimates.p
--   is_significant: boolean
--   standard_impacts: [{code: text, treatedDelta: "integer?", controlDelta: "integer?", didImpact: "integer?"}]
--   treated_points: [{studentId: integer, pre: integer, post: integer}]
--   control_points: [{studentId: integer, pre: integer, post: integer}]
WITH
given AS (
  SELECT DISTINCT roster_id
  FROM assignment_students
  JOIN students ON students.id = student_id
  WHERE assignment_id = :id
),
compared AS ( -- who completed it, and classmates who were not given it
  SELECT id AS student_id, status IS NOT NULL AS completed
  FROM given
  JOIN students ON students.roster_id = given.roster_id
  LEFT JOIN assignment_students ON assignment_id = :id AND student_id = students.id
  WHERE status IS NULL OR status = 'completed'
),
paths AS MATERIALIZED ( -- of the standards in the scores of a test
  SELECT '$."' || standard_id || '"' AS path
  FROM assignment_standards
  WHERE assignment_id = :id
),
points AS ( -- CROSS JOIN: first the students, then the scores of each by their index
  SELECT
    compared.student_id, completed,
    (SELECT CAST(round(avg(json_extract(before.std_scores, path))) AS INTEGER) FROM paths) AS pre,
    (SELECT CAST(round(avg(json_extract(after.std_scores, path))) AS INTEGER) FROM paths) AS post
  FROM assignments
  CROSS JOIN compared
  CROSS JOIN scores AS before ON before.student_id = compared.student_id AND before.test_id = created_after_test_id
  CROSS JOIN scores AS after ON after.student_id = compared.student_id AND after.test_id = impacted_test_id
  WHERE assignments.id = :id
),
lists AS (
  SELECT
    json_group_array(json_object('studentId', student_id, 'pre', pre, 'post', post))
      FILTER (WHERE completed) AS treated_points,
    json_group_array(json_object('studentId', student_id, 'pre', pre, 'post', post))
      FILTER (WHERE NOT completed) AS control_points
  FROM (SELECT * FROM points ORDER BY student_id)
)
SELECT
  assignments.id AS assignment_id, assignments.name AS assignment_name, platform,
  (
    SELECT json_group_array(code)
    FROM (
      SELECT code
      FROM assignment_standards
      JOIN standards ON standards.id = standard_id
      WHERE assignment_id = :id
      ORDER BY standard_id
    )
  ) AS standards,
  reporting_categories.name AS rc_name,
  created_after_test_id,
  (SELECT json_group_array(roster_id) FROM (SELECT roster_id FROM given ORDER BY roster_id)) AS roster_ids,
  pre_test.name AS pre_test_name, post_test.name AS post_test_name,
  coalesce(means.treated, 0) AS treated_count,
  CAST(round(treated_before) AS INTEGER) AS treated_pre_avg,
  CAST(round(treated_after) AS INTEGER) AS treated_post_avg,
  CAST(round(means.treated_gain) AS INTEGER) AS treated_delta,
  coalesce(means.control, 0) AS control_count,
  CAST(round(control_before) AS INTEGER) AS control_pre_avg,
  CAST(round(control_after) AS INTEGER) AS control_post_avg,
  CAST(round(means.control_gain) AS INTEGER) AS control_delta,
  CAST(round(means.treated_gain - means.control_gain) AS INTEGER) AS did_impact,
  round(1000 * (means.treated_gain - means.control_gain) / treated_before) / 10 AS did_impact_percent,
  estimate.p AS p_value,
  coalesce(estimate.low > 0 OR estimate.high < 0, 0) AS is_significant,
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
      WHERE assignment_id = :id
      ORDER BY treated_gain - control_gain DESC, code
    )
  ) AS standard_impacts,
  treated_points, control_points
FROM assignments
CROSS JOIN lists
JOIN tests AS pre_test ON pre_test.id = created_after_test_id
JOIN tests AS post_test ON post_test.id = impacted_test_id
LEFT JOIN reporting_categories ON reporting_categories.id = assignments.rc_id
LEFT JOIN impact_means AS means ON means.assignment_id = assignments.id AND means.standard_id IS NULL
LEFT JOIN impact_estimates AS estimate
  ON estimate.assignment_id = assignments.id AND estimate.scope = 'assignment' AND estimate.estimator = 'did'
WHERE assignments.id = :id
