-- title: Performance levels
-- description: The performance levels as ranges of scale scores, lowest first.
-- columns:
--   id: performance_levels.id
--   level: performance_levels.level
--   name: performance_levels.name
--   description: performance_levels.description
--   min_score: performance_levels.min_score
--   max_score: performance_levels.max_score
--   color: performance_levels.color
SELECT id, level, name, description, min_score, max_score, color
FROM performance_levels
ORDER BY level
