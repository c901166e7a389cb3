INSERT INTO node_readings (node_no)
SELECT number FROM nodes n WHERE deleted_at IS NULL AND NOT EXISTS (SELECT FROM node_readings r WHERE r.node_no = n.number)
ON CONFLICT DO NOTHING
