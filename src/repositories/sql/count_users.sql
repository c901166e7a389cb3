SELECT CASE
    WHEN deleted_at IS NOT NULL THEN 'deleted'
    WHEN suspended_at IS NOT NULL THEN 'suspended'
    WHEN expires_at <= $1 THEN 'expired'
    WHEN used >= quota THEN 'limited'
    WHEN on_hold AND activated_at IS NULL THEN 'on_hold'
    ELSE 'active' END AS status, count(*) AS number
FROM users WHERE erased_at IS NULL GROUP BY 1
