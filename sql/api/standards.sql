-- title: Standards
-- description: Every standard with its reporting category. Its id is the key in stdScores.
-- columns:
--   id: standards.id
--   rc_id: standards.rc_id
--   domain: standards.domain
--   sub_domain: standards.sub_domain
--   code: standards.code
--   description: standards.description
SELECT id, rc_id, domain, sub_domain, code, description
FROM standards
ORDER BY id
