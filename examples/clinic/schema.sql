CREATE TABLE doctors (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  specialty TEXT NOT NULL
);
CREATE TABLE patients (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  born INTEGER NOT NULL -- Year of birth.
);
CREATE TABLE appointments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  doctor_id INTEGER NOT NULL REFERENCES doctors (id),
  patient_id INTEGER NOT NULL REFERENCES patients (id),
  day DATE NOT NULL,
  time TEXT NOT NULL, -- HH:MM.
  outcome TEXT NOT NULL CHECK (outcome IN ('kept', 'cancelled', 'missed')),
  UNIQUE (doctor_id, day, time)
);
CREATE INDEX appointments_by_patient ON appointments (patient_id);
CREATE TABLE workloads ( -- What a doctor's weeks look like.
  doctor_id INTEGER PRIMARY KEY REFERENCES doctors (id),
  appointments INTEGER NOT NULL,
  missed_share REAL NOT NULL
);
