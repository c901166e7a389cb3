SELECT CASE WHEN blocked_at IS NOT NULL THEN 'blocked' ELSE 'active' END AS status, count(*) AS number
FROM devices WHERE removed_at IS NULL GROUP BY 1
