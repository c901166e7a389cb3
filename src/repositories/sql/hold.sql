-- $1 node, $2 open entries a reason at most, $3 when; then by entry: $4 id, $5 generation, $6 reason, $7 tx, $8 rx
WITH new AS (
    SELECT id, generation, reason, max(tx) AS tx, max(rx) AS rx
    FROM unnest($4::text[], $5::int8[], $6::text[], $7::int8[], $8::int8[]) AS h (id, generation, reason, tx, rx)
    GROUP BY id, generation, reason
), room AS (
    SELECT reason, $2 - (SELECT count(*) FROM quarantine q WHERE q.node_no = $1 AND q.reason = n.reason AND q.resolved_at IS NULL) AS n
    FROM new n GROUP BY reason
), known AS (
    SELECT n.*, EXISTS (SELECT FROM quarantine q WHERE q.node_no = $1 AND q.connection_id = n.id AND q.generation = n.generation AND q.reason = n.reason) AS is_known
    FROM new n
), placed AS (
    SELECT k.*, count(*) FILTER (WHERE NOT is_known) OVER (PARTITION BY reason ORDER BY id, generation) AS place FROM known k
)
INSERT INTO quarantine AS q (node_no, connection_id, generation, reason, tx, rx, first_seen_at, last_seen_at)
SELECT $1, id, generation, p.reason, tx, rx, $3, $3
FROM placed p JOIN room USING (reason) WHERE is_known OR place <= room.n
ORDER BY id, generation, reason
ON CONFLICT (node_no, connection_id, generation, reason) DO UPDATE SET
    tx = greatest(q.tx, excluded.tx), rx = greatest(q.rx, excluded.rx), last_seen_at = greatest(q.last_seen_at, excluded.last_seen_at),
    resolved_at = CASE WHEN excluded.tx > q.tx OR excluded.rx > q.rx THEN NULL ELSE q.resolved_at END,
    resolution = CASE WHEN excluded.tx > q.tx OR excluded.rx > q.rx THEN NULL ELSE q.resolution END
