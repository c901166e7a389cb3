-- Credits one report of one node (design, 2B.2). Runs after the node's row in node_readings was locked, in the same
-- transaction but in a statement of its own: its snapshot then holds everything that earlier readers committed, and
-- nobody else writes counters of this node's connections meanwhile.
--
-- $1 node, $2 the report's generation, $3 last generation that did not begin with our own answered clean-up (0: none),
-- $4 the node's generation, $5 begin of the read, $6 its hour; then by connection, sorted by id and each once:
-- $7 id, $8 user, $9 device, $10 credential version, $11 tx, $12 rx; and $13 the last such generation that the node has by
-- now, for a report that comes late
WITH report AS (
    SELECT * FROM unnest($7::text[], $8::int8[], $9::int8[], $10::int4[], $11::int8[], $12::int8[])
        AS r (id, user_no, device_no, credential_version, tx, rx)
), known AS (
    SELECT r.*, $2 - c.generation AS step, c.generation,
        coalesce(c.base_tx, 0) AS base_tx, coalesce(c.prev_tx, 0) AS prev_tx, coalesce(c.cur_tx, 0) AS cur_tx,
        coalesce(c.base_rx, 0) AS base_rx, coalesce(c.prev_rx, 0) AS prev_rx, coalesce(c.cur_rx, 0) AS cur_rx,
        -- The map was emptied, but not by us, since this id's last counters, and they did not start again: as likely
        -- as not it is the same map, read through another server's in between.
        c.generation < $3 AND r.tx >= c.cur_tx AND r.rx >= c.cur_rx AND c.cur_tx + c.cur_rx > 0 AS doubted,
        -- The same, seen from behind: late counters of the generation before one that did not begin with our clean-up.
        -- Unless that one's first counters fell below them (then prev has them), both may be reads of one map.
        $2 < $13 AND c.prev_tx + c.prev_rx = 0 AS doubted_late
    FROM report r LEFT JOIN connections c ON c.id = r.id
), next AS (
    SELECT id, user_no, device_no, credential_version, step,
        CASE
            WHEN step IS NULL THEN $2 >= $4 - 1
            WHEN step = 0 THEN tx > cur_tx OR rx > cur_rx
            WHEN step = -1 THEN NOT doubted_late AND (tx > prev_tx OR rx > prev_rx)
            ELSE step > 0
        END AS writes,
        CASE
            WHEN step IS NULL AND $2 < $4 - 1 OR step < -1 THEN 'old_generation'
            WHEN step > 0 AND doubted OR step = -1 AND doubted_late AND tx + rx > 0 THEN 'doubt'
        END AS holds,
        greatest(generation, $2) AS generation,
        least(CASE WHEN step > 1 AND NOT doubted THEN base_tx + prev_tx + cur_tx WHEN step > 0 THEN base_tx + prev_tx ELSE base_tx END, 1::int8 << 62) AS base_tx,
        least(CASE WHEN step > 1 AND NOT doubted THEN base_rx + prev_rx + cur_rx WHEN step > 0 THEN base_rx + prev_rx ELSE base_rx END, 1::int8 << 62) AS base_rx,
        CASE WHEN step = 1 AND NOT doubted THEN cur_tx WHEN step > 0 THEN 0 WHEN step = -1 THEN greatest(prev_tx, tx) ELSE prev_tx END AS prev_tx,
        CASE WHEN step = 1 AND NOT doubted THEN cur_rx WHEN step > 0 THEN 0 WHEN step = -1 THEN greatest(prev_rx, rx) ELSE prev_rx END AS prev_rx,
        CASE WHEN step = 0 THEN greatest(cur_tx, tx) WHEN step < 0 THEN cur_tx ELSE tx END AS cur_tx,
        CASE WHEN step = 0 THEN greatest(cur_rx, rx) WHEN step < 0 THEN cur_rx ELSE rx END AS cur_rx,
        base_tx + prev_tx + cur_tx AS old_tx, base_rx + prev_rx + cur_rx AS old_rx,
        -- what is held: the old counters of the generation before, or the report's own
        CASE WHEN step > 0 THEN cur_tx ELSE tx END AS held_tx,
        CASE WHEN step > 0 THEN cur_rx ELSE rx END AS held_rx
    FROM known
), credit AS (
    SELECT *,
        base_tx + prev_tx + cur_tx - old_tx AS more_tx,
        base_rx + prev_rx + cur_rx - old_rx AS more_rx
    FROM next WHERE writes
), written AS (
    INSERT INTO connections AS c (id, node_no, user_no, device_no, credential_version, generation,
        base_tx, prev_tx, cur_tx, base_rx, prev_rx, cur_rx, moved_at)
    SELECT id, $1, user_no, device_no, credential_version, generation,
        base_tx, prev_tx, cur_tx, base_rx, prev_rx, cur_rx, $5
    FROM credit ORDER BY id COLLATE "C"
    ON CONFLICT (id) DO UPDATE SET generation = excluded.generation,
        base_tx = excluded.base_tx, prev_tx = excluded.prev_tx, cur_tx = excluded.cur_tx,
        base_rx = excluded.base_rx, prev_rx = excluded.prev_rx, cur_rx = excluded.cur_rx,
        moved_at = greatest(c.moved_at, excluded.moved_at)
), sums AS (
    SELECT user_no, device_no, least(sum(more_tx), 1::int8 << 60)::int8 AS tx, least(sum(more_rx), 1::int8 << 60)::int8 AS rx
    FROM credit GROUP BY user_no, device_no HAVING sum(more_tx) + sum(more_rx) > 0
), totals AS (
    INSERT INTO usage_totals AS t (user_no, device_no, node_no, tx, rx)
    SELECT user_no, device_no, $1, tx, rx FROM sums ORDER BY user_no, device_no
    ON CONFLICT (user_no, device_no, node_no) DO UPDATE
        SET tx = least(t.tx + excluded.tx, 1::int8 << 62), rx = least(t.rx + excluded.rx, 1::int8 << 62)
), hourly AS (
    INSERT INTO usage_hourly AS h (user_no, device_no, node_no, hour, tx, rx)
    SELECT user_no, device_no, $1, $6, tx, rx FROM sums ORDER BY user_no, device_no
    ON CONFLICT (user_no, device_no, node_no, hour) DO UPDATE
        SET tx = least(h.tx + excluded.tx, 1::int8 << 62), rx = least(h.rx + excluded.rx, 1::int8 << 62)
), touched AS (
    INSERT INTO usage_touched (node_no, user_no, stamp)
    SELECT DISTINCT $1::int8, user_no, pg_current_xact_id()::text::int8 FROM sums ORDER BY user_no
    ON CONFLICT (node_no, user_no) DO UPDATE SET stamp = excluded.stamp
)
SELECT holds AS kind, id, CASE WHEN step > 0 THEN $2 - 1 ELSE $2 END AS generation, held_tx AS tx, held_rx AS rx
FROM next WHERE holds IS NOT NULL
UNION ALL
SELECT 'credited', '', (SELECT count(*) FROM credit), least(coalesce(sum(tx), 0), 1::int8 << 62)::int8, least(coalesce(sum(rx), 0), 1::int8 << 62)::int8 FROM sums
