-- A score's id is (student_id - 1) x number of tests + sequence of the test.
WITH counted AS MATERIALIZED (SELECT count(*) AS number FROM tests)
SELECT scores.id, student_id, test_id, (student_id - 1) * number + sequence AS must_be
FROM counted CROSS JOIN scores JOIN tests ON tests.id = scores.test_id
WHERE scores.id <> (student_id - 1) * number + sequence
