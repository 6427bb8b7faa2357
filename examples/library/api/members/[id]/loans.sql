-- title: Loans of a member
-- description: What one member has borrowed, by month.
-- parameters: {id: SELECT id FROM members}
-- columns: {month: loans.month, title: books.title, author: books.author, is_late: loans.is_late}
SELECT month, title, author, is_late FROM loans JOIN books ON books.id = book_id
WHERE member_id = :id ORDER BY month, title
