UPDATE users u SET window_anchor = a.window_anchor, window_started_at = a.window_started_at, window_baseline = a.window_baseline,
    used_total = a.used_total, used = a.used, warned_percent = a.warned_percent,
    activated_at = a.activated_at, expires_at = a.expires_at
FROM unnest($1::int8[], $2::timestamptz[], $3::timestamptz[], $4::int8[], $5::int8[], $6::int8[], $7::int2[], $8::timestamptz[], $9::timestamptz[])
    AS a (number, window_anchor, window_started_at, window_baseline, used_total, used, warned_percent, activated_at, expires_at)
WHERE u.number = a.number
