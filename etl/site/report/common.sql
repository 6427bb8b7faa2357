SELECT {column} AS value, count(*) AS number
FROM {rows} WHERE {column} IS NOT NULL GROUP BY value ORDER BY number DESC, value LIMIT 3
