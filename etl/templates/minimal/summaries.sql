SELECT s.id AS station_id, min(degrees) AS coldest, max(degrees) AS warmest,
       count(*) FILTER (degrees < $frost) AS frosty_days
FROM stations AS s JOIN readings AS r ON r.station_id = s.id
GROUP BY s.id
