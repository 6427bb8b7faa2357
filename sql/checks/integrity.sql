-- The file is intact: every page is readable, and every index matches its table.
SELECT integrity_check AS problem FROM pragma_integrity_check WHERE integrity_check <> 'ok'
