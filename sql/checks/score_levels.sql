-- A score's level is the one whose band contains the overall score.
SELECT scores.id, student_id, test_id, overall_score, level, min_score, max_score
FROM scores JOIN performance_levels USING (level)
WHERE overall_score < min_score OR overall_score > max_score
