-- Keeps a fair share of what is held, gives back the rest and what need not be read any more. Rows that a merge has
-- locked are skipped: the next round comes long before they run out.
WITH live AS (
    SELECT count(*) AS n FROM nodes WHERE deleted_at IS NULL
), share AS (
    SELECT ceil(live.n::float8 / greatest(1, count(*) FILTER (WHERE seen_at > clock_timestamp() - make_interval(secs => $2))))::int8 AS n
    FROM readers, live GROUP BY live.n
), held AS (
    SELECT r.node_no, n.deleted_at IS NULL AS wanted,
        row_number() OVER (PARTITION BY n.deleted_at IS NULL ORDER BY r.node_no) AS place
    FROM node_readings r JOIN nodes n ON n.number = r.node_no
    WHERE r.holder = $1 AND r.held_until > clock_timestamp()
), free AS (
    SELECT r.node_no FROM node_readings r JOIN held h USING (node_no) ORDER BY r.node_no FOR UPDATE OF r SKIP LOCKED
)
UPDATE node_readings r SET
    holder = CASE WHEN h.wanted AND h.place <= share.n THEN r.holder END,
    held_until = CASE WHEN h.wanted AND h.place <= share.n THEN clock_timestamp() + make_interval(secs => $2) END
FROM held h, share, free f WHERE r.node_no = h.node_no AND f.node_no = r.node_no AND r.holder = $1
