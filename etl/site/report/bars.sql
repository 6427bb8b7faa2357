-- How many numbers are in each of so many steps of the same width, from the least to the most.
SELECT min(CAST(({column} - :least) * :bars / (:most - :least) AS INTEGER), :bars - 1) AS bar, count(*)
FROM {rows} WHERE {column} IS NOT NULL GROUP BY bar
