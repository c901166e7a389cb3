SELECT number, id::text, name, stats_url, stats_secret_sealed, line_rate, version,
    draining_at IS NOT NULL AND removing AS draining, require_stats_seconds IS NOT NULL AS requires_stats
FROM nodes WHERE deleted_at IS NULL AND number = ANY ($1) ORDER BY number
