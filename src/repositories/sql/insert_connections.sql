INSERT INTO connections AS c (id, node_no, user_no, device_no, credential_version, generation, client_addr, admitted_at)
SELECT a.id, a.node_no, a.user_no, a.device_no, a.credential_version, coalesce(r.generation, 1), a.client_addr::inet, a.admitted_at
FROM unnest($1::text[], $2::int8[], $3::int8[], $4::int8[], $5::int4[], $6::text[], $7::timestamptz[])
    AS a (id, node_no, user_no, device_no, credential_version, client_addr, admitted_at)
LEFT JOIN node_readings r ON r.node_no = a.node_no
ORDER BY a.id COLLATE "C"
ON CONFLICT (id) DO UPDATE SET client_addr = excluded.client_addr, admitted_at = least(c.admitted_at, excluded.admitted_at)
