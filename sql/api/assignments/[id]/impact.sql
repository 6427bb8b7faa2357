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
assignment AS (SELECT * FROM assignments WHERE id = :id),
practised AS (
  SELECT standards.id, standards.code
  FROM assignment_standards
  JOIN standards ON standards.id = assignment_standards.standard_id
  WHERE assignment_id = :id
),
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
    compared.student_id, treated, practised.code,
    json_extract(before.std_scores, '$."' || practised.id || '"') AS pre,
    json_extract(after.std_scores, '$."' || practised.id || '"') AS post
  FROM assignment
  CROSS JOIN compared
  CROSS JOIN scores AS before ON before.student_id = compared.student_id AND before.test_id = created_after_test_id
  CROSS JOIN scores AS after ON after.student_id = compared.student_id AND after.test_id = impacted_test_id
  CROSS JOIN practised
),
points AS (
  SELECT student_id, treated, CAST(round(avg(pre)) AS INTEGER) AS pre, CAST(round(avg(post)) AS INTEGER) AS post
  FROM marks
  GROUP BY student_id
),
means AS (
  SELECT treated, count(*) AS students, avg(pre) AS pre, avg(post) AS post, avg(post - pre) AS gain
  FROM points
  GROUP BY treated
),
gains AS (
  SELECT
    code,
    avg(CASE WHEN treated THEN post - pre END) AS treated,
    avg(CASE WHEN NOT treated THEN post - pre END) AS control
  FROM marks
  GROUP BY code
)
SELECT
  assignment.id AS assignment_id, assignment.name AS assignment_name, platform,
  (SELECT json_group_array(code) FROM (SELECT code FROM practised ORDER BY id)) AS standards,
  reporting_categories.name AS rc_name,
  created_after_test_id,
  (SELECT json_group_array(roster_id) FROM (SELECT DISTINCT roster_id FROM given ORDER BY roster_id)) AS roster_ids,
  pre_test.name AS pre_test_name, post_test.name AS post_test_name,
  coalesce(treated.students, 0) AS treated_count,
  CAST(round(treated.pre) AS INTEGER) AS treated_pre_avg,
  CAST(round(treated.post) AS INTEGER) AS treated_post_avg,
  CAST(round(treated.gain) AS INTEGER) AS treated_delta,
  coalesce(control.students, 0) AS control_count,
  CAST(round(control.pre) AS INTEGER) AS control_pre_avg,
  CAST(round(control.post) AS INTEGER) AS control_post_avg,
  CAST(round(control.gain) AS INTEGER) AS control_delta,
  CAST(round(treated.gain - control.gain) AS INTEGER) AS did_impact,
  round(1000 * (treated.gain - control.gain) / treated.pre) / 10 AS did_impact_percent,
  estimate.p AS p_value,
  coalesce(estimate.low > 0 OR estimate.high < 0, 0) AS is_significant,
  (
    SELECT
      json_group_array(
        json_object(
          'code', code,
          'treatedDelta', CAST(round(treated) AS INTEGER),
          'controlDelta', CAST(round(control) AS INTEGER),
          'didImpact', CAST(round(treated - control) AS INTEGER)
        )
      )
    FROM (SELECT * FROM gains ORDER BY treated - control DESC, code)
  ) AS standard_impacts,
  (
    SELECT json_group_array(json_object('studentId', student_id, 'pre', pre, 'post', post))
    FROM (SELECT * FROM points WHERE treated ORDER BY student_id)
  ) AS treated_points,
  (
    SELECT json_group_array(json_object('studentId', student_id, 'pre', pre, 'post', post))
    FROM (SELECT * FROM points WHERE NOT treated ORDER BY student_id)
  ) AS control_points
FROM assignment
JOIN tests AS pre_test ON pre_test.id = created_after_test_id
JOIN tests AS post_test ON post_test.id = impacted_test_id
LEFT JOIN reporting_categories ON reporting_categories.id = assignment.rc_id
LEFT JOIN means AS treated ON treated.treated
LEFT JOIN means AS control ON NOT control.treated
LEFT JOIN impact_estimates AS estimate
  ON estimate.assignment_id = assignment.id AND estimate.scope = 'assignment' AND estimate.estimator = 'did'
