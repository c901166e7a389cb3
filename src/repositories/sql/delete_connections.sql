DELETE FROM connections c USING (
    SELECT old.id FROM connections old JOIN node_readings r ON r.node_no = old.node_no
    WHERE old.generation <= r.generation - 2
        AND (old.ended_at < $1 OR old.ended_at IS NULL AND old.online_at IS NULL AND coalesce(old.moved_at, old.admitted_at, 'epoch') < $1)
    ORDER BY old.id COLLATE "C" LIMIT $2
    FOR UPDATE OF old SKIP LOCKED
) AS gone, node_readings r
WHERE c.id = gone.id AND r.node_no = c.node_no AND c.generation <= r.generation - 2
