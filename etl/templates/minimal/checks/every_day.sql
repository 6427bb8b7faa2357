-- Every station has as many readings as the pipeline has days.
-- stages: readings
SELECT station_id, count(*) AS days FROM readings GROUP BY station_id
HAVING count(*) <> (SELECT max(json_extract(value, '$.params.days')) FROM json_each(:stages))
