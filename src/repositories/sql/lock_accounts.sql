-- Nobody locks users FOR UPDATE: every insert's foreign key takes FOR KEY SHARE, and they would dead-lock.
SELECT number, quota, quota_window, window_anchor, window_started_at, window_baseline, used_total, used, warned_percent,
    activated_at, on_hold, valid_for_seconds, expires_at
FROM users WHERE number = ANY ($1) ORDER BY number FOR NO KEY UPDATE
