DELETE FROM usage_touched WHERE (node_no, user_no) IN (
    SELECT t.node_no, t.user_no
    FROM usage_touched t
    JOIN unnest($1::int8[], $2::int8[], $3::int8[]) AS d (node_no, user_no, stamp) USING (node_no, user_no, stamp)
    FOR UPDATE OF t SKIP LOCKED
)
