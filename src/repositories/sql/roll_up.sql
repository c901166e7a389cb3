INSERT INTO usage_daily AS d (user_no, device_no, node_no, day, tx, rx)
SELECT user_no, device_no, node_no, $1, least(sum(tx), 1::int8 << 62)::int8, least(sum(rx), 1::int8 << 62)::int8
FROM usage_hourly
WHERE hour >= $1::timestamp AT TIME ZONE 'UTC' AND hour < ($1 + 1)::timestamp AT TIME ZONE 'UTC'
GROUP BY user_no, device_no, node_no
ORDER BY user_no, device_no, node_no
ON CONFLICT (user_no, device_no, node_no, day) DO UPDATE SET tx = excluded.tx, rx = excluded.rx
    WHERE (d.tx, d.rx) IS DISTINCT FROM (excluded.tx, excluded.rx)
