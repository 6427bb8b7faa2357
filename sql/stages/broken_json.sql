-- Scores whose JSON is none, before it goes into the database: sql/checks/full/score_json.sql asks the same of that.
SELECT id, student_id, test_id, rc_scores, std_scores
FROM scores
WHERE NOT json_valid(rc_scores) OR NOT json_valid(std_scores)
