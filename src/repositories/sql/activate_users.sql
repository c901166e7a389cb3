WITH first AS (
    SELECT number, min(at) AS at FROM unnest($1::int8[], $2::timestamptz[]) AS a (number, at) GROUP BY number
), locked AS (
    SELECT u.number, f.at FROM users u JOIN first f USING (number)
    WHERE u.activated_at IS NULL OR u.activated_at > f.at
    ORDER BY u.number FOR NO KEY UPDATE OF u
)
UPDATE users u SET activated_at = least(u.activated_at, l.at),
    expires_at = CASE WHEN u.on_hold AND u.valid_for_seconds IS NOT NULL
        THEN least(u.activated_at, l.at) + make_interval(secs => u.valid_for_seconds) ELSE u.expires_at END,
    window_started_at = CASE WHEN u.quota_window = 'rolling-30' AND u.window_anchor IS NULL THEN l.at ELSE u.window_started_at END,
    window_anchor = CASE WHEN u.quota_window = 'rolling-30' THEN coalesce(u.window_anchor, l.at) ELSE u.window_anchor END,
    version = u.version + 1
FROM locked l WHERE u.number = l.number
RETURNING u.number
