-- Nobody has an appointment on a weekend.
SELECT id, day FROM appointments WHERE strftime('%w', day) IN ('0', '6')
