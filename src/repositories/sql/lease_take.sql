WITH live AS (
    SELECT count(*) AS n FROM nodes WHERE deleted_at IS NULL
), share AS (
    SELECT ceil(live.n::float8 / greatest(1, count(*) FILTER (WHERE seen_at > clock_timestamp() - make_interval(secs => $2))))::int8 AS n
    FROM readers, live GROUP BY live.n
), mine AS (
    SELECT count(*) AS n FROM node_readings WHERE holder = $1 AND held_until > clock_timestamp()
), free AS (
    SELECT r.node_no FROM node_readings r JOIN nodes n ON n.number = r.node_no
    WHERE n.deleted_at IS NULL
        AND (r.holder IS NULL OR r.held_until IS NULL OR r.held_until <= clock_timestamp() OR $3 AND r.holder <> $1)
    ORDER BY r.node_no
    LIMIT (SELECT greatest(0, share.n - mine.n) FROM share, mine)
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE node_readings r SET holder = $1, held_until = clock_timestamp() + make_interval(secs => $2), epoch = epoch + 1
FROM free f WHERE r.node_no = f.node_no
