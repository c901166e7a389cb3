WITH gone AS (
    DELETE FROM readers WHERE instance IN (
        SELECT instance FROM readers WHERE seen_at < clock_timestamp() - make_interval(secs => $2 * 2) FOR UPDATE SKIP LOCKED)
    AND instance <> $1
)
INSERT INTO readers (instance, seen_at) VALUES ($1, clock_timestamp())
ON CONFLICT (instance) DO UPDATE SET seen_at = excluded.seen_at
