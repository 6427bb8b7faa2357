-- Performance levels ascend, and each band begins directly above the one below it.
WITH bands AS (
  SELECT
    level,
    min_score,
    max_score,
    row_number() OVER (ORDER BY level) AS place,
    lag(max_score) OVER (ORDER BY level) AS ends_below
  FROM performance_levels
)
SELECT * FROM bands WHERE max_score < min_score OR (place > 1 AND min_score IS NOT ends_below + 1)
