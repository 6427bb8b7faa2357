-- title: Reporting categories
-- description: Every reporting category with its standards, by domain and sub-domain. Its id is the key in rcScores.
-- columns:
--   id: reporting_categories.id
--   name: reporting_categories.name
--   description: reporting_categories.description
--   domains: [{name: text, subDomains: [{name: text, standards: [{id: integer, code: text, description: text}]}]}]
WITH
sub_domains AS (
  SELECT
    rc_id, domain, coalesce(sub_domain, '') AS name, min(id) AS first_id,
    json_group_array(json_object('id', id, 'code', code, 'description', description)) AS standards
  FROM (SELECT * FROM standards ORDER BY id)
  GROUP BY rc_id, domain, sub_domain
),
domains AS (
  SELECT
    rc_id, domain AS name, min(first_id) AS first_id,
    json_group_array(json_object('name', name, 'standards', json(standards))) AS sub_domains
  FROM (SELECT * FROM sub_domains ORDER BY first_id)
  GROUP BY rc_id, domain
)
SELECT
  id, name, description,
  (
    SELECT json_group_array(json_object('name', name, 'subDomains', json(sub_domains)))
    FROM (SELECT * FROM domains WHERE rc_id = reporting_categories.id ORDER BY first_id)
  ) AS domains
FROM reporting_categories
ORDER BY id
