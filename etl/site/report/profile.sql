-- Of a table, or of a sample of it.
SELECT count(*) - count({column}), count({column}), count(DISTINCT {column}), min({column}), max({column}),
  total(typeof({column}) IN ('integer', 'real')) = count({column})
FROM {rows}
