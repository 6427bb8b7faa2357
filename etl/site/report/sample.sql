-- One row in so many, each at another place among them, for rows may take turns: only these are read.
SELECT {table}.* FROM (
  WITH RECURSIVE picked(place, first) AS (
    SELECT 0, min(_rowid_) FROM {table}
    UNION ALL
    SELECT place + 1, first + {every} FROM picked WHERE first + {every} <= (SELECT max(_rowid_) FROM {table})
  )
  SELECT first + (place * 2654435761 % 4294967296 >> 16) % {every} AS number FROM picked
) CROSS JOIN {table} ON {table}._rowid_ = number
