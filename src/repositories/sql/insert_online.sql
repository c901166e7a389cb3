INSERT INTO connections AS c (id, node_no, user_no, device_no, credential_version, generation, online_at)
SELECT a.id, a.node_no, a.user_no, a.device_no, a.credential_version, coalesce(r.generation, 1), $6
FROM unnest($1::text[], $2::int8[], $3::int8[], $4::int8[], $5::int4[]) AS a (id, node_no, user_no, device_no, credential_version)
LEFT JOIN node_readings r ON r.node_no = a.node_no
ORDER BY a.id COLLATE "C"
ON CONFLICT (id) DO UPDATE SET online_at = coalesce(c.online_at, excluded.online_at), ended_at = NULL
