UPDATE quarantine q SET resolved_at = $3, resolution = 'healed'
FROM connections c
WHERE q.node_no = $1 AND q.connection_id = ANY ($2) AND q.reason = 'implausible' AND q.resolved_at IS NULL
    AND c.id = q.connection_id
    AND (q.generation = c.generation AND q.tx <= c.cur_tx AND q.rx <= c.cur_rx
        OR q.generation = c.generation - 1 AND q.tx <= c.prev_tx AND q.rx <= c.prev_rx)
