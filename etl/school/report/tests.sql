SELECT id, group_id, sequence, name, administered_at FROM tests ORDER BY group_id, sequence, id
