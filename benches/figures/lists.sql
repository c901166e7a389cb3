-- What every list is walked over: a million users of every status in groups of all sizes, a million of whatever else can
-- be long. The first numbers after 300,000 are left to users that the figures themselves make. Written as the program would,
-- without its services and triggers.
SET session_replication_role = replica;
SET synchronous_commit = off;
INSERT INTO groups (id, name, created_at) VALUES
    (gen_random_uuid(), 'tenth', now()), (gen_random_uuid(), 'small', now()), (gen_random_uuid(), 'few', now());
INSERT INTO users (id, number, name, window_started_at, created_at, updated_at, quota, used, used_total, on_hold,
    valid_for_seconds, suspended_at, deleted_at, expires_at, lapsed_at)
OVERRIDING SYSTEM VALUE
SELECT gen_random_uuid(), n, CASE n % 3 WHEN 0 THEN 'member' WHEN 1 THEN 'person' ELSE 'user' END || n, now(),
    now() - n * interval '1 second', now(), 1000,
    CASE n % 100 WHEN 1 THEN 2000 ELSE 0 END, CASE n % 100 WHEN 1 THEN 2000 ELSE 0 END, n % 100 = 2,
    CASE n % 100 WHEN 2 THEN 86400 END, CASE WHEN n % 100 IN (3, 4) THEN now() END, CASE n % 1000 WHEN 5 THEN now() END,
    CASE WHEN n % 100 = 6 THEN now() - n * interval '1 second' WHEN n % 2 = 0 THEN now() + n * interval '1 minute' END, now()
FROM generate_series(300101, 1000000) n;
SELECT setval(pg_get_serial_sequence('users', 'number'), 1000000);
INSERT INTO group_users (group_no, user_no)
SELECT g.number, n FROM groups g, generate_series(1, 1000000) n
WHERE g.name = 'default' AND n > 300100 OR g.name = 'tenth' AND n % 10 = 7 OR g.name = 'small' AND n % 1000 = 7
    OR g.name = 'few' AND n % 100000 = 7;
INSERT INTO plans (id, name, created_at, updated_at)
SELECT gen_random_uuid(), 'plan' || n, now(), now() FROM generate_series(1, 10000) n;
INSERT INTO groups (id, name, created_at) SELECT gen_random_uuid(), 'group' || n, now() FROM generate_series(1, 10000) n;
INSERT INTO nodes (id, name, address, hook_secret_hash, hook_secret_sealed, stats_url, stats_secret_sealed, created_at,
    updated_at, deleted_at)
SELECT gen_random_uuid(), 'gone' || n, '127.0.0.1:443', sha256(('gone' || n)::bytea), '\x00', 'http://127.0.0.1:9/' || n,
    '\x00', now(), now(), now() FROM generate_series(1, 10000) n;
INSERT INTO devices (id, number, user_no, name, removed_at, created_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT gen_random_uuid(), n, n % 300000 + 1, 'old' || n, now(), now(), now() FROM generate_series(1000001, 1200000) n;
SELECT setval(pg_get_serial_sequence('devices', 'number'), 1200000);
-- one person with very many logins, most of them ended, and everybody else's
INSERT INTO sessions (id, user_no, kind, created_at, fresh_at, used_at, expires_at, ended_at, ended)
SELECT (lpad(to_hex((1700000000000 + n)::int8), 12, '0') || '7000' || lpad(to_hex((32768 + n % 16384)::int8), 4, '0') || lpad(to_hex(n::int8), 12, '0'))::uuid,
    CASE WHEN n % 10 = 0 THEN 1 ELSE n % 300000 + 1 END, 'token', now(), now(), now(), now() + interval '30 days',
    CASE WHEN n > 600000 THEN now() END, CASE WHEN n > 600000 THEN 'logout' END
FROM generate_series(1, 1000000) n;
INSERT INTO events (kind, severity, actor, user_no, node_no, data, at)
SELECT CASE n % 5 WHEN 0 THEN 'node.unreadable' ELSE 'user.suspended' END, 'info', 'system',
    CASE WHEN n % 5 > 0 THEN n % 300000 + 1 END, CASE n % 5 WHEN 0 THEN n % 8 + 1 END, '{"n": 1}',
    now() - (1000001 - n) * interval '1 second' FROM generate_series(1, 1000000) n;
INSERT INTO audit (principal, action, subject, detail, at, user_no)
SELECT CASE WHEN n % 100000 = 7 THEN 'token:rare' WHEN n % 3 = 0 THEN 'cli:0' ELSE 'token:often' END,
    CASE WHEN n % 100000 = 9 THEN 'plan.create' WHEN n % 1000 = 9 THEN 'user.erase' WHEN n % 2 = 0 THEN 'user.edit' ELSE 'device.create' END,
    'user:' || n % 300000 + 1, '{"n": 1}', now() - (1000001 - n) * interval '1 second', n % 300000 + 1
FROM generate_series(1, 1000000) n;
INSERT INTO webhooks (id, name, url, secret_sealed, enabled, created_by, created_at, updated_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'many', 'https://receiver.example/', '\x00', false, 'cli:0', now(), now());
INSERT INTO webhook_deliveries (id, webhook_id, kind, user_no, body, state, next_at, created_at, queued_at, done_at)
SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000001', 'user.suspended', n % 300000 + 1, '{"type":"user.suspended","n":1}',
    CASE WHEN n % 100000 = 7 THEN 'failed' ELSE 'delivered' END, now(), now(), now(), now() FROM generate_series(1, 1000000) n;
INSERT INTO quarantine (node_no, connection_id, generation, reason, tx, rx, first_seen_at, last_seen_at, resolved_at, resolution)
SELECT n % 8 + 1, 'held' || n, 1, 'mac', 1, 1, now(), now(), CASE WHEN n <= 950000 THEN now() END,
    CASE WHEN n <= 950000 THEN 'dropped' END FROM generate_series(1, 1000000) n;
INSERT INTO connections (id, node_no, user_no, device_no, credential_version, generation, cur_tx, cur_rx, admitted_at, online_at, ended_at)
SELECT '1' || to_hex((n / 4 % 300000 + 1)::int8) || '.' || to_hex(n::int8) || '.1.aaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbb', n % 8 + 1,
    n / 4 % 300000 + 1, n + 1, 1, 1, 1, 1, now(), now(), CASE WHEN n % 49 > 0 THEN now() END FROM generate_series(1, 999999) n;
SET session_replication_role = origin;
