SELECT number FROM users
WHERE quota_window = $1 AND quota_window <> 'none' AND erased_at IS NULL AND window_started_at < $2
    AND (quota_window <> 'rolling-30' OR window_anchor IS NOT NULL)
ORDER BY window_started_at LIMIT $3
