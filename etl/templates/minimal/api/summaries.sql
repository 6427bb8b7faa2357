-- title: Summaries
-- description: The coldest and the warmest reading of each station.
-- columns: {name: stations.name, coldest: summaries.coldest, warmest: summaries.warmest}
SELECT name, coldest, warmest FROM summaries JOIN stations ON id = station_id ORDER BY name
