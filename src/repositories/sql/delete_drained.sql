WITH ours AS (
    UPDATE node_readings r SET generation = generation + 2, doubtful_generation = generation + 2, holder = NULL, held_until = NULL
    FROM nodes n
    WHERE r.node_no = $1 AND r.epoch = $2 AND n.number = r.node_no AND n.draining_at IS NOT NULL AND n.removing AND n.deleted_at IS NULL
    RETURNING r.node_no
)
UPDATE nodes n SET deleted_at = $3, updated_at = $3, version = version + 1 FROM ours WHERE n.number = ours.node_no
RETURNING n.id
