-- title: Appointments of a doctor
-- description: The appointments of one doctor, in order.
-- parameters: {id: SELECT id FROM doctors}
-- columns: {patient_id: patients.id, day: appointments.day, time: appointments.time, outcome: appointments.outcome}
SELECT patient_id, day, time, outcome FROM appointments WHERE doctor_id = :id ORDER BY day, time
