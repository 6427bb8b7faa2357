-- Five days a week, twenty minutes each from nine o'clock on.
SELECT doctor_id, patient_id, outcome,
       $monday::DATE + (7 * (day // 5) + day % 5)::INTEGER AS day,
       strftime(TIMESTAMP '2000-01-01 09:00:00' + to_minutes(20 * slot), '%H:%M') AS time
FROM slots
ORDER BY slots.day, slot, doctor_id
