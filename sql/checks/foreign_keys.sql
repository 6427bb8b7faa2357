-- Every row refers to rows that exist.
SELECT "table", rowid AS row, parent AS refers_to FROM pragma_foreign_key_check
