SELECT month, ($begin::DATE + to_months((month - 1)::INTEGER))::DATE AS begins, count(*) AS loans,
       avg(is_late::INTEGER)::DECIMAL(5, 4) AS late_share
FROM loans
GROUP BY month
