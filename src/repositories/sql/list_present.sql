SELECT id, max(tx) AS tx, max(rx) AS rx, max(merged_tx) AS merged_tx, max(merged_rx) AS merged_rx, min(since) AS since,
    bool_or(held) AND (max(tx) > max(merged_tx) OR max(rx) > max(merged_rx)) AS held
FROM (
    SELECT id, cur_tx AS tx, cur_rx AS rx, cur_tx AS merged_tx, cur_rx AS merged_rx,
        coalesce(moved_at, admitted_at, 'epoch') AS since, false AS held
    FROM connections WHERE node_no = $1 AND generation = $2 AND cur_tx + cur_rx > 0
    UNION ALL
    SELECT connection_id, tx, rx, 0, 0, first_seen_at, reason = 'implausible' AND resolved_at IS NULL
    FROM quarantine WHERE node_no = $1 AND generation = $2 AND reason IN ('mac', 'shape', 'implausible', 'poison')
        -- longer ones are cut, and what the database cannot hold is replaced: both stand in no answer
        AND octet_length(connection_id) < 196 AND strpos(connection_id, U&'\FFFD') = 0
) AS seen GROUP BY id
