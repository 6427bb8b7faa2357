-- title: Manifest
-- description: Which files the bundle has. A file without rows is absent.
WITH
  files (name, is_here) AS (
    VALUES
      ('file.academicSessions', EXISTS (SELECT 1 FROM tests)),
      ('file.categories', EXISTS (SELECT 1 FROM scores)),
      ('file.classes', EXISTS (SELECT 1 FROM rosters)),
      ('file.classResources', 0),
      ('file.courses', EXISTS (SELECT 1 FROM rosters)),
      ('file.courseResources', 0),
      ('file.demographics', 0),
      ('file.enrollments', EXISTS (SELECT 1 FROM rosters)),
      ('file.lineItemLearningObjectiveIds', EXISTS (SELECT 1 FROM scores)),
      ('file.lineItems', EXISTS (SELECT 1 FROM scores)),
      ('file.lineItemScoreScales', EXISTS (SELECT 1 FROM scores)),
      ('file.orgs', 1),
      ('file.resources', 0),
      ('file.resultLearningObjectiveIds', EXISTS (SELECT 1 FROM scores)),
      ('file.results', EXISTS (SELECT 1 FROM scores)),
      ('file.resultScoreScales', 0),
      ('file.roles', EXISTS (SELECT 1 FROM rosters)),
      ('file.scoreScales', EXISTS (SELECT 1 FROM rosters)),
      ('file.userProfiles', 0),
      ('file.userResources', 0),
      ('file.users', EXISTS (SELECT 1 FROM rosters))
  )
SELECT 'manifest.version' AS "propertyName", '1.0' AS "value"
UNION ALL
SELECT 'oneroster.version', '1.2'
UNION ALL
SELECT name, iif(is_here, 'bulk', 'absent')
FROM files
UNION ALL
SELECT 'source.systemName', 'teacher-dashboard-etl (synthetic data)'
UNION ALL
SELECT 'source.systemCode', 'teacher-dashboard-etl'
