-- title: Months
-- description: The loans of each month, and the share that came back late.
-- columns: {begins: months.begins, loans: months.loans, late_share: months.late_share}
SELECT begins, loans, late_share FROM months ORDER BY month
