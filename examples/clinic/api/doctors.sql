-- title: Doctors
-- description: The doctors, with their appointments and the share that was missed.
-- columns: {id: doctors.id, name: doctors.name, specialty: doctors.specialty, appointments: integer, missed_share: number}
SELECT id, name, specialty, appointments, missed_share FROM doctors JOIN workloads ON doctor_id = id ORDER BY name
