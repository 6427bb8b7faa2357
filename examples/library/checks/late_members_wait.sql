-- Nobody borrows a book in the month after a late return.
SELECT loans.id FROM loans
JOIN loans AS earlier ON earlier.member_id = loans.member_id AND earlier.month = loans.month - 1
WHERE earlier.is_late
