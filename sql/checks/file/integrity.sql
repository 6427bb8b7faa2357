-- The file is sound: every page, and every index against its table.
SELECT integrity_check AS problem FROM pragma_integrity_check WHERE integrity_check <> 'ok'
