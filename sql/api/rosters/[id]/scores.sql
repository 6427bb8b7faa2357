-- title: Scores of a roster
-- description: The scores of one roster's students on every test, sorted by student id, then test.
-- parameters:
--   id: SELECT id FROM rosters
-- columns:
--   id: scores.id
--   student_id: scores.student_id
--   test_id: scores.test_id
--   overall_score: scores.overall_score
--   level: scores.level
--   rc_scores: {"*": integer}
--   std_scores: {"*": integer}
SELECT scores.id, student_id, test_id, overall_score, level, rc_scores, std_scores
FROM students
JOIN scores ON scores.student_id = students.id
WHERE students.roster_id = :id
ORDER BY students.id, test_id
