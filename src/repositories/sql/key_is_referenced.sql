-- $1 purpose, $2 key number, $3 the number as the first letter of a connection id.
-- A sealed value begins with its key's number, two bytes. Nothing refers to the audit's key yet: its rows are unchained.
SELECT CASE $1
    WHEN 'pepper' THEN EXISTS (SELECT FROM credentials WHERE pepper_id = $2)
    WHEN 'connection_id' THEN EXISTS (SELECT FROM connections WHERE id LIKE $3 || '%')
    WHEN 'sealing' THEN
        EXISTS (SELECT FROM credentials WHERE substr(secret_sealed, 1, 2) = int2send($2))
        OR EXISTS (
            SELECT FROM nodes
            WHERE int2send($2) IN (
                substr(obfs_password_sealed, 1, 2), substr(hook_secret_sealed, 1, 2), substr(stats_secret_sealed, 1, 2)
            )
        )
        OR EXISTS (
            SELECT FROM kept_answers
            WHERE int2send($2) IN (substr(request_sealed, 1, 2), substr(answer_sealed, 1, 2))
        )
        OR EXISTS (
            SELECT FROM node_configs
            WHERE int2send($2) IN (substr(obfs_password_sealed, 1, 2), substr(stats_secret_sealed, 1, 2))
        )
    ELSE false
END AS referenced
