SELECT doctors.id AS doctor_id, count(*) AS appointments, avg((outcome = 'missed')::INTEGER) AS missed_share
FROM doctors JOIN appointments ON doctor_id = doctors.id
GROUP BY doctors.id
