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
asked AS (
  SELECT id, name, platform, rc_id, created_after_test_id, impacted_test_id
  FROM assignments
  WHERE impacted_test_id IS NOT NULL AND (:group_id IS NULL OR group_id = :group_id)
),
practised AS (
  SELECT assignment_id, standards.id, standards.code
  FROM assignment_standards
  JOIN standards ON standards.id = assignment_standards.standard_id
),
codes AS (
  SELECT assignment_id, json_group_array(code) AS codes
  FROM (SELECT * FROM practised ORDER BY assignment_id, id)
  GROUP BY assignment_id
),
given AS (
  SELECT DISTINCT assignment_id, roster_id
  FROM assignment_students
  JOIN students ON students.id = assignment_students.student_id
),
rosters_given AS (
  SELECT assignment_id, json_group_array(roster_id) AS roster_ids
  FROM (SELECT * FROM given ORDER BY assignment_id, roster_id)
  GROUP BY assignment_id
),
compared AS ( -- who completed it, and classmates who were not given it
  SELECT given.assignment_id, students.id AS student_id, status IS NOT NULL AS treated
  FROM given
  JOIN students ON students.roster_id = given.roster_id
  LEFT JOIN assignment_students AS work
    ON work.assignment_id = given.assignment_id AND work.student_id = students.id
  WHERE status IS NULL OR status = 'completed'
),
marks AS ( -- CROSS JOIN: first the students, then the scores of each by their index
  SELECT
    asked.id AS assignment_id, compared.student_id, treated, practised.code,
    json_extract(before.std_scores, '$."' || practised.id || '"') AS pre,
    json_extract(after.std_scores, '$."' || practised.id || '"') AS post
  FROM asked
  JOIN compared ON compared.assignment_id = asked.id
  CROSS JOIN scores AS before ON before.student_id = compared.student_id AND before.test_id = created_after_test_id
  CROSS JOIN scores AS after ON after.student_id = compared.student_id AND after.test_id = impacted_test_id
  JOIN practised ON practised.assignment_id = asked.id
),
points AS (
  SELECT assignment_id, treated, round(avg(pre)) AS pre, round(avg(post)) AS post
  FROM marks
  GROUP BY assignment_id, student_id
),
means AS (
  SELECT assignment_id, treated, count(*) AS students, avg(pre) AS pre, avg(post) AS post, avg(post - pre) AS gain
  FROM points
  GROUP BY assignment_id, treated
),
gains AS (
  SELECT
    assignment_id, code,
    avg(CASE WHEN treated THEN post - pre END) AS treated,
    avg(CASE WHEN NOT treated THEN post - pre END) AS control
  FROM marks
  GROUP BY assignment_id, code
),
standard_impacts AS (
  SELECT
    assignment_id,
    json_group_array(
      json_object(
        'code', code,
        'treatedDelta', CAST(round(treated) AS INTEGER),
        'controlDelta', CAST(round(control) AS INTEGER),
        'didImpact', CAST(round(treated - control) AS INTEGER)
      )
    ) AS impacts
  FROM (SELECT * FROM gains ORDER BY assignment_id, treated - control DESC, code)
  GROUP BY assignment_id
),
impacts AS (
  SELECT
    asked.*,
    codes, roster_ids, standard_impacts.impacts AS standard_impacts,
    reporting_categories.name AS rc_name, pre_test.name AS pre_test_name, post_test.name AS post_test_name,
    treated.students AS treated_count, treated.pre AS treated_pre,
    treated.post AS treated_post, treated.gain AS treated_gain,
    control.students AS control_count, control.pre AS control_pre,
    control.post AS control_post, control.gain AS control_gain,
    treated.gain - control.gain AS impact,
    estimate.p, estimate.low > 0 OR estimate.high < 0 AS significant
  FROM asked
  JOIN tests AS pre_test ON pre_test.id = created_after_test_id
  JOIN tests AS post_test ON post_test.id = impacted_test_id
  LEFT JOIN reporting_categories ON reporting_categories.id = asked.rc_id
  LEFT JOIN codes ON codes.assignment_id = asked.id
  LEFT JOIN rosters_given ON rosters_given.assignment_id = asked.id
  LEFT JOIN means AS treated ON treated.assignment_id = asked.id AND treated.treated
  LEFT JOIN means AS control ON control.assignment_id = asked.id AND NOT control.treated
  LEFT JOIN standard_impacts ON standard_impacts.assignment_id = asked.id
  LEFT JOIN impact_estimates AS estimate
    ON estimate.assignment_id = asked.id AND estimate.scope = 'assignment' AND estimate.estimator = 'did'
)
SELECT
  json_group_array(
    json_object(
      'assignmentId', id,
      'assignmentName', name,
      'platform', platform,
      'standards', json(coalesce(codes, '[]')),
      'rcName', rc_name,
      'createdAfterTestId', created_after_test_id,
      'rosterIds', json(coalesce(roster_ids, '[]')),
      'preTestName', pre_test_name,
      'postTestName', post_test_name,
      'treatedCount', coalesce(treated_count, 0),
      'treatedPreAvg', CAST(round(treated_pre) AS INTEGER),
      'treatedPostAvg', CAST(round(treated_post) AS INTEGER),
      'treatedDelta', CAST(round(treated_gain) AS INTEGER),
      'controlCount', coalesce(control_count, 0),
      'controlPreAvg', CAST(round(control_pre) AS INTEGER),
      'controlPostAvg', CAST(round(control_post) AS INTEGER),
      'controlDelta', CAST(round(control_gain) AS INTEGER),
      'didImpact', CAST(round(impact) AS INTEGER),
      'didImpactPercent', round(1000 * impact / treated_pre) / 10,
      'pValue', p,
      'isSignificant', json(iif(significant, 'true', 'false')),
      'standardImpacts', json(coalesce(standard_impacts, '[]'))
    )
  ) AS impacts,
  :as_of || 'T00:00:00Z' AS calculated_at
FROM (SELECT * FROM impacts ORDER BY impact DESC, id)
