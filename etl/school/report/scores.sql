SELECT test_id, overall_score AS score, level, count(*) AS students
FROM scores GROUP BY test_id, overall_score, level ORDER BY test_id, overall_score, level
