-- Category and standard scores are valid JSON.
SELECT id, student_id, test_id, rc_scores, std_scores
FROM scores
WHERE NOT json_valid(rc_scores) OR NOT json_valid(std_scores)
