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
assignment AS (SELECT * FROM assignments WHERE id = :id),
practised AS (SELECT standard_id FROM assignment_standards WHERE assignment_id = :id),
given AS (
  SELECT student_id, status, roster_id
  FROM assignment_students
  JOIN students ON students.id = assignment_students.student_id
  WHERE assignment_id = :id
),
compared AS ( -- who completed it, and classmates who were not given it
  SELECT students.id AS student_id, status IS NOT NULL AS treated
  FROM students
  LEFT JOIN given ON given.student_id = students.id
  WHERE students.roster_id IN (SELECT roster_id FROM given) AND (status IS NULL OR status = 'completed')
),
marks AS ( -- CROSS JOIN: first the students, then the scores of each by their index
  SELECT
    compared.student_id, treated, practised.standard_id,
    json_extract(before.std_scores, '$."' || practised.standard_id || '"') AS pre,
    json_extract(after.std_scores, '$."' || practised.standard_id || '"') AS post
  FROM assignment
  CROSS JOIN compared
  CROSS JOIN scores AS before ON before.student_id = compared.student_id AND before.test_id = created_after_test_id
  CROSS JOIN scores AS after ON after.student_id = compared.student_id AND after.test_id = impacted_test_id
  CROSS JOIN practised
),
points AS (
  SELECT treated, round(avg(pre)) AS pre, round(avg(post)) AS post
  FROM marks
  GROUP BY student_id
),
overall AS (
  SELECT avg(CASE WHEN treated THEN post - pre END) - avg(CASE WHEN NOT treated THEN post - pre END) AS impact
  FROM points
),
means AS (
  SELECT standard_id, treated, count(*) AS students, avg(pre) AS pre, avg(post) AS post, avg(post - pre) AS gain
  FROM marks
  GROUP BY standard_id, treated
),
impacts AS (
  SELECT
    standards.id, code, description,
    treated.students AS treated_count, treated.pre AS treated_pre,
    treated.post AS treated_post, treated.gain AS treated_gain,
    control.students AS control_count, control.pre AS control_pre,
    control.post AS control_post, control.gain AS control_gain,
    treated.gain - control.gain AS impact,
    estimate.p, estimate.low > 0 OR estimate.high < 0 AS significant
  FROM practised
  JOIN standards ON standards.id = practised.standard_id
  LEFT JOIN means AS treated ON treated.standard_id = standards.id AND treated.treated
  LEFT JOIN means AS control ON control.standard_id = standards.id AND NOT control.treated
  LEFT JOIN impact_estimates AS estimate
    ON estimate.assignment_id = :id AND estimate.standard_id = standards.id AND estimate.estimator = 'did'
)
SELECT
  assignment.id AS assignment_id, assignment.name AS assignment_name, platform,
  reporting_categories.name AS rc_name,
  pre_test.name AS pre_test_name, post_test.name AS post_test_name,
  CAST(round(overall.impact) AS INTEGER) AS overall_did_impact,
  (
    SELECT
      json_group_array(
        json_object(
          'standardId', id,
          'code', code,
          'description', description,
          'treatedCount', coalesce(treated_count, 0),
          'treatedPreAvg', CAST(round(treated_pre) AS INTEGER),
          'treatedPostAvg', CAST(round(treated_post) AS INTEGER),
          'treatedDelta', CAST(round(treated_gain) AS INTEGER),
          'controlCount', coalesce(control_count, 0),
          'controlPreAvg', CAST(round(control_pre) AS INTEGER),
          'controlPostAvg', CAST(round(control_post) AS INTEGER),
          'controlDelta', CAST(round(control_gain) AS INTEGER),
          'didImpact', CAST(round(impact) AS INTEGER),
          'pValue', p,
          'isSignificant', json(iif(significant, 'true', 'false'))
        )
      )
    FROM (SELECT * FROM impacts ORDER BY impact DESC, id)
  ) AS standards
FROM assignment
CROSS JOIN overall
JOIN tests AS pre_test ON pre_test.id = created_after_test_id
JOIN tests AS post_test ON post_test.id = impacted_test_id
LEFT JOIN reporting_categories ON reporting_categories.id = assignment.rc_id
