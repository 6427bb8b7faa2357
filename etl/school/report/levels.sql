SELECT level, name, min_score, color FROM performance_levels ORDER BY level
