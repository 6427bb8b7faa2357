CREATE TABLE stations ( -- Where it is measured.
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  height INTEGER NOT NULL -- Metres above the sea.
);
CREATE TABLE readings ( -- One temperature for each station and day.
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- The stage gives no ids, so the rows are numbered.
  station_id INTEGER NOT NULL REFERENCES stations (id),
  day INTEGER NOT NULL,
  degrees INTEGER NOT NULL, -- In Celsius.
  UNIQUE (station_id, day)
);
CREATE TABLE summaries ( -- The week of each station.
  station_id INTEGER PRIMARY KEY REFERENCES stations (id),
  coldest INTEGER NOT NULL,
  warmest INTEGER NOT NULL,
  frosty_days INTEGER NOT NULL
);
